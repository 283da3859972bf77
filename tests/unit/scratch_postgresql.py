# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A PostgreSQL server of the tests' own, in a folder of its own, with a socket there and a port of loopback."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

#: Where distributions have the server's programs, which are not on PATH.
FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*")
OWNER = "owner"
#: Nothing else in an output is like it.
PASSWORD = "not-in-any-output-482913"
LIMIT = 30.0  # seconds


def server_programs() -> Path | None:
    """The newest server's programs, None for none."""
    found = [Path(folder) for pattern in FOLDERS for folder in sorted(Path("/").glob(pattern[1:]))]
    return next((folder for folder in reversed(found) if (folder / "initdb").exists()), None)


class ScratchServer:
    """A server that is not durable, so that tests are quick: a restart is a clean one, unless it is killed."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self._programs = programs
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        # It refuses to be root's.
        self._user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        shutil.chown(folder, self._user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._run("initdb", "-D", folder / "data", "-U", OWNER, "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        (folder / "data" / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")

    def start(self) -> None:
        settings = {
            "fsync": "off",
            "unix_socket_directories": self.folder,
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "max_connections": 120,
            "shared_buffers": "32MB",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        log = open(self.folder / "log", "ab")  # noqa: SIM115
        with log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self.folder / "data", *words],
                stdout=log,
                stderr=log,
                user=self._user if os.geteuid() == 0 else None,
                cwd="/",
            )
        until = time.monotonic() + LIMIT
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < until
            time.sleep(0.02)

    def stop(self, how: str = "immediate") -> None:
        """End it at once; as a crash does for clients, who lose their connections."""
        if self._process is not None:
            self._run("pg_ctl", "stop", "-D", self.folder / "data", "-m", how, "-s")
            self._process.wait(LIMIT)
            self._process = None

    def restart(self) -> None:
        self.stop("fast")
        self.start()

    def new_database(self) -> str:
        """The URL of an empty database, by the socket."""
        name = f"t{next(self._numbers)}"
        with self.connected("postgres") as connection:
            # Without a log of what is copied: a test's database need not outlive a crash.
            strategy = "STRATEGY file_copy" if connection.info.server_version >= 150000 else ""
            connection.execute(f"CREATE DATABASE {name} {strategy}")
        return self.url(name)

    def url(self, name: str, **parameters: str) -> str:
        more = "".join(f"&{key}={quote(value, safe='')}" for key, value in parameters.items())
        return f"postgresql://{OWNER}@/{name}?host={quote(str(self.folder), safe='')}&port={self.port}{more}"

    def url_with_login(self, url: str) -> str:
        """The URL of the same database for a user who has to give a password, over TCP."""
        name = database_of(url)
        with self.connected(name) as connection:
            connection.execute(f"CREATE ROLE {name}_user LOGIN PASSWORD '{PASSWORD}'")
            connection.execute(f"ALTER DATABASE {name} OWNER TO {name}_user")
        return f"postgresql://{name}_user@127.0.0.1:{self.port}/{name}"

    @contextmanager
    def connected(self, name: str) -> Iterator[Any]:
        import psycopg

        with psycopg.connect(self.url(name), autocommit=True) as connection:
            yield connection

    def rows(self, url: str, statement: str) -> list[tuple[Any, ...]]:
        """What a database answers."""
        with self.connected(database_of(url)) as connection:
            found: list[tuple[Any, ...]] = connection.execute(statement).fetchall()
            return found

    def _answers(self) -> bool:
        command = [self._programs / "pg_isready", "-q", "-h", self.folder, "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def _run(self, program: str, *words: object) -> None:
        subprocess.run(
            [self._programs / program, *map(str, words)],
            check=True,
            capture_output=True,
            user=self._user if os.geteuid() == 0 else None,
            cwd="/",
        )


def database_of(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


@contextmanager
def scratch_server() -> Iterator[ScratchServer]:
    """A server that runs. Skipped where the machine has none, or no psycopg."""
    programs = server_programs()
    if programs is None or not find_spec("psycopg"):
        pytest.skip("PostgreSQL's server or the Python package psycopg is missing")
    # In memory where there is such a folder; and a socket's path is short.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp"))
    try:
        server = ScratchServer(folder, programs)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
