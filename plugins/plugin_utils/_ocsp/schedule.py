# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a staple is to be renewed."""

from __future__ import annotations

from datetime import datetime

from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import STAPLE_JITTER, STAPLE_RENEWAL

# In how many steps certificates spread over the jitter. Taken from the end of the serial, where even the serials of
# an authority that counts differ.
STEPS = 1000


def renew_at(serial: int, this_update: datetime, next_update: datetime) -> datetime:
    """From when on a staple is to be replaced, to the second: a time that depends on its certificate's ``serial``."""
    jitter = serial % STEPS / (STEPS - 1) * STAPLE_JITTER
    return (this_update + (next_update - this_update) * (STAPLE_RENEWAL - jitter)).replace(microsecond=0)
