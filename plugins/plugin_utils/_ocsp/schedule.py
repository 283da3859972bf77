# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a staple is to be renewed, and when that is tried again after it failed."""

from __future__ import annotations

from datetime import datetime, timedelta

from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    LONGEST_PAUSE_ASKED,
    PAUSE_JITTER,
    STAPLE_JITTER,
    STAPLE_RENEWAL,
)

# In how many steps certificates spread over the jitter. Taken from the end of the serial, where even the serials of
# an authority that counts differ.
STEPS = 1000


def renew_at(serial: int, this_update: datetime, next_update: datetime) -> datetime:
    """From when on a staple is to be replaced, to the second: a time that depends on its certificate's ``serial``."""
    jitter = _share(serial) * STAPLE_JITTER
    return (this_update + (next_update - this_update) * (STAPLE_RENEWAL - jitter)).replace(microsecond=0)


def try_again_at(serial: int, failures: int, now: datetime, asked: timedelta = timedelta(0)) -> datetime:
    """From when on a responder that gave nothing ``failures`` times in a row is asked again, to the second.

    The pause doubles with each failure, and is as long as ``asked`` by the responder where that is longer. 0 failures
    stand for one that more attempts will not change: the pause is the longest at once.
    """
    doublings = min(failures - 1, (LONGEST_PAUSE // FIRST_PAUSE).bit_length())  # more of them change nothing
    pause = min(FIRST_PAUSE * 2**doublings, LONGEST_PAUSE) if failures else LONGEST_PAUSE
    pause = max(pause, min(asked, LONGEST_PAUSE_ASKED))
    return (now + pause * (1 + _share(serial) * PAUSE_JITTER)).replace(microsecond=0)


def is_pause(now: datetime, until: datetime) -> bool:
    """Whether ``until`` is still to come, and no further away than any pause, as by a clock that was ahead."""
    return now < until <= now + LONGEST_PAUSE_ASKED * (1 + PAUSE_JITTER)


def _share(serial: int) -> float:
    """Where a certificate stands in the jitter, from 0 to 1."""
    return serial % STEPS / (STEPS - 1)
