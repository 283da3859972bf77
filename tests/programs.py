# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that a step of the test run starts: in which environment, for how long, and what they say is wrong."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lab import machine

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
COLLECTIONS = BUILD / "collections"
VENV = ROOT / ".venv"

#: Where programs of the tests find what Python compiled, and leave it.
COMPILED = {"PYTHONPYCACHEPREFIX": str(BUILD / "pycache")}

#: No step takes this long, in seconds, on a machine however busy: one that does hangs.
STEP_LIMIT = 2700

#: How pytest, Ansible, ansible-test and compilers begin a line that says what is wrong; and how many are kept.
COMPLAINT = re.compile(r"FAILED |ERROR|fatal: |E   |\S+: error: ")
COMPLAINTS_KEPT = 30


class Skipped(Exception):
    """The machine cannot run the step, for the reason given."""


class Failed(Exception):
    """The step found something, or could not be run to its end; and the lines of its output that say what."""

    def __init__(self, reason: str, complaints: Iterable[str] = ()) -> None:
        super().__init__(reason)
        self.complaints = tuple(complaints)


def run(command: list[str | Path], environment: Mapping[str, str] | None = None, folder: Path = ROOT) -> None:
    """Run a program to its end, its output going to the terminal; raise :class:`Failed` unless it succeeds."""
    words = [str(word) for word in command]
    print(f"$ {shlex.join(words)}", flush=True)
    complaints: deque[str] = deque(maxlen=COMPLAINTS_KEPT)
    try:
        program = subprocess.Popen(
            words,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except FileNotFoundError:
        raise Failed(f"{words[0]} is not installed, see the set-up") from None
    with program, time_limit(program) as stopped:
        for line in program.stdout or ():
            print(line, end="", flush=True)
            if COMPLAINT.match(line):
                complaints.append(line.rstrip())
    name = Path(words[0]).name
    if stopped.is_set():
        raise Failed(f"{name} was stopped after {STEP_LIMIT} seconds", complaints)
    if program.returncode:
        raise Failed(f"{name} ended with status {program.returncode}", complaints)


@contextmanager
def time_limit(program: subprocess.Popen[str]) -> Iterator[threading.Event]:
    """Kill the program when it has run for STEP_LIMIT; the event says whether that was done."""
    stopped = threading.Event()

    def stop() -> None:
        stopped.set()
        program.kill()

    timer = threading.Timer(STEP_LIMIT, stop)
    timer.start()
    try:
        yield stopped
    finally:
        timer.cancel()


def environment_with(folder: Path = VENV) -> dict[str, str]:
    """The environment of a test: free of the caller's settings, with a virtual environment's programs on the path."""
    environment = machine.test_environment() | COMPILED
    environment["PATH"] = f"{folder / 'bin'}:{environment['PATH']}"
    environment["ANSIBLE_HOME"] = str(BUILD / "ansible")
    environment["ANSIBLE_COLLECTIONS_PATH"] = str(COLLECTIONS)
    if not sys.stdout.isatty():
        environment["NO_COLOR"] = "1"
    return environment


def pip_install(python: str | Path, *arguments: str) -> None:
    """Install packages for an interpreter, and compile them: once for all the processes that import them at a time."""
    # Twice quiet: errors alone.
    run([python, "-m", "pip", "install", "--quiet", "--quiet", *arguments], os.environ | COMPILED)


def run_tool(*command: str | Path) -> None:
    """Run a tool of ``.venv`` over the checkout."""
    run([VENV / "bin" / command[0], *command[1:]], environment_with())


def need(*programs: str) -> None:
    """Skip the step unless the machine has these programs."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        raise Skipped(f"not installed: {', '.join(missing)}")
