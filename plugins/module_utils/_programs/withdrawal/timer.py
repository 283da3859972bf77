# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Setting the timer of withdrawal, and removing it with its service (systemd.timer(5))."""

from __future__ import annotations

import os
from contextlib import suppress

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import remove
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import opened_folder
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import Layout
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation_changes import (
    install_units,
    remove_units,
    systemctl,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.units import SERVICE, TIMER, timer_unit


def arm(moment: float, layout: Layout) -> None:
    """Have the service started at that ``moment``, and the timer with each start of the host.

    Raises HostError, OSError. Where systemd was not told, no timer is left that says so.
    """
    try:
        if not install_units(timer_unit(moment), layout):
            systemctl(["daemon-reload"], layout)  # a run that was killed may have written the same
        systemctl(["enable", TIMER], layout)
        systemctl(["restart", TIMER], layout)
    except HostError:
        with opened_folder(layout.units) as units:
            if units is not None:
                remove(units, TIMER)
        raise


def disarm(layout: Layout) -> None:
    """Remove both units and every trace of them. Raises HostError, OSError."""
    remove_units([TIMER, SERVICE], layout)
    with suppress(FileNotFoundError):
        os.unlink(os.path.join(layout.stamps, f"stamp-{TIMER}"))
