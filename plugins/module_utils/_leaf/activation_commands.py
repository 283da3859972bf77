# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The user's own commands of an activation: in the task's environment, and stopped in time with all that they started.

A tool of the user's session (``systemctl --user``) needs that session's environment, and an interruption has to end
the wait: that sets them apart from the commands that this collection itself chooses, in ``commands.py``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.task_programs import program_path

_SHOWN_OUTPUT = 1500


class TimeLimit:
    """The time that several steps may take together, and what else may end them.

    ``seconds`` count from now; ``interruption`` says what has happened that ends the work early, "" for nothing.
    """

    def __init__(self, seconds: float, interruption: Callable[[], str] = lambda: "") -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self.interruption = interruption

    def remaining(self) -> float:
        """Seconds that are left, never negative."""
        return max(0.0, self._end - time.monotonic())

    def reached(self) -> str:
        """Why the work has to end now, "" while it may go on."""
        if reason := self.interruption():
            return reason
        return "" if self.remaining() else f"the time limit of {self._seconds:g} seconds was reached"


def find_program(command: Sequence[str], option: str) -> None:
    """Raise HostError unless the program of ``command`` exists."""
    if program_path(command[0]) is None:
        raise HostError(f"{option}: there is no program {command[0]} on this host. Nothing was changed.")


def run_command(command: Sequence[str], option: str, limit: TimeLimit) -> None:
    """Run ``command``, which ``option`` asked for. Raises HostError with the end of its output where it fails."""
    # A file, not a pipe: a daemon that the command leaves behind would hold a pipe open for ever.
    with tempfile.TemporaryFile() as output:
        shown = " ".join(command)
        try:
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function  # see commands.py
                [program_path(command[0]) or command[0], *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise HostError(f"{option}: {shown} cannot be run: {error.strerror}.") from error
        reason = _wait(process, limit)
        if reason:
            raise HostError(f"{option}: {shown} was stopped: {reason}.{_tail(output.fileno())}")
        if process.returncode != 0:
            raise HostError(f"{option}: {shown} failed with exit code {process.returncode}.{_tail(output.fileno())}")


def _wait(process: subprocess.Popen[bytes], limit: TimeLimit) -> str:
    """Wait for the end of the process, or kill its whole group; the reason for that, or ""."""
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
            return ""
        reason = limit.reached()
        if reason:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return reason


def _tail(descriptor: int) -> str:
    size = os.fstat(descriptor).st_size
    text = os.pread(descriptor, _SHOWN_OUTPUT, max(0, size - _SHOWN_OUTPUT)).decode("utf-8", "replace").strip()
    return f" Its output: {text}" if text else ""
