# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the values that the processes of a run share: made once, never torn, never stuck, closed to others."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage import run_cache
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.run_cache import (
    read_value,
    share_value,
    waited_for,
    write_text,
)
from ansible_collections.anchorage.pki.tests.unit.processes import LIMIT, Counter, fork, fork_all


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "value.json"


def always(value: Any) -> bool:
    return True


def never(value: Any) -> bool:
    return False


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_there_is_nothing_at_first(path: Path) -> None:
    assert read_value(path) is None


def test_a_value_is_made_once(path: Path) -> None:
    assert share_value(path, always, lambda former: {"made": former}) == {"made": None}
    assert share_value(path, always, lambda former: {"made": "again"}) == {"made": None}


def test_a_value_that_is_not_current_is_made_again(path: Path) -> None:
    share_value(path, always, lambda former: 1)
    assert share_value(path, never, lambda former: former + 1) == 2
    assert read_value(path) == 2


def test_an_error_in_making_keeps_the_former_value_and_frees_the_lock(path: Path) -> None:
    share_value(path, always, lambda former: 1)
    with pytest.raises(ZeroDivisionError):
        share_value(path, never, lambda former: former / 0)
    assert share_value(path, never, lambda former: former + 1) == 2


def test_nothing_is_readable_by_others_whatever_the_umask(path: Path) -> None:
    umask = os.umask(0)
    try:
        share_value(path, always, lambda former: 1)
        write_text(path.with_name("bundle.pem"), "text")
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    files = list(path.parent.iterdir())
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_value_is_read_from_memory_until_it_was_swapped(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    share_value(path, always, lambda former: 1)
    with monkeypatch.context() as patch:
        patch.setattr(run_cache.json, "loads", None)
        assert read_value(path) == 1
    other = fork(lambda number: share_value(path, never, lambda former: 2), 0)
    other.join()
    assert read_value(path) == 2


def test_a_folder_that_cannot_be_used_is_reported(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file is in the way")
    with pytest.raises(PkiError, match="cannot be used: Not a directory"):
        share_value(tmp_path / "folder" / "value.json", always, lambda former: 1)
    with pytest.raises(PkiError, match="cannot be used: File exists"):
        write_text(tmp_path / "folder" / "bundle.pem", "text")


def test_a_folder_without_locks_is_reported(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(PkiError, match="cannot be used: No locks available"):
        share_value(path, always, lambda former: 1)


def test_a_full_disk_is_reported_and_keeps_the_former_value(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    share_value(path, always, lambda former: 1)

    def full(*arguments: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(PkiError, match="No space left on device"):
        share_value(path, never, lambda former: 2)
    assert read_value(path) == 1
    assert sorted(os.listdir(path.parent)) == [path.name, f"{path.name}.lock"]


def test_of_fifty_processes_one_makes_the_value(path: Path, tmp_path: Path) -> None:
    made = Counter(tmp_path / "made")

    def make(former: Any) -> list[int]:
        made.add()
        time.sleep(0.1)
        return list(range(1000))

    def ask(number: int) -> None:
        assert share_value(path, always, make) == list(range(1000))

    fork_all(ask, 50)
    assert made.value == 1


def test_a_holder_that_is_killed_leaves_the_making_to_the_next(path: Path, tmp_path: Path) -> None:
    started = tmp_path / "started"

    def hang(former: Any) -> None:
        started.touch()
        time.sleep(600)

    holder = fork(lambda number: share_value(path, always, hang), 0)
    wait_until(started.exists)
    waiting = fork(lambda number: share_value(path, always, lambda former: "next"), 1)
    time.sleep(0.2)
    assert waiting.is_alive()
    os.kill(holder.pid or 0, signal.SIGKILL)
    holder.join()
    waiting.join(30)
    assert waiting.exitcode == 0
    assert read_value(path) == "next"


def test_fifty_processes_swap_and_read_without_a_torn_or_older_value(path: Path) -> None:
    share_value(path, always, lambda former: {"number": 0, "text": "0" * 10_000})

    def grow(former: dict[str, Any]) -> dict[str, Any]:
        number = former["number"] + 1
        return {"number": number, "text": str(number % 10) * 10_000}

    def race(process: int) -> None:
        last = 0
        for dummy in range(20):
            value = share_value(path, never, grow) if process % 2 else read_value(path)
            assert value["text"] == str(value["number"] % 10) * 10_000
            assert value["number"] >= last
            last = value["number"]

    fork_all(race, 50)
    assert read_value(path)["number"] == 25 * 20


def make_both(made: Counter, paths: list[Path], seconds: float = 0.1) -> list[Any]:
    """Make what is missing of several values together, and return them all."""
    with waited_for(paths, LIMIT):
        missing = [path for path in paths if read_value(path) is None]
        if missing:
            made.add()
            time.sleep(seconds)
        for path in missing:
            write_text(path, f'"{path.name}"')
    return [read_value(path) for path in paths]


def test_of_fifty_processes_one_makes_several_values_in_whatever_order_they_ask(path: Path, tmp_path: Path) -> None:
    made, other = Counter(tmp_path / "made"), path.with_name("other.json")

    def ask(number: int) -> None:
        paths = [path, other][:: -1 if number % 2 else 1]
        assert make_both(made, paths) == [each.name for each in paths]

    fork_all(ask, 50)
    assert made.value == 1


def test_nobody_is_waited_for_longer_than_patience_lasts(path: Path, tmp_path: Path) -> None:
    started, made = tmp_path / "started", Counter(tmp_path / "made")

    def hang(number: int) -> None:
        with waited_for([path], LIMIT):
            started.touch()
            time.sleep(600)

    holder = fork(hang, 0)
    wait_until(started.exists)
    with waited_for([path, path.with_name("other.json")], 0.2):
        assert read_value(path) is None
        made.add()
    os.kill(holder.pid or 0, signal.SIGKILL)
    holder.join()
    assert make_both(made, [path], 0) == [path.name]
    assert made.value == 2


def test_a_value_that_is_there_is_not_waited_for(path: Path) -> None:
    write_text(path, "1")
    with waited_for([path], LIMIT):
        others = fork(lambda number: share_value(path, never, lambda former: former + 1), 0)
        others.join(LIMIT)
        assert read_value(path) == 2
