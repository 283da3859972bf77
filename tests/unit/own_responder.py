# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The responder of a host's own as systemd starts it."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._programs.bundle import bundle

# Passes the socket on as systemd does, see sd_listen_fds(3).
LAUNCHER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""


@contextmanager
def own_responder(folder: Path, places: Path) -> Iterator[int]:
    """Start it for ``places``, with its program in ``folder``, and yield its port. It has to end without a word."""
    program = folder / "staples.pyz"
    program.write_bytes(bundle())
    program.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-c", LAUNCHER, str(listener.fileno()), program, "respond", places]
        with subprocess.Popen(command, pass_fds=[listener.fileno()], stderr=subprocess.PIPE) as process:
            try:
                yield listener.getsockname()[1]
            finally:
                process.terminate()
            assert process.stderr is not None
            assert process.stderr.read() == b""
