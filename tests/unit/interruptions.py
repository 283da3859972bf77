# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Interrupted runs: a child process does the work and is killed, with its own children, at a step of choice."""

from __future__ import annotations

import mmap
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import sqlite_files
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.schema import SqliteDatabase

#: The system calls that change what other processes find; an opening does where it may make or empty a file. What is
#: killed before an fsync leaves what it leaves before the next of them.
CHANGING_CALLS = ("open", "mkdir", "rename", "symlink", "link", "unlink", "rmdir", "fchmod", "fchown")
CHANGING_FLAGS = os.O_CREAT | os.O_TRUNC


def kill_at(step: int, monkeypatch: pytest.MonkeyPatch, where: list[tuple[Any, str]], work: Callable[[], Any]) -> bool:
    """Do the work and kill -9 it just before the ``step``-th call (from 1) of the functions that ``where`` lists, each
    a module and a name. Whether it came that far."""
    shared = mmap.mmap(-1, 2)  # by all processes of the work: how many calls there were, and whether it is time

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **options: Any) -> Any:
            shared[0] += 1
            if shared[0] == step:
                shared[1] = True
                signal.pause()
            return function(*arguments, **options)

        return wrapper

    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        try:
            for module, name in where:
                monkeypatch.setattr(module, name, counted(getattr(module, name)))
            work()
        finally:
            os._exit(0)
    while not shared[1] and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        time.sleep(0.002)
    if shared[1]:
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return bool(shared[1])


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Do ``work`` in a child that is killed just before the n-th change: a changing system call, a command, or the end.
    Whether it came that far."""
    child = os.fork()
    if child == 0:
        changes = iter(range(1, number + 1))

        def count() -> None:
            if next(changes, None) == number:
                os.kill(os.getpid(), signal.SIGKILL)

        def counted(owner: Any, name: str) -> None:
            original = getattr(owner, name)

            def call(*arguments: Any, **options: Any) -> object:
                if name != "open" or arguments[1] & CHANGING_FLAGS:
                    count()
                return original(*arguments, **options)

            setattr(owner, name, call)

        for name in CHANGING_CALLS:
            counted(os, name)
        counted(subprocess, "Popen")
        work()
        count()
        os._exit(0)
    _child, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0
        return False
    assert os.WTERMSIG(status) == signal.SIGKILL
    return True


def dies_after(last: int, work: Callable[[], object]) -> bool:
    """Whether a process that does ``work`` ran that many statements of SQL, after which it was killed."""

    class Mortal(SqliteDatabase):
        count = 0

        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            return self._counted(super().execute(*arguments))

        def executemany(self, *arguments: Any) -> sqlite3.Cursor:
            return self._counted(super().executemany(*arguments))

        def _counted(self, result: sqlite3.Cursor) -> sqlite3.Cursor:
            Mortal.count += 1
            if Mortal.count == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

    child = os.fork()
    if child == 0:
        sqlite_files.SqliteDatabase = Mortal  # type: ignore[misc]
        work()
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status != 0
