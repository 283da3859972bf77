# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that are never looser than their last mode, and paths that nobody else can turn elsewhere."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import (
    create_file,
    created_folder,
    remove,
    replace_file,
    replace_link,
    sync,
)
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes, opened_folder, read_file
from ansible_collections.anchorage.pki.tests.conftest import ROOT

SECRET = Attributes(0o600)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    """A descriptor of pytest's folder, not walked to: what others may do above it is no matter here."""
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_file_has_its_mode_before_its_content(folder: int, tmp_path: Path, umask: int) -> None:
    seen = []

    class Watched(Attributes):
        def apply(self, descriptor: int) -> None:
            seen.append((stat.S_IMODE(os.fstat(descriptor).st_mode), os.fstat(descriptor).st_size))
            super().apply(descriptor)
            seen.append((stat.S_IMODE(os.fstat(descriptor).st_mode), os.fstat(descriptor).st_size))

    former = os.umask(umask)
    try:
        create_file(folder, "key", b"secret", Watched(0o640))
    finally:
        os.umask(former)
    assert seen == [(0o600, 0), (0o640, 0)]
    assert (tmp_path / "key").read_bytes() == b"secret"


@pytest.mark.parametrize("full_sync", [None, fcntl.F_GETFD, -1], ids=["none", "done", "refused by the file system"])
def test_a_full_sync_has_a_way_out(folder: int, full_sync: int | None) -> None:
    sync(folder, full_sync)
    closed = os.dup(folder)
    os.close(closed)
    with pytest.raises(OSError, match="Bad file descriptor"):
        sync(closed, full_sync)


def test_whatever_is_to_last_is_synced_in_one_way() -> None:
    files = (ROOT / "plugins").rglob("*.py")
    assert [path.name for path in files if "os.fsync(" in path.read_text(encoding="utf-8")] == ["safe_changes.py"]


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_folders_are_made_with_one_mode_whatever_the_umask(private_folder: Path, umask: int) -> None:
    former = os.umask(umask)
    try:
        with created_folder(str(private_folder / "a/b")):
            pass
    finally:
        os.umask(former)
    assert [stat.S_IMODE((private_folder / path).stat().st_mode) for path in ("a", "a/b")] == [0o755, 0o755]


def test_a_file_is_never_created_over_another(folder: int, tmp_path: Path) -> None:
    (tmp_path / "target").write_text("precious")
    (tmp_path / "key").symlink_to("target")
    with pytest.raises(FileExistsError):
        create_file(folder, "key", b"secret", SECRET)
    assert (tmp_path / "target").read_text() == "precious"


def test_a_file_is_replaced_at_once_and_leftovers_do_no_harm(folder: int, tmp_path: Path) -> None:
    (tmp_path / "target").write_text("precious")
    (tmp_path / ".file.new").symlink_to("target")
    (tmp_path / ".link.new").write_text("leftover")
    replace_file(folder, "file", b"one", SECRET)
    replace_file(folder, "file", b"two", SECRET)
    replace_link(folder, "link", "v1")
    replace_link(folder, "link", "v2")
    assert (tmp_path / "file").read_bytes() == b"two"
    assert os.readlink(tmp_path / "link") == "v2"
    assert {path.name for path in tmp_path.iterdir()} == {"file", "link", "target"}
    assert (tmp_path / "target").read_text() == "precious"


def test_a_failed_replacement_leaves_the_former_file_alone(folder: int, tmp_path: Path) -> None:
    (tmp_path / "file/below").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        replace_file(folder, "file", b"one", SECRET)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_is_removed_is_never_followed(folder: int, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").touch()
    (tmp_path / "v1/below").mkdir(parents=True)
    (tmp_path / "v1/below/link").symlink_to(tmp_path / "precious")
    (tmp_path / "v2").symlink_to(tmp_path / "precious")
    for name in ("v1", "v2", "v3"):
        remove(folder, name)
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
    assert (tmp_path / "precious/file").exists()


def test_only_regular_files_of_a_sane_size_are_read(folder: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "large").write_bytes(bytes(1024 * 1024 + 1))
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    assert read_file(folder, "file") == b"content"
    assert read_file(folder, "missing") is None
    for name, message in (("large", "larger"), ("link", "link"), ("pipe", "regular"), ("folder", "regular")):
        with pytest.raises(HostError, match=message):
            read_file(folder, name)


def test_a_link_on_the_way_is_refused_with_the_real_path(private_folder: Path) -> None:
    (private_folder / "real/pki").mkdir(parents=True)
    (private_folder / "link").symlink_to("real")
    for attempt in (opened_folder, created_folder):
        with (
            pytest.raises(HostError, match=f"link is a symbolic link.*{private_folder}/real"),
            attempt(str(private_folder / "link/pki")),
        ):
            pass


def test_a_file_on_the_way_is_named(private_folder: Path) -> None:
    (private_folder / "file").touch()
    with (
        pytest.raises(HostError, match=f"{private_folder}/file is not a folder"),
        created_folder(str(private_folder / "file/pki")),
    ):
        pass


@pytest.mark.parametrize("path", ["relative", "/a/../b", "/a/./b", "/a/"])
def test_paths_are_absolute_and_plain(path: str) -> None:
    with pytest.raises(HostError, match="must be an absolute path"), opened_folder(path):
        pass


def test_a_missing_folder_is_none(private_folder: Path) -> None:
    with opened_folder(str(private_folder / "a/b")) as descriptor:
        assert descriptor is None


@pytest.mark.skipif(os.geteuid() != 0, reason="the rule is root's")
@pytest.mark.parametrize(
    ("mode", "uid", "gid"),
    [(0o777, 0, 0), (0o1777, 0, 0), (0o775, 0, 65534), (0o755, 65534, 0)],
    ids=["everybody", "sticky", "group", "owner"],
)
def test_root_refuses_folders_that_others_may_write(private_folder: Path, mode: int, uid: int, gid: int) -> None:
    open_to_others = private_folder / "open"
    open_to_others.mkdir()
    os.chown(open_to_others, uid, gid)
    open_to_others.chmod(mode)
    for path in (open_to_others, open_to_others / "pki"):
        with (
            pytest.raises(HostError, match=f"Other users than root may write in {open_to_others}"),
            created_folder(str(path)),
        ):
            pass
    assert list(open_to_others.iterdir()) == []


def test_a_link_that_cannot_be_made_leaves_nothing_behind(folder: int, tmp_path: Path) -> None:
    (tmp_path / "current").mkdir()
    with pytest.raises(OSError, match="current"):
        replace_link(folder, "current", "v1")
    assert os.listdir(folder) == ["current"]
