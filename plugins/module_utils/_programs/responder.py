# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The responder on a host: set up with the first leaf that needs it, and gone with the last."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes

# Its source has to be here for the programs' file to hold it.
from ansible_collections.anchorage.pki.plugins.module_utils._programs import respond  # noqa: F401 pylint: disable=unused-import
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import (
    LAYOUT,
    NAME,
    RESPONDER_PLACES,
    UNIT_ATTRIBUTES,
    Layout,
    entry_name,
    entry_names,
    is_program_installed,
    missing_requirement,
    read_entry,
    read_installed,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation_changes import (
    exclusive_installation,
    install_program,
    install_units,
    remove_entry,
    remove_units,
    remove_unused_program,
    systemctl,
    write_entry,
)

SOCKET = "anchorage-respond.socket"
SERVICE = "anchorage-respond.service"
_ADDRESS = "127.0.0.1"
_LARGEST_PORT = 65535
_ENTRY_ATTRIBUTES = Attributes(0o644)
_LISTENING = re.compile(rf"^ListenStream={re.escape(_ADDRESS)}:([0-9]{{1,5}})$", re.MULTILINE)

_SOCKET_UNIT = """\
# Written by Ansible (anchorage.pki.leaf_certificate).
[Unit]
Description=OCSP responses for the servers of this host (anchorage.pki)

[Socket]
ListenStream={address}:{port}

[Install]
WantedBy=sockets.target
"""
# What is missing here, DynamicUser implies: a read-only file system, no new privileges, a temporary folder of its own.
_SERVICE_UNIT = """\
# Written by Ansible (anchorage.pki.leaf_certificate).
[Unit]
Description=OCSP responses for the servers of this host (anchorage.pki)
Requires={socket}
After={socket}

[Service]
ExecStart={program} respond {places}
DynamicUser=yes
CapabilityBoundingSet=
LockPersonality=yes
PrivateDevices=yes
PrivateNetwork=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
LimitNOFILE=512
MemoryMax=128M
TasksMax=8
UMask=0077
"""


def units(port: int, layout: Layout = LAYOUT) -> dict[str, str]:
    """The units of a responder at ``port``, by their file's name."""
    program, places = os.path.join(layout.programs, NAME), os.path.join(layout.settings, RESPONDER_PLACES)
    return {
        SOCKET: _SOCKET_UNIT.format(address=_ADDRESS, port=port),
        SERVICE: _SERVICE_UNIT.format(socket=SOCKET, program=program, places=places),
    }


def check_responder(leaf_folders: Sequence[str], port: int, layout: Layout = LAYOUT) -> None:
    """Raise HostError where these leaves cannot get a responder at ``port``. Changes nothing."""
    if reason := missing_requirement(layout):
        raise HostError(
            "server: Apache takes staples only from a responder, which this collection sets up under systemd as root, "
            f"but {reason}. Set staple to false to do without."
        )
    if not 0 < port <= _LARGEST_PORT:
        raise HostError(f"responder_port: {port} is no port. Choose one between 1 and {_LARGEST_PORT}.")
    for folder in leaf_folders:
        _check_reachable(folder)
    present = _installed_port(layout)
    if present == port:
        return
    others = set(entry_names(RESPONDER_PLACES, layout)).difference(map(entry_name, leaf_folders))
    if present and others:
        raise HostError(
            f"responder_port: other leaves of this host have their responder at port {present}, and a host has one. "
            f"Use {present}, or change the port of all leaves in one task."
        )
    if not _is_free(port):
        raise HostError(
            f"responder_port: something else listens at {_ADDRESS} port {port}. Choose another. Nothing was changed."
        )


def _check_reachable(leaf_folder: str) -> None:
    """The responder runs without rights, so that all may have to pass through every folder on the way."""
    path = leaf_folder
    while path != "/":
        path = os.path.dirname(path)
        with suppress(FileNotFoundError):
            if not os.stat(path).st_mode & stat.S_IXOTH:
                raise HostError(
                    f"destination: not everybody may pass through {path}, so that the responder, which has no rights, "
                    "could not read Apache's staples there. Choose another destination, or set staple to false."
                )


def register(leaf_folders: Sequence[str], port: int, layout: Layout = LAYOUT) -> bool:
    """Have a responder at ``port`` answer for these leaves; whether anything changed. Raises HostError, OSError."""
    if not leaf_folders:
        return False
    with exclusive_installation(layout):
        changed = [
            write_entry(RESPONDER_PLACES, entry_name(folder), _entry(folder), _ENTRY_ATTRIBUTES, layout)
            for folder in leaf_folders
        ]
        # Each may be what the other run was killed before.
        restarted = [install_program(layout), install_units(units(port, layout), layout), _is_free(port)]
        if any(restarted):
            # The service first: a socket does not start while its service still uses the former one.
            systemctl(["stop", SERVICE, SOCKET], layout)
            systemctl(["enable", "--now", SOCKET], layout)
    return any([*changed, *restarted])


def release(leaf_folders: Sequence[str], layout: Layout = LAYOUT, check_mode: bool = False) -> list[str]:
    """Have no responder answer for these leaves any more, and none at all after the last one; those it answered for.

    Raises HostError, OSError.
    """
    if os.geteuid() != 0:
        return []
    known = [folder for folder in leaf_folders if read_entry(RESPONDER_PLACES, entry_name(folder), layout) is not None]
    if not known or check_mode:
        return known
    with exclusive_installation(layout):
        names = [entry_name(folder) for folder in known]
        if not set(entry_names(RESPONDER_PLACES, layout)).difference(names):
            remove_units([SERVICE, SOCKET], layout)
        for name in names:
            remove_entry(RESPONDER_PLACES, name, layout)
        remove_unused_program(layout)
    return known


def responder_drift(leaf_folder: str, wanted: bool, port: int, layout: Layout = LAYOUT) -> list[str]:
    """One sentence for each part of the responder that is not as the leaf needs it. Root alone could mend them."""
    if os.geteuid() != 0:
        return []
    entry = read_entry(RESPONDER_PLACES, entry_name(leaf_folder), layout)
    if not wanted:
        return [] if entry is None else ["the responder still answers for it"]
    drift = [] if entry == _entry(leaf_folder) else ["the responder does not know it"]
    if not is_program_installed(layout):
        drift.append("the responder's program is missing or was changed")
    if not _are_installed(units(port, layout), layout):
        drift.append("the responder's units are missing or were changed")
    elif _is_free(port):
        drift.append(f"{SOCKET} does not listen")
    return drift


def _are_installed(files: Mapping[str, str], layout: Layout) -> bool:
    """Whether these files of units, by their name, are there and no others in their place."""
    return all(read_installed(layout.units, name, UNIT_ATTRIBUTES) == text.encode() for name, text in files.items())


def _entry(leaf_folder: str) -> bytes:
    return json.dumps({"path": leaf_folder}).encode("ascii")


def _installed_port(layout: Layout) -> int:
    """The port of the units that are there, 0 for none."""
    with suppress(OSError, ValueError), open(os.path.join(layout.units, SOCKET), encoding="ascii") as file:
        found = _LISTENING.search(file.read())
        return int(found.group(1)) if found else 0
    return 0


def _is_free(port: int) -> bool:
    """Whether nobody listens at the port. Asked by taking it, which starts nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind((_ADDRESS, port))
        except OSError:
            return False
    return True
