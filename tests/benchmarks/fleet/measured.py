# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a program and print, as JSON, what it and all that it started have cost: ``measured.py PROGRAM ARGUMENT ...``.

It is a process of its own, since the kernel adds up the costs of a process's children, and only of those that it waits
for. ssh leaves one process a host behind to share connections: these become children of this one, which ends them when
the program has ended, so that the next program finds no open connection, and counts them too.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Become the parent of all descendants whose own parent ends: see prctl(2)."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl failed")


def end_orphans() -> None:
    """End the processes that were left behind, and wait for them."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while orphans := children.read_text(encoding="ascii").split():
        for orphan in orphans:
            with suppress(ProcessLookupError):
                os.kill(int(orphan), signal.SIGTERM)
        os.wait()


def main(command: list[str]) -> None:
    """Run the program, and report. Its output goes where this one's errors go."""
    adopt_orphans()
    started = time.monotonic()
    status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False).returncode
    wall = time.monotonic() - started
    end_orphans()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    costs = {
        "wall": round(wall, 3),
        "controller_cpu": round(usage.ru_utime + usage.ru_stime, 3),
        "peak_memory": round(usage.ru_maxrss / 1024, 1),
    }
    print(json.dumps({"status": status, "costs": costs}))


if __name__ == "__main__":
    main(sys.argv[1:])
