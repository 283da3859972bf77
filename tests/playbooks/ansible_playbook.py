# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of the real ansible-playbook, and of modules in them, forked from processes that have imported already what all
of them import."""

from __future__ import annotations

import atexit
import functools
import marshal
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from ansible_collections.anchorage.pki.tests.playbooks.forked_programs import COLLECTIONS, MOUNTS
from ansible_collections.anchorage.pki.tests.playbooks.startup.sitecustomize import MODULE_SERVER

PROGRAM = Path(sys.executable).with_name("ansible-playbook")


def start_playbook(
    *arguments: str | Path,
    environment: Mapping[str, str],
    folder: Path,
    output: IO[Any],
    errors: IO[Any],
    mounts: Sequence[tuple[str, str]] = (),
) -> Callable[[], int]:
    """Start ansible-playbook; return a function that waits for its end, and gives its exit status as subprocess does.

    The environment is all that it gets, as with subprocess; it has a PYTHONPATH. Each of the mounts is a path that the
    run has in the place of another one, which takes root.
    """
    given = {**environment, MODULE_SERVER: f"{sys.executable}:{_server('module_server')}"}
    program = [str(PROGRAM), *map(str, arguments)]
    request = {"program": program, "environment": given, "folder": str(folder), "mounts": list(mounts)}
    run = socket.socket(type=socket.SOCK_SEQPACKET, family=socket.AF_UNIX)
    run.connect(_server("playbook_server"))
    with open(os.devnull, "rb") as nothing, open(MOUNTS, "rb") as namespace:
        files = [file.fileno() for file in (nothing, output, errors, namespace)]
        socket.send_fds(run, [marshal.dumps(request)], files)

    def finish() -> int:
        with run:
            return int(run.recv(16))

    return finish


@functools.cache
def _server(name: str) -> str:
    """The socket of one of the servers beside this file, which ends with this process."""
    folder = tempfile.mkdtemp(prefix="anchorage-server-")
    path = os.path.join(folder, "socket")
    reading, lifeline = os.pipe()
    atexit.register(shutil.rmtree, folder)
    atexit.register(os.close, lifeline)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen()
        subprocess.run(
            [sys.executable, Path(__file__).with_name(f"{name}.py"), str(listener.fileno()), str(reading)],
            pass_fds=[listener.fileno(), reading],
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", COLLECTIONS: os.environ[COLLECTIONS]},
            check=True,
        )
    os.close(reading)
    return path
