# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The systemd units of withdrawal (systemd.timer(5), systemd.exec(5)): a timer for the next staple that ends, and the
service that it starts, which sets the timer anew.
"""

from __future__ import annotations

import os
import re
import time

from ansible_collections.anchorage.pki.plugins.module_utils._host.moments import utc_seconds
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import opened_folder, read_file
from ansible_collections.anchorage.pki.plugins.module_utils._programs.bundle import NAME
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import Layout

SERVICE = "anchorage-withdraw.service"
TIMER = "anchorage-withdraw.timer"
#: The exit status that has systemd start the service again in a minute, since nothing else would.
TRY_AGAIN = 75
#: The option with which the program waits for a run of Ansible that is at work.
WAIT = "--wait"
_ENABLED = "timers.target.wants"
_TIME = "%Y-%m-%d %H:%M:%S UTC"
_ON_CALENDAR = re.compile(r"^OnCalendar=(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d) UTC$", re.MULTILINE | re.ASCII)

# What a test of a configuration or a reload may need is left to the service: the network, for names in a configuration;
# /var and /etc, for logs and for the leaves themselves; and the rights by which servers change users and bind to ports.
_SERVICE = """\
# Written by Ansible (anchorage.pki.leaf_certificate).
[Unit]
Description=Withdraw OCSP staples that are about to end

[Service]
ExecStart={program} withdraw
Restart=on-abnormal
RestartForceExitStatus={try_again}
RestartSec=60
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL \
CAP_NET_BIND_SERVICE CAP_SETGID CAP_SETUID CAP_SYS_RESOURCE
LockPersonality=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=yes
ReadWritePaths=-/usr/local/etc
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
"""
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


def service_unit(layout: Layout) -> dict[str, str]:
    """The service's unit by its name."""
    return {SERVICE: _SERVICE.format(program=os.path.join(layout.programs, NAME), try_again=TRY_AGAIN)}


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
