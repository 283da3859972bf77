# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the table of mounts."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.mounts import Mount, file_system_of, read_mounts

TABLE = b"""\
22 27 0:20 / /proc rw,nosuid shared:12 - proc proc rw
27 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw
40 27 0:35 / /home rw shared:20 master:1 - nfs4 server:/home rw,vers=4.2
41 40 254:2 / /home/local rw shared:21 - xfs /dev/vdb rw
42 27 0:36 / /mnt/a\\040b\\134\\011\\012 rw shared:22 - cifs //server/share rw
43 27 0:37 / /mnt/\xff rw shared:23 - fuse.sshfs server: rw
44 27 0:38 / /mnt/\xc2\xa0- rw shared:24 - nfs server:/srv rw
45 27 254:3 / /home rw shared:25 - ext4 /dev/vdc rw
"""


@pytest.fixture
def mounts(tmp_path: Path) -> list[Mount]:
    (tmp_path / "mountinfo").write_bytes(TABLE)
    return read_mounts(tmp_path / "mountinfo")


def test_points_and_types_are_read(mounts: list[Mount]) -> None:
    assert mounts == [
        ("/proc", "proc"),
        ("/", "ext4"),
        ("/home", "nfs4"),
        ("/home/local", "xfs"),
        ("/mnt/a b\\\t\n", "cifs"),
        ("/mnt/\udcff", "fuse.sshfs"),
        ("/mnt/\xa0-", "nfs"),
        ("/home", "ext4"),
    ]


@pytest.mark.parametrize(
    ("path", "file_system"),
    [
        ("/", "ext4"),
        ("/proc", "proc"),
        ("/procession", "ext4"),
        ("/home/local/me", "xfs"),
        ("/home/localhost", "ext4"),
        ("/mnt/\udcff/folder", "fuse.sshfs"),
    ],
)
def test_the_innermost_mount_covers_a_path_and_of_two_the_last(
    mounts: list[Mount], path: str, file_system: str
) -> None:
    assert file_system_of(path, mounts) == file_system


def test_without_a_table_there_are_none(tmp_path: Path) -> None:
    assert read_mounts(tmp_path / "missing") == []
    assert file_system_of("/", []) == ""


def test_the_systems_own_table_is_read() -> None:
    assert Mount("/proc", "proc") in read_mounts()
