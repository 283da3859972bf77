# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the files that hold anchors: complete or not at all, for everybody to read, and put back on request."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import (
    closed_to_others,
    read_regular,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.writing import write_public


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file grow beyond a few bytes, which is what a full disk does."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("former", [None, b"former"])
def test_a_full_disk_costs_nothing(tmp_path: Path, former: bytes | None) -> None:
    path = tmp_path / "anchor.crt"
    if former:
        path.write_bytes(former)
    with ExitStack() as undo:
        with full_disk(), pytest.raises(HostError, match=r"anchor\.crt cannot be written: File too large\."):
            write_public(path, b"more than four bytes", undo)
        undo.pop_all()
    assert read_regular(str(path)) == former
    assert [entry.name for entry in tmp_path.iterdir()] == (["anchor.crt"] if former else [])


@pytest.mark.parametrize("former", [None, b"former"])
def test_a_write_can_be_undone(tmp_path: Path, former: bytes | None) -> None:
    path = tmp_path / "anchor.crt"
    if former:
        path.write_bytes(former)
    with ExitStack() as undo:
        write_public(path, b"new", undo)
        assert path.read_bytes() == b"new"
    assert read_regular(str(path)) == former


def test_a_link_in_the_place_of_the_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_bytes(b"precious")
    path = tmp_path / "anchor.crt"
    path.symlink_to(target)
    write_public(path, b"new", ExitStack())
    assert target.read_bytes() == b"precious"
    assert not path.is_symlink()


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/nowhere")
    assert [read_regular(str(tmp_path / name)) for name in ("pipe", "link", "missing", ".")] == [None] * 4
    assert read_regular("/dev/zero") is None


def test_what_bars_other_users_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o755)
    anchor = folder / "anchor.crt"
    anchor.write_bytes(b"")
    anchor.chmod(0o644)
    link = tmp_path / "link"
    link.symlink_to(anchor)
    tmp_path.chmod(0o755)
    assert closed_to_others(str(link), str(tmp_path)) == ""
    anchor.chmod(0o640)
    assert closed_to_others(str(link), str(tmp_path)) == str(anchor)
    folder.chmod(0o750)
    assert closed_to_others(str(link), str(tmp_path)) == str(folder)
