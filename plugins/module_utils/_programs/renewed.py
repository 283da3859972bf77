# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that what renews certificates has to run, before it has a server use them: a staple of the former one
must not be shown with the new one. It withdraws what is due, and waits for a run of Ansible that is at work."""

from __future__ import annotations

import time

from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import LAYOUT
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdraw import withdraw_staples

# Seconds to wait for a run, which may be inside a reload and its rollback.
_SECONDS = 90.0


def main() -> int:
    """Run as ``staples.pyz renewed``. Returns the exit status."""
    return withdraw_staples(time.time, LAYOUT, _SECONDS)
