# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of the real ansible-playbook, forked from a process that has imported already what all of them import."""

from __future__ import annotations

import atexit
import functools
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

PROGRAM = Path(sys.executable).with_name("ansible-playbook")
_SERVER = Path(__file__).with_name("playbook_server.py")


def start_playbook(
    *arguments: str | Path, environment: Mapping[str, str], folder: Path, output: IO[Any], errors: IO[Any]
) -> Callable[[], int]:
    """Start ansible-playbook; return a function that waits for its end, and gives its exit status as subprocess does.

    The environment is all that it gets, as with subprocess; it has a PYTHONPATH.
    """
    request = {"program": [str(PROGRAM), *map(str, arguments)], "environment": environment, "folder": str(folder)}
    reading, report = os.pipe()
    with open(os.devnull, "rb") as nothing:
        descriptors = [nothing.fileno(), output.fileno(), errors.fileno(), report]
        socket.send_fds(_requests(), [json.dumps(request).encode()], descriptors)
    os.close(report)

    def finish() -> int:
        with open(reading, "rb") as status:
            return int(status.read())

    return finish


@functools.cache
def _requests() -> socket.socket:
    """The way to the process, which ends with it. It is nobody's child: tests look whether theirs are gone."""
    requests, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    with theirs:
        subprocess.run(
            [sys.executable, _SERVER, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            check=True,
        )
    atexit.register(requests.close)
    return requests
