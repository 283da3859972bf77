# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The systemd units of withdrawal: a timer for the next staple that ends (systemd.timer(5)), and the service that it
starts, which sets the timer anew and is in service.py.
"""

from __future__ import annotations

import os
import re
import time

from ansible_collections.anchorage.pki.plugins.module_utils._host.moments import utc_seconds
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import opened_folder, read_file
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import Layout

SERVICE = "anchorage-withdraw.service"
TIMER = "anchorage-withdraw.timer"
_ENABLED = "timers.target.wants"
_TIME = "%Y-%m-%d %H:%M:%S UTC"
_ON_CALENDAR = re.compile(r"^OnCalendar=(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d) UTC$", re.MULTILINE | re.ASCII)

_TIMER = """\
# Written by Ansible (anchorage.pki.leaf_certificate), and by {service}, which sets the time.
[Unit]
Description=Withdraw OCSP staples that are about to end

[Timer]
OnCalendar={time}
AccuracySec=1s
OnClockChange=true
Persistent=true

[Install]
WantedBy=timers.target
"""


def timer_unit(moment: float) -> dict[str, str]:
    """The timer's unit by its name, for a ``moment`` in seconds since 1970-01-01 UTC."""
    return {TIMER: _TIMER.format(service=SERVICE, time=time.strftime(_TIME, time.gmtime(moment)))}


def armed_for(layout: Layout) -> int | None:
    """For which second the timer is set, None where it is missing, changed or not enabled.

    Raises HostError, OSError.
    """
    with opened_folder(layout.units) as units:
        content = b"" if units is None else read_file(units, TIMER) or b""
    text = content.decode(errors="replace")
    found = _ON_CALENDAR.search(text)
    try:
        moment = utc_seconds(*map(int, found.groups())) if found else 0
    except ValueError:
        return None
    enabled = os.path.lexists(os.path.join(layout.units, _ENABLED, TIMER))
    return moment if enabled and text == timer_unit(moment)[TIMER] else None
