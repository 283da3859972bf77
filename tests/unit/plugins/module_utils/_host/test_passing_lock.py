# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the lock whose file goes with it, by real processes that want it at the same time."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.lock import LockTimeout
from ansible_collections.anchorage.pki.plugins.module_utils._host.passing_lock import (
    release_passing_lock,
    take_passing_lock,
)

#: Adds one to the number in a file, many times, each time under the lock.
COUNT = """
import sys
from pathlib import Path
from ansible_collections.anchorage.pki.plugins.module_utils._host.passing_lock import (
    release_passing_lock, take_passing_lock)
lock, number = sys.argv[1], Path(sys.argv[2])
for _ in range(int(sys.argv[3])):
    descriptor = take_passing_lock(lock, 60)
    number.write_text(str(int(number.read_text()) + 1))
    release_passing_lock(lock, descriptor)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def test_no_file_is_left_of_what_was_its_owners_alone(path: Path) -> None:
    descriptor = take_passing_lock(str(path), 0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    release_passing_lock(str(path), descriptor)
    assert not path.exists()


def test_the_file_of_a_run_that_was_killed_is_taken_and_removed(path: Path) -> None:
    path.touch()
    release_passing_lock(str(path), take_passing_lock(str(path), 0))
    assert not path.exists()


def test_a_lock_that_is_held_is_waited_for_no_longer_than_that(path: Path) -> None:
    descriptor = take_passing_lock(str(path), 0)
    with pytest.raises(LockTimeout):
        take_passing_lock(str(path), 0.1)
    release_passing_lock(str(path), descriptor)


def test_a_file_that_somebody_else_removed_is_missed_by_nobody(path: Path) -> None:
    descriptor = take_passing_lock(str(path), 0)
    path.unlink()
    release_passing_lock(str(path), descriptor)
    with pytest.raises(OSError, match="Bad file descriptor"):
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def test_the_file_of_another_run_stays_where_somebody_else_removed_the_own_one(path: Path) -> None:
    former = take_passing_lock(str(path), 0)
    path.unlink()
    current = take_passing_lock(str(path), 0)
    release_passing_lock(str(path), former)
    with pytest.raises(LockTimeout):
        take_passing_lock(str(path), 0)
    release_passing_lock(str(path), current)


def test_a_lock_on_a_file_that_was_removed_meanwhile_does_not_count(path: Path, tmp_path: Path) -> None:
    """Of several that wait, each has the lock alone, whoever removed the file that they waited for."""
    number, times, processes = tmp_path / "number", 50, 4
    number.write_text("0", encoding="utf-8")
    command = [sys.executable, "-c", COUNT, str(path), str(number), str(times)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    started = [subprocess.Popen(command, env=environment) for _number in range(processes)]
    assert [process.wait(60) for process in started] == [0] * processes
    assert number.read_text(encoding="utf-8") == str(times * processes)
    assert not path.exists()
