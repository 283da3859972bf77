# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger: all that an authority signed and what became of it, in one SQLite database beside its keys.

Several forks of a run write to it at once: every writing transaction begins with BEGIN IMMEDIATE, since one that reads
first and writes later is refused whenever another one wrote between. A ledger is opened in the process that uses it
(https://sqlite.org/howtocorrupt.html, section 2.6) and never on a network file system (section 2.1).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import serialization, x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.staples import Staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.file_systems import network_file_system
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import write_private

SCHEMA = 1
APPLICATION_ID = 0x616E6368  # "anch"
# Seconds that a writer waits for the others: 50 forks commit within half a second.
PATIENCE = 30.0
# How long a staple is remembered that nobody accepts any more.
STAPLE_MEMORY = timedelta(days=30)

TABLES = """
CREATE TABLE certificates (
  sha256 TEXT PRIMARY KEY,          -- of the DER, lower-case hexadecimal
  serial TEXT NOT NULL UNIQUE,      -- lower-case hexadecimal
  kind TEXT NOT NULL CHECK (kind IN ('root', 'issuing', 'responder', 'leaf')),
  issuer_sha256 TEXT NOT NULL,
  host TEXT NOT NULL,               -- of a leaf: the host in the inventory, else empty
  destination TEXT NOT NULL,        -- of a leaf: the folder on that host, else empty
  name TEXT NOT NULL,               -- of a leaf: its folder below the destination, else empty
  names TEXT NOT NULL,              -- of a leaf: its subject alternative names, a JSON list
  private_key TEXT NOT NULL,        -- where the key was made: controller or host
  not_before INTEGER NOT NULL,      -- seconds since 1970-01-01 UTC, as all times here
  not_after INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('signed', 'deployed', 'superseded', 'revoked')),
  certificate BLOB NOT NULL         -- DER
);
CREATE INDEX leaf_on_host ON certificates (host, destination, name);
CREATE INDEX end_by_issuer ON certificates (issuer_sha256, not_after);
CREATE TABLE staples (
  sha256 TEXT PRIMARY KEY,
  certificate_sha256 TEXT NOT NULL REFERENCES certificates (sha256),
  this_update INTEGER NOT NULL,
  next_update INTEGER NOT NULL
);
CREATE INDEX staple_of ON staples (certificate_sha256);
"""

SELECT_LEAF = (
    "SELECT sha256, certificate, issuer_sha256, private_key, status FROM certificates "
    "WHERE kind = 'leaf' AND host = ? AND destination = ? AND name = ? AND {} "
    "ORDER BY status = 'deployed' DESC, rowid DESC LIMIT 1"
)
SELECT_PLACES = (
    "SELECT host, destination, name, MAX(not_after) FROM certificates "
    "WHERE kind = 'leaf' AND status IN ('signed', 'deployed') {} GROUP BY host, destination, name"
)

DELETE_STAPLES = (
    "DELETE FROM staples WHERE next_update < ? AND certificate_sha256 IN "
    "(SELECT other.sha256 FROM certificates AS leaf JOIN certificates AS other USING (host, destination, name) "
    "WHERE leaf.sha256 = ? AND other.kind = 'leaf')"
)


@dataclass(frozen=True)
class LeafPlace:
    """Where a leaf lives: the host's name in the inventory, the destination on it, and the leaf's name."""

    host: str
    destination: str
    name: str


@dataclass(frozen=True)
class StapleRecord:
    """A staple that the authority signed."""

    sha256: str
    this_update: datetime
    next_update: datetime


@dataclass(frozen=True)
class LeafRecord:
    """A leaf that the authority signed, with the staples signed for it."""

    certificate: x509.Certificate
    issuer_sha256: str
    private_key: str
    status: str
    staples: tuple[StapleRecord, ...]

    @property
    def sha256(self) -> str:
        return fingerprint(self.certificate)

    def staple(self, sha256: str) -> StapleRecord | None:
        return next((staple for staple in self.staples if staple.sha256 == sha256), None)


class Ledger:
    """An open ledger. Made by :func:`open_ledger`; every write belongs into a :meth:`transaction`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what the block writes, all or nothing."""
        with self._connection:  # commits, or rolls back when the block raises
            self._connection.execute("BEGIN IMMEDIATE")
            yield

    def record_own(self, kind: str, certificate: x509.Certificate, issuer_sha256: str) -> None:
        """Enter a certificate of the authority itself, unless it is there: ``kind`` is root, issuing or responder."""
        known = self._connection.execute("SELECT 1 FROM certificates WHERE sha256 = ?", (fingerprint(certificate),))
        if known.fetchone() is None:
            self._insert(kind, certificate, issuer_sha256, LeafPlace("", "", ""), [], "controller")

    def record_leaf(
        self, certificate: x509.Certificate, issuer_sha256: str, place: LeafPlace, names: list[str], private_key: str
    ) -> None:
        """Enter a leaf, before its bytes leave the controller."""
        self._insert("leaf", certificate, issuer_sha256, place, names, private_key)

    def record_staple(self, staple: Staple, certificate_sha256: str) -> None:
        """Enter a staple, before its bytes leave the controller, and forget those at its place that ended long ago."""
        self._connection.execute(
            DELETE_STAPLES, (int((staple.this_update - STAPLE_MEMORY).timestamp()), certificate_sha256)
        )
        times = (int(staple.this_update.timestamp()), int(staple.next_update.timestamp()))
        self._connection.execute(
            "INSERT OR IGNORE INTO staples VALUES (?, ?, ?, ?)", (staple.sha256, certificate_sha256, *times)
        )

    def mark_deployed(self, place: LeafPlace, sha256: str) -> None:
        """Note that the leaf is in use at ``place``, and that those before it there no longer are."""
        self._connection.execute(
            "UPDATE certificates SET status = CASE WHEN sha256 = ? THEN 'deployed' ELSE 'superseded' END "
            "WHERE kind = 'leaf' AND host = ? AND destination = ? AND name = ? AND status <> 'revoked'",
            (sha256, place.host, place.destination, place.name),
        )

    def mark_removed(self, place: LeafPlace) -> None:
        """Note that none of the leaves signed for ``place`` is in use any more."""
        self._connection.execute(
            "UPDATE certificates SET status = 'superseded' "
            "WHERE kind = 'leaf' AND host = ? AND destination = ? AND name = ? AND status <> 'revoked'",
            astuple(place),
        )

    def places(self, host: str | None = None) -> dict[LeafPlace, datetime]:
        """Where a leaf is deployed, or may be since one was signed for it, and when the last of each place ends.

        With ``host``, on that host alone, which is cheap whatever the size of the fleet.
        """
        chosen, values = ("", ()) if host is None else ("AND host = ?", (host,))
        rows = self._connection.execute(SELECT_PLACES.format(chosen), values)
        return {LeafPlace(*place): _time(seconds) for *place, seconds in rows}

    def leaf(self, place: LeafPlace, sha256: str) -> LeafRecord | None:
        """The leaf with that fingerprint, if it was signed for ``place``."""
        return self._leaf(SELECT_LEAF.format("sha256 = ?"), (*astuple(place), sha256))

    def current_leaf(self, place: LeafPlace) -> LeafRecord | None:
        """The leaf in use at ``place``, or else the last one signed for it."""
        return self._leaf(SELECT_LEAF.format("status IN ('signed', 'deployed')"), astuple(place))

    def last_leaf_ends(self) -> dict[str, datetime]:
        """When the last leaf of each issuing authority ends, by the issuer's fingerprint."""
        rows = self._connection.execute(
            "SELECT issuer_sha256, MAX(not_after) FROM certificates WHERE kind = 'leaf' GROUP BY issuer_sha256"
        )
        return {issuer: _time(seconds) for issuer, seconds in rows}

    def authorities(self) -> set[str]:
        """The fingerprints of the root and issuing certificates."""
        rows = self._connection.execute("SELECT sha256 FROM certificates WHERE kind IN ('root', 'issuing')")
        return {str(sha256) for (sha256,) in rows}

    def leaf_counts(self) -> dict[str, int]:
        """How many leaves there are of each status."""
        rows = self._connection.execute("SELECT status, COUNT(*) FROM certificates WHERE kind = 'leaf' GROUP BY status")
        return {str(status): int(count) for status, count in rows}

    def _insert(
        self,
        kind: str,
        certificate: x509.Certificate,
        issuer_sha256: str,
        place: LeafPlace,
        names: list[str],
        private_key: str,
    ) -> None:
        self._connection.execute(
            "INSERT INTO certificates VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'signed', ?)",
            (
                fingerprint(certificate),
                f"{certificate.serial_number:x}",
                kind,
                issuer_sha256,
                place.host,
                place.destination,
                place.name,
                json.dumps(names),
                private_key,
                int(certificate.not_valid_before_utc.timestamp()),
                int(certificate.not_valid_after_utc.timestamp()),
                certificate.public_bytes(serialization.Encoding.DER),
            ),
        )

    def _leaf(self, query: str, values: tuple[str, ...]) -> LeafRecord | None:
        row = self._connection.execute(query, values).fetchone()
        if row is None:
            return None
        sha256, der, issuer_sha256, private_key, status = row
        return LeafRecord(
            x509.load_der_x509_certificate(der), issuer_sha256, private_key, status, self._staples(sha256)
        )

    def _staples(self, certificate_sha256: str) -> tuple[StapleRecord, ...]:
        rows: Iterable[tuple[str, int, int]] = self._connection.execute(
            "SELECT sha256, this_update, next_update FROM staples WHERE certificate_sha256 = ? ORDER BY rowid",
            (certificate_sha256,),
        )
        return tuple(StapleRecord(sha256, _time(start), _time(end)) for sha256, start, end in rows)


@contextmanager
def open_ledger(path: Path, create: bool = False) -> Iterator[Ledger]:
    """The ledger in the file ``path``; with ``create``, made where it is missing.

    Raises PkiError, also for what SQLite reports while the block runs: a damaged file, a newer schema, a network file
    system, a full disk, or another writer that does not end.
    """
    _check_place(path)
    if not path.exists():
        _create(path, create)
    try:
        with _connected(path) as connection:
            _prepare(connection, path, create)
            yield Ledger(connection)
    except sqlite3.Error as error:
        raise PkiError(
            f"The ledger {path} cannot be used ({error}). Where the disk is full or a run hangs, mend that and run "
            "again, which also enters what was deployed meanwhile; where the file is damaged, restore the authority's "
            "folder from a backup."
        ) from error


def _create(path: Path, create: bool) -> None:
    if not create:
        raise PkiError(f"The ledger {path} is missing. Restore the authority's folder from a backup.")
    try:
        write_private(path, b"")
    except OSError as error:
        raise PkiError(f"The ledger {path} cannot be written: {error.strerror}. Nothing was changed.") from error


@contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=PATIENCE, isolation_level=None
    )
    try:
        yield connection
    finally:
        connection.close()


def _check_place(path: Path) -> None:
    kind = network_file_system(path.parent)
    if kind:
        raise PkiError(
            f"The ledger {path} lies on a network file system ({kind}), where SQLite's locks do not hold. "
            "Keep the authority's folder on a local disk of this controller (option authority)."
        )


def _prepare(connection: sqlite3.Connection, path: Path, create: bool) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    if _identity(connection) == (0, 0) and create:
        connection.executescript(
            f"BEGIN IMMEDIATE; {TABLES} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA}; "
            "COMMIT;"
        )
    if create:
        # Kept in the file. After the tables, so that an interrupted ledger is an empty file or a whole ledger.
        connection.execute("PRAGMA journal_mode = WAL")
    application_id, schema = _identity(connection)
    if application_id != APPLICATION_ID:
        raise PkiError(f"{path} is not a ledger of anchorage.pki. Restore the authority's folder from a backup.")
    if schema > SCHEMA:
        raise PkiError(
            f"The ledger {path} was written by a newer release of anchorage.pki (schema {schema}, this one reads "
            f"{SCHEMA}). Update the collection on this controller."
        )


def _identity(connection: sqlite3.Connection) -> tuple[int, int]:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    return int(application_id), int(schema)


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
