# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many processes at once, forked as Ansible forks its workers."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections.abc import Callable
from pathlib import Path

LIMIT = 60.0  # seconds


def fork(function: Callable[[int], object], number: int) -> multiprocessing.process.BaseProcess:
    """A process of its own that runs ``function`` with its number."""
    process = multiprocessing.get_context("fork").Process(target=_run, args=(function, number))
    process.start()
    return process


def fork_all(function: Callable[[int], object], count: int) -> None:
    """Run ``function`` in ``count`` processes at once, and fail where one of them does."""
    processes = [fork(function, number) for number in range(count)]
    for process in processes:
        process.join(LIMIT)
    assert [process.exitcode for process in processes] == [0] * count


def _run(function: Callable[[int], object], number: int) -> None:
    status = 1
    try:
        function(number)
        status = 0
    finally:
        if status:
            traceback.print_exc()
        os._exit(status)  # without what the test session would do at its end


class Counter:
    """Counts over all processes, by the length of a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def add(self) -> None:
        with open(self.path, "ab", buffering=0) as file:
            file.write(b".")

    @property
    def value(self) -> int:
        return self.path.stat().st_size
