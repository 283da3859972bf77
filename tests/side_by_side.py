# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run tasks in processes of their own, a few at a time, and print the output of each as a whole when it ends."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Generic, TypeVar

#: One more than there are processors: a third of their time tasks wait for others.
AT_ONCE = (os.cpu_count() or 1) + 1

#: How long interrupted tasks have to end by themselves, in seconds.
GRACE = 10.0

T = TypeVar("T")
FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Running(Generic[T]):
    """A task that was started: its process, where its result will come from, and the file with its output."""

    name: str
    process: BaseProcess
    result: Connection
    output: Path
    start: float

    def finish(self, broken: Callable[[str, float], T]) -> T:
        """Print what the task wrote, and return its result."""
        result: T | None = None
        with suppress(EOFError):  # it was killed
            result = self.result.recv()
        self.process.join()
        print(self.output.read_text(encoding="utf-8", errors="replace"), end="", flush=True)
        return broken(self.name, time.monotonic() - self.start) if result is None else result

    def interrupt(self) -> None:
        """End the task with everything that it started."""
        for number in (signal.SIGINT, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid or 0, number)
            self.process.join(GRACE)


def run(
    tasks: Mapping[str, Callable[[], T]], folder: Path, broken: Callable[[str, float], T], at_once: int = AT_ONCE
) -> list[T]:
    """Run the tasks, and return their results in the order of the tasks.

    ``folder`` gets a file with the output of each. ``broken`` makes the result of a task whose process was killed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    waiting = list(tasks)
    running: dict[Connection, Running[T]] = {}
    results: dict[str, T] = {}
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                started = start(waiting[0], tasks[waiting.pop(0)], folder)
                running[started.result] = started
            for connection in wait(list(running)):
                ended = running[connection]  # type: ignore[index]
                results[ended.name] = ended.finish(broken)
                del running[ended.result]
    finally:
        for interrupted in running.values():
            interrupted.interrupt()
    return [results[name] for name in tasks]


def start(name: str, task: Callable[[], T], folder: Path) -> Running[T]:
    """Start a task in a process of its own, at the head of a process group."""
    print(f"\n--- {name}: started, its output follows when it ends", flush=True)
    output = folder / f"{re.sub(r'[^a-z0-9.]+', '-', name.lower())}.txt"
    receiver, sender = FORK.Pipe(duplex=False)
    process = FORK.Process(target=run_apart, args=(task, output, sender))
    process.start()
    with suppress(OSError):  # done by the task itself, or gone already
        os.setpgid(process.pid or 0, 0)
    sender.close()
    return Running(name, process, receiver, output, time.monotonic())


def run_apart(task: Callable[[], T], output: Path, sender: Connection) -> None:
    """In the new process: run the task, its output and that of its programs going to the file."""
    os.setpgid(0, 0)
    sys.stdout = sys.stderr = output.open("w", buffering=1, encoding="utf-8")
    for standard_stream in (1, 2):
        os.dup2(sys.stdout.fileno(), standard_stream)
    sender.send(task())
