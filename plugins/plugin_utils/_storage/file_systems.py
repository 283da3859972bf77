# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which kind of file system a folder lies on."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.mounts import TABLE, file_system_of, read_mounts

NETWORK_FILE_SYSTEMS = frozenset(
    {
        "9p",
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
    }
)
MOUNTS = Path(TABLE)


def network_file_system(folder: Path, mounts: Path = MOUNTS) -> str:
    """The kind of network file system that ``folder`` lies on, or an empty string for a local one.

    Reads Linux's table of mounts (proc(5), mountinfo); where there is none, the answer is always "local".
    """
    try:
        kind = file_system_of(os.path.realpath(folder), read_mounts(mounts))
    except OSError:
        return ""
    return kind if kind in NETWORK_FILE_SYSTEMS else ""
