# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the one bounded read."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.regular_files import (
    NotRegularFile,
    TooLarge,
    read_all,
    read_regular_file,
)


@pytest.mark.parametrize("size", [0, 1, 99, 100])
def test_a_file_is_read_up_to_the_limit(tmp_path: Path, size: int) -> None:
    (tmp_path / "file").write_bytes(bytes(size))
    assert read_regular_file(tmp_path / "file", 100) == bytes(size)


def test_a_larger_one_is_an_error_and_never_cut(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(101))
    with pytest.raises(TooLarge) as caught:
        read_regular_file(tmp_path / "file", 100)
    assert (caught.value.errno, caught.value.strerror) == (errno.EFBIG, "it is larger than 100 bytes")


def test_what_has_no_size_is_read_to_its_end() -> None:
    assert b"Name:" in read_regular_file("/proc/self/status", 1024 * 1024)
    with pytest.raises(TooLarge):
        read_regular_file("/proc/self/status", 10)


def test_a_name_is_looked_for_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    folder = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    assert read_regular_file("file", 100, folder) == b"content"
    os.close(folder)


def test_links_are_followed_unless_forbidden(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    assert read_regular_file(tmp_path / "link", 100) == b"content"
    with pytest.raises(OSError, match="symbolic links") as caught:
        read_regular_file(tmp_path / "link", 100, follow_links=False)
    assert caught.value.errno == errno.ELOOP


@pytest.mark.parametrize(("kind", "code"), [("folder", errno.EISDIR), ("pipe", errno.EINVAL), ("device", errno.EINVAL)])
def test_nothing_else_is_read_or_waited_for(tmp_path: Path, kind: str, code: int) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    with pytest.raises(NotRegularFile) as caught:
        read_regular_file(tmp_path / kind, 100)
    assert caught.value.errno == code


def test_a_pipe_that_the_caller_opened_is_read_within_the_limit() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"content")
    os.close(writing)
    assert read_all(reading, 100) == b"content"
    os.close(reading)


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    for path in (tmp_path, Path("/dev/null"), Path("/proc/self/status")):
        with pytest.raises(OSError, match="it is"):
            read_regular_file(path, 1)
    assert os.listdir("/proc/self/fd") == before
