# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The systemd service that withdraws staples (systemd.service(5), systemd.exec(5))."""

from __future__ import annotations

import os

from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import NAME, Layout
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.units import SERVICE

#: The exit status that has systemd start the service again in a minute, since nothing else would.
TRY_AGAIN = 75
#: The option with which the program waits for a run of Ansible that is at work.
WAIT = "--wait"

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


def service_unit(layout: Layout) -> dict[str, str]:
    """The service's unit by its name."""
    return {SERVICE: _SERVICE.format(program=os.path.join(layout.programs, NAME), try_again=TRY_AGAIN)}
