# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which kind of file system a folder lies on."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import run
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.mounts import (
    TABLE,
    Mount,
    file_system_of,
    read_mounts,
)

NETWORK_FILE_SYSTEMS = frozenset(
    {
        "9p",
        "afpfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.glusterfs",
        "fuse.sshfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
        "webdav",
    }
)
MOUNTS = Path(TABLE)
# What mount(8) of macOS and the BSDs says of each mount: "//me@server/share on /Volumes/share (smbfs, nodev, nosuid)".
LIST_MOUNTS = ("/sbin/mount",)
_LISTED = re.compile(r".* on (?P<point>/.*) \((?P<file_system>\w+)[,)].*")
_LIST_LIMIT = 10.0  # seconds


def network_file_system(folder: Path, mounts: Path = MOUNTS, list_mounts: Sequence[str] = LIST_MOUNTS) -> str:
    """The kind of network file system that ``folder`` lies on, or an empty string for a local one.

    Reads Linux's table of mounts (proc(5), mountinfo). Where there is none, as on macOS, the command ``list_mounts``
    tells; where that does not either, the answer is always "local".
    """
    try:
        kind = file_system_of(os.path.realpath(folder), read_mounts(mounts) or _listed_mounts(list_mounts))
    except OSError:
        return ""
    return kind if kind in NETWORK_FILE_SYSTEMS else ""


def _listed_mounts(command: Sequence[str]) -> list[Mount]:
    """All mounts in the order of mounting, none where the command is not there or fails."""
    try:
        lines = os.fsdecode(run(command, _LIST_LIMIT).stdout).splitlines()
    except HostError:
        return []
    found = filter(None, map(_LISTED.fullmatch, lines))
    return [Mount(listed["point"], listed["file_system"]) for listed in found]
