# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a command, and kill it and all that it started as soon as a file is on each of some containers.

Usage: ``kill_controller.py FILE CONTAINER,... COMMAND ...``. Fails where the command ends before, or in five minutes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

TIME_LIMIT = 300


def is_there(container: str, path: str) -> bool:
    """Whether the container has a file at ``path``."""
    return subprocess.run(["podman", "exec", container, "test", "-e", path], check=False).returncode == 0


def descendants(process: int) -> list[int]:
    """The processes that ``process`` started, and those that these did."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = [tuple(map(int, line.split())) for line in listing.splitlines()]
    children = [pid for pid, parent in parents if parent == process]
    return [pid for child in children for pid in [child, *descendants(child)]]


def main() -> None:
    path, containers, command = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    end = time.monotonic() + TIME_LIMIT
    while not all(is_there(container, path) for container in containers):
        if process.poll() is not None or time.monotonic() > end:
            sys.exit(f"The command ended, or {TIME_LIMIT} seconds were over, before {path} was there.")
        time.sleep(0.2)
    for pid in [process.pid, *descendants(process.pid)]:
        os.kill(pid, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    main()
