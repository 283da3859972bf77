# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NSS databases of people, made and read by the real certutil."""

from __future__ import annotations

import functools
import sqlite3
import subprocess
import tempfile
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.accounts import Account
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor
from ansible_collections.anchorage.pki.tests.unit.scratch_people import as_person, write_as

#: Stands for where a database is, which its pkcs11.txt says.
_PLACE = b"/the/place"


class ScratchDatabase:
    """A database of a person, as certutil sees it."""

    def __init__(self, owner: Account, folder: str = ".pki/nssdb", password: str = "") -> None:
        self.owner = owner
        self.path = Path(owner.home, folder)
        write_as(owner, Path(owner.home, "password"), f"{password}\n".encode())
        for name, content in _empty(password).items():
            write_as(owner, self.path / name, content.replace(_PLACE, str(self.path).encode())).chmod(0o600)

    def certutil(self, *arguments: str, stdin: bytes = b"") -> str:
        return as_person(self.owner, "certutil", *arguments, "-d", f"sql:{self.path}", stdin=stdin)

    def add(self, nickname: str, anchor: Anchor, flags: str = "C,,") -> None:
        self.certutil("-A", "-n", nickname, "-t", flags, "-a", stdin=anchor.pem.encode())

    def lists(self) -> dict[str, str]:
        """The trust flags of each nickname."""
        lines = self.certutil("-L").splitlines()[4:]
        return {line[:60].strip(): line[60:].strip() for line in lines if line.strip()}

    def change(self, statement: str, *values: bytes) -> None:
        """Reach past certutil into the file."""
        connection = sqlite3.connect(self.path / "cert9.db")
        connection.execute(statement, values)
        connection.commit()
        connection.close()


@functools.cache
def _empty(password: str) -> dict[str, bytes]:
    """The files of a database without a certificate, made once for each password."""
    with tempfile.TemporaryDirectory() as folder:
        secret = Path(folder, "password")
        secret.write_text(f"{password}\n", encoding="utf-8")
        database = Path(folder, "database")
        database.mkdir()
        command = ["certutil", "-N", "-d", f"sql:{database}", "-f", secret]
        subprocess.run(command, check=True, capture_output=True)
        place = str(database).encode()
        return {path.name: path.read_bytes().replace(place, _PLACE) for path in database.iterdir()}
