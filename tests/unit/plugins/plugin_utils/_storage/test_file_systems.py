# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which file system a folder lies on, from the kernel's table of mounts."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.file_systems import network_file_system

MOUNTS = """\
22 27 0:20 / /proc rw,nosuid shared:12 - proc proc rw
27 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
40 27 0:35 / /home rw,relatime shared:20 - nfs4 server:/home rw,vers=4.2
41 40 254:2 / /home/local rw,relatime shared:21 - xfs /dev/vdb rw
42 27 0:36 / /mnt/my\\040share rw shared:22 - cifs //server/share rw
43 27 0:37 / /mnt/blåbær rw shared:23 - fuse.sshfs server: rw
44 27 0:38 / /srv rw shared:24 - nfs server:/srv rw
45 27 254:3 / /srv rw shared:25 - ext4 /dev/vdc rw
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    path = tmp_path / "mountinfo"
    path.write_text(MOUNTS)
    return path


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib", ""),
        ("/home/me/.local/share", "nfs4"),
        ("/home", "nfs4"),
        ("/homework", ""),
        ("/home/local/me", ""),
        ("/mnt/my share/authority", "cifs"),
        ("/mnt/blåbær/authority", "fuse.sshfs"),
        ("/srv/authority", ""),
    ],
)
def test_the_innermost_mount_decides(mounts: Path, folder: str, kind: str) -> None:
    assert network_file_system(Path(folder), mounts) == kind


def test_a_link_is_followed(mounts: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/home/me")
    assert network_file_system(link, mounts) == "nfs4"


def test_a_mount_point_that_is_no_text_is_no_obstacle(mounts: Path) -> None:
    mounts.write_bytes(MOUNTS.encode() + b"46 27 0:39 / /mnt/\xff rw shared:26 - nfs server:/ rw\n")
    assert network_file_system(Path("/home/me"), mounts) == "nfs4"


#: As mount(8) of macOS prints it.
LISTED = """\
/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
devfs on /dev (devfs, local, nobrowse)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse, protect, root data)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
//me@server/share on /Volumes/my share (smbfs, nodev, nosuid, mounted by me)
server:/srv on disk on /Volumes/srv (old) (nfs, nodev, nosuid)
/dev/disk4s1 on /Volumes/srv (old)/disk (hfs)
https://cloud.example/ on /Volumes/cloud (webdav)
//me@server/old on /Volumes/old (afpfs, nodev)
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/Users/me/.local/share", ""),
        ("/Volumes/my share/authority", "smbfs"),
        ("/Volumes/srv (old)/authority", "nfs"),
        ("/Volumes/srv (old)/disk/authority", ""),
        ("/Volumes/cloud", "webdav"),
        ("/Volumes/old", "afpfs"),
    ],
)
def test_without_a_table_the_command_tells(tmp_path: Path, folder: str, kind: str) -> None:
    (tmp_path / "listed").write_text(LISTED)
    assert network_file_system(Path(folder), tmp_path / "missing", ["cat", str(tmp_path / "listed")]) == kind


@pytest.mark.parametrize("command", ["missing", "false"])
def test_without_a_table_and_a_command_everything_is_local(tmp_path: Path, command: str) -> None:
    assert network_file_system(tmp_path, tmp_path / "missing", [command]) == ""


def test_the_tests_own_folder_is_local(tmp_path: Path) -> None:
    assert network_file_system(tmp_path) == ""
