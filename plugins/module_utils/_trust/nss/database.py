# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One NSS database, read and changed. All of this runs as the user who owns it: see as_user.py.

Which certificates are in it, and under which nicknames, is read from its file cert9.db, an SQLite database whose
columns are PKCS #11 attributes: certutil(1) cannot look for a certificate, only for a nickname. What a certificate is
trusted for is certutil's to say, as each release of NSS has its own way to write it down, and signs it.
"""

from __future__ import annotations

import hashlib
import os
import re
import ssl
from urllib.parse import quote

try:
    import sqlite3
except ImportError:  # some systems have it in a package of its own
    sqlite3 = None  # type: ignore[assignment]

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import Outcome, run
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any, dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError, UserNeeded
from ansible_collections.anchorage.pki.plugins.module_utils._trust.nss.profiles import DATABASE_FILE

CERTUTIL = "certutil"
TRUST = "C,,"  # an authority for servers, and for nothing else
_LIMIT = 30.0
_CERTIFICATE = b"\0\0\0\1"  # CKO_CERTIFICATE, in the column of CKA_CLASS
_TABLE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
_HOLDER = "NSS Certificate DB"

_FINGERPRINT = "Fingerprint (SHA-256):"
_FLAGS = re.compile(r"SSL Flags:\n(.*?) +Email Flags:\n(.*?) +Object Signing Flags:\n(.*?)(?:\n\n|\Z)", re.DOTALL)
_LETTERS = {
    "Valid CA": "c",
    "Trusted CA": "C",
    "Trusted Client CA": "T",
    "Terminal Record": "p",
    "Trusted": "P",
    "Warn When Sending": "w",
}


@dataclass(frozen=True)
class Database:
    """The database in ``folder`` of that user. ``certutil`` is the command, "" for none; ``timeout`` are the seconds
    for another program to finish writing. All methods raise HostError."""

    folder: str
    user: str
    certutil: str
    timeout: float
    reads_only: bool = False

    def nicknames(self, der: bytes) -> list[str]:
        """The nicknames under which the certificate is there, "" for none."""
        return [nickname for nickname, value in self._certificates() if value == der]

    def examine(self, der: bytes) -> list[list[str]]:
        """Each nickname of the certificate with its trust flags."""
        sha256 = hashlib.sha256(der).hexdigest()
        return [
            [nickname, self._trust_flags(nickname).get(sha256, "") if nickname else ""]
            for nickname in self.nicknames(der)
        ]

    def require_unlocked(self, name: str) -> None:
        """Raises UserNeeded where a password guards the database, with how to add the certificate under this name. To
        write without it leaves a certificate half installed: there, and trusted for nothing."""
        self._require_unlocked(
            f"give the root certificate in PEM to: certutil -A -d sql:{self.folder} -n {name} -t {TRUST} -a"
        )

    def add(self, name: str, pem: str) -> None:
        """Trust the certificate under a nickname of its own, or under the one that it has."""
        der = ssl.PEM_cert_to_DER_cert(pem)
        taken = {nickname for nickname, value in self._certificates() if value != der}
        names = (name, *(f"{name}-{number}" for number in range(2, 100)))
        self._add(next(nickname for nickname in names if nickname not in taken), TRUST, der)

    def set_trust(self, flags: str, pem: str) -> None:
        """Trust a certificate that is there for what ``flags`` say."""
        der = ssl.PEM_cert_to_DER_cert(pem)
        for nickname in self.nicknames(der)[:1]:
            self._add(nickname, flags, der)

    def delete(self, pems: list[str]) -> None:
        """Remove the certificates, whatever their nicknames, and no other of the same nickname."""
        for der in map(ssl.PEM_cert_to_DER_cert, pems):
            for nickname in self.nicknames(der):
                self._delete(nickname, der)

    def _require_unlocked(self, advice: str) -> None:
        outcome = self._certutil("-K", "-f", "/dev/null")
        if "SEC_ERROR_BAD_PASSWORD" in outcome.output:
            raise UserNeeded(f"{self.folder} has a password, which only its user knows. As {self.user}, {advice}")

    def _delete(self, nickname: str, der: bytes) -> None:
        """certutil deletes by nickname, and which one of several it takes cannot be known: it is asked until the right
        one is gone, and those that went with it are put back."""
        if not nickname:
            raise HostError(f"{self.folder} holds it without a nickname, so that only its browser can remove it.")
        others = [value for other, value in self._certificates() if other == nickname and value != der]
        flags = self._trust_flags(nickname)
        if others:
            self._require_unlocked(f"remove it: certutil -D -d sql:{self.folder} -n '{nickname}'")
        for _attempt in range(1 + len(others)):
            self._require_success(self._certutil("-D", "-n", _addressed(nickname)))
            if nickname not in self.nicknames(der):
                break
        for other in others:
            if not self.nicknames(other):
                self._add(nickname, flags.get(hashlib.sha256(other).hexdigest(), ",,"), other)

    def _add(self, nickname: str, flags: str, der: bytes) -> None:
        pem = ssl.DER_cert_to_PEM_cert(der).encode()
        self._require_success(self._certutil("-A", "-n", _addressed(nickname), "-t", flags, "-a", stdin=pem))

    def _trust_flags(self, nickname: str) -> dict[str, str]:
        """What the certificates of this nickname are trusted for, as certutil takes it (``C,,``), by their SHA-256."""
        outcome = self._certutil("-L", "-n", _addressed(nickname))
        flags = {}
        for text in outcome.output.split(_FINGERPRINT)[1:]:
            sections = _FLAGS.search(text)
            sha256 = text.split()[0].replace(":", "").lower()
            flags[sha256] = ",".join(_letters(section) for section in sections.groups()) if sections else ",,"
        return flags

    def _certificates(self) -> list[tuple[str, bytes]]:
        """Nickname and DER of every certificate."""
        # A look at the keys, with which NSS signs what it trusts, cleans up there as well.
        keys = os.path.join(self.folder, "key4.db")
        if os.path.exists(keys):
            self._query(keys, "metaData", "SELECT id FROM metaData LIMIT 1")
        file = os.path.join(self.folder, DATABASE_FILE)
        rows = self._query(file, "nssPublic", "SELECT a3, a11 FROM nssPublic WHERE a0 = ?", _CERTIFICATE)
        return [(_nickname(label), bytes(value)) for label, value in rows if isinstance(value, bytes)]

    def _query(self, path: str, table: str, statement: str, *values: bytes) -> list[Any]:
        """The rows that the statement selects from the table, as which a view may pose that has no end.

        The file is opened for writing too, unless that is ruled out, since certutil cannot read a database until
        somebody has cleaned up after a writer that was killed, and SQLite does so as it opens it.
        """
        if sqlite3 is None:
            raise HostError("Python's module sqlite3 is missing: install the system's package of it.")
        try:
            address = f"file:{quote(os.fsencode(path))}?mode={'ro' if self.reads_only else 'rw'}"
            connection = sqlite3.connect(address, uri=True, timeout=self.timeout)
            try:
                if not connection.execute(_TABLE, [table]).fetchall():
                    raise HostError(f"{path} has no table {table}, so it was not written by a program that uses NSS.")
                return connection.execute(statement, values).fetchall()
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise HostError(f"{path} cannot be read: {error}.") from error

    def _certutil(self, action: str, *arguments: str, stdin: bytes = b"") -> Outcome:
        if not self.certutil:
            raise HostError(f"The command {CERTUTIL} is missing.")
        return run([self.certutil, action, "-d", f"sql:{self.folder}", *arguments], _LIMIT, stdin)

    def _require_success(self, outcome: Outcome) -> None:
        if outcome.status:
            raise HostError(f"certutil failed for {self.folder}: {outcome.last_line.rstrip('.')}.")


def _nickname(label: object) -> str:
    """The text of CKA_LABEL; NSS writes an empty value as three bytes that are no text."""
    if not isinstance(label, bytes) or label == b"\xa5\0Z":
        return ""
    return label.decode(errors="surrogateescape")


def _addressed(nickname: str) -> str:
    """The nickname as certutil takes it, which reads what is before a colon as the name of a token."""
    return f"{_HOLDER}:{nickname}" if ":" in nickname else nickname


def _letters(section: str) -> str:
    letters = "".join(_LETTERS.get(line.strip(), "") for line in section.splitlines())
    return letters.replace("c", "") if "C" in letters else letters  # which implies it
