# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the one advisory lock, held by real processes."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.lock import LockTimeout, take_lock

HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "a")
fcntl.flock(file, int(sys.argv[2]))
print("held", flush=True)
sys.stdin.read()
"""
SHARED, EXCLUSIVE = 1, 2  # fcntl.LOCK_SH, fcntl.LOCK_EX


@contextmanager
def held_elsewhere(path: Path, kind: int = EXCLUSIVE) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", HOLDER, str(path), str(kind)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            yield holder
        finally:
            holder.kill()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def test_the_file_is_created_for_its_owner_alone(path: Path) -> None:
    os.close(take_lock(path, 0))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    os.close(take_lock(path, 0))


def test_a_lock_in_a_folder_is_taken_by_its_descriptor(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    os.close(take_lock("lock", 0, folder))
    os.close(folder)
    assert os.listdir(tmp_path) == ["lock"]


def test_one_that_is_held_is_waited_for_so_long(path: Path) -> None:
    start = time.monotonic()
    with held_elsewhere(path), pytest.raises(LockTimeout):
        take_lock(path, 0.2)
    assert time.monotonic() - start >= 0.2
    assert not issubclass(LockTimeout, OSError)


@pytest.mark.parametrize("timeout", [10, None])
def test_it_is_given_when_its_holder_is_killed(path: Path, timeout: float | None) -> None:
    with held_elsewhere(path) as holder:
        holder.kill()
        os.close(take_lock(path, timeout))


def test_closing_the_descriptor_releases_it(path: Path) -> None:
    first = take_lock(path, 0)
    with pytest.raises(LockTimeout):
        take_lock(path, 0)
    os.close(first)
    os.close(take_lock(path, 0))


def test_shared_ones_exclude_exclusive_ones_alone(path: Path) -> None:
    with held_elsewhere(path, SHARED):
        os.close(take_lock(path, 0, shared=True, create=False))
        with pytest.raises(LockTimeout):
            take_lock(path, 0)
    with held_elsewhere(path), pytest.raises(LockTimeout):
        take_lock(path, 0, shared=True)


def test_nothing_is_created_on_demand(path: Path) -> None:
    for shared in (True, False):
        with pytest.raises(FileNotFoundError):
            take_lock(path, 0, shared=shared, create=False)
    assert not path.exists()


def test_no_link_is_followed_and_no_pipe_waited_for(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("elsewhere")
    for create in (True, False):
        with pytest.raises(OSError, match="symbolic links"):
            take_lock(tmp_path / "link", 0, create=create)
    os.mkfifo(tmp_path / "pipe")
    os.close(take_lock(tmp_path / "pipe", 0, shared=True, create=False))
    assert not (tmp_path / "elsewhere").exists()


def test_a_failed_attempt_leaves_no_descriptor_open(path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    with held_elsewhere(path), pytest.raises(LockTimeout):
        take_lock(path, 0)
    assert os.listdir("/proc/self/fd") == before
