# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger: all that an authority signed and what became of it, in one SQLite database beside its keys, or in a
PostgreSQL database that several controllers share, where ``ledger.url`` beside the keys says so.

Several forks of a run write to it at once: every writing transaction holds the write lock from its first statement on,
since one that reads first and writes later would be refused, or wrong, whenever another one wrote between. A ledger is
opened in the process that uses it (https://sqlite.org/howtocorrupt.html, section 2.6), and a file of SQLite's never on
a network file system (section 2.1).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import astuple
from datetime import datetime
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import sql
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.damage import (
    DamagedEntryError,
    damaged_entries,
    stored_certificate,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.database import Database
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.entries import Entries
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger_urls import ledger_url
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.postgresql_tables import open_tables
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proofs import Proofs
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import (
    CROSS,
    KnownCertificate,
    LeafPlace,
    LeafRecord,
    StapleRecord,
    StapleTimes,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.restores import Restores
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.revocations import Revocations
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import Rotations
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.sqlite_files import (
    TIMEOUT,
    kept_file_system,
    open_file,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.times import from_seconds, to_seconds
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.undeployed import Undeployed
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import serialization, x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.verification import Staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import SKEW, STAPLE_MEMORY


class Ledger:
    """An open ledger. Made by :func:`open_ledger`; every write belongs into a :meth:`transaction`."""

    def __init__(self, connection: Database) -> None:
        self._connection = connection
        self.revocations = Revocations(connection)
        self.rotations = Rotations(connection)
        self.proofs = Proofs(connection)
        self.entries = Entries(connection)
        self.restores = Restores(connection)
        self.undeployed = Undeployed(connection)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what the block writes, all or nothing."""
        with self._connection.transaction():
            yield

    def damage(self) -> str:
        """What is wrong with what is stored, by the database's own check; an empty string where nothing is."""
        return self._connection.damage()

    def record_own(self, kind: str, certificate: x509.Certificate, issuer_sha256: str) -> None:
        """Enter a certificate of the authority itself, unless it is there: ``kind`` is root, issuing or responder; a
        root that another one has signed is a cross-certificate."""
        if self._connection.execute(sql.IS_RECORDED, (fingerprint(certificate),)).fetchone() is None:
            self._insert(kind, certificate, issuer_sha256, LeafPlace("", "", ""), [], "controller")

    def record_delegated(self, certificate: x509.Certificate, issuer_sha256: str) -> None:
        """Enter an issuing certificate of an authority that signs elsewhere, before it leaves this one: another
        controller's, or that of a development proxy."""
        self._insert("issuing", certificate, issuer_sha256, LeafPlace("", "", ""), [], "elsewhere")

    def delegated_certificates(self) -> list[tuple[x509.Certificate, bool]]:
        """The issuing certificates of authorities that sign elsewhere, and whether each is revoked."""
        rows = self._connection.execute(sql.DELEGATED_CERTIFICATES)
        return [(stored_certificate(der), bool(is_revoked)) for der, is_revoked in rows]

    def record_leaf(
        self, certificate: x509.Certificate, issuer_sha256: str, place: LeafPlace, names: list[str], private_key: str
    ) -> None:
        """Enter a leaf, before its bytes leave the controller."""
        self._insert("leaf", certificate, issuer_sha256, place, names, private_key)

    def record_found(self, found: KnownCertificate) -> None:
        """Enter a certificate that the authority signed, and that this ledger lacks since it was restored. Where a leaf
        is and who made its key is not known. A list may have said already that it is revoked."""
        kind = "root" if found.kind == CROSS else found.kind
        self._insert(kind, found.certificate, found.issuer_sha256, found.place, [], "")
        self.revocations.recognize(found.sha256, found.certificate.serial_number)

    def record_staple(self, staple: Staple, certificate_sha256: str) -> None:
        """Enter a staple, before its bytes leave the controller."""
        times = [to_seconds(time) for time in (staple.this_update, staple.next_update, staple.renew_at)]
        self._connection.execute(sql.INSERT_STAPLE, (staple.sha256, certificate_sha256, *times, staple.der))

    def forget_staples(self, now: datetime) -> None:
        """Forget the staples that ended long ago, but for those that hosts still have, whose leaves have not ended."""
        self._connection.execute(sql.FORGET_STAPLES, (to_seconds(now - STAPLE_MEMORY),))

    def mark_deployed(self, place: LeafPlace, leaf_sha256: str, staple_sha256: str, now: datetime) -> None:
        """Record what the host confirmed: the leaf in use at ``place``, and its staple, an empty string for none.

        The other leaves and staples of that place are no longer in use.
        """
        self._connection.execute(sql.MARK_LEAF_DEPLOYED, (leaf_sha256, *astuple(place)))
        self._connection.execute(sql.MARK_NONE_IN_USE, astuple(place))
        self._connection.execute(sql.MARK_STAPLE_IN_USE, (to_seconds(now), staple_sha256, leaf_sha256))

    def mark_awaited(self, staple_sha256: str) -> None:
        """Record that nobody knows whether a staple is in use, until its host says what it has."""
        self._connection.execute(sql.MARK_STAPLE_AWAITED, (staple_sha256,))

    def is_awaited(self, place: LeafPlace) -> bool:
        """Whether the host has not said what it has at ``place``, since a staple was signed for it, or that the staple
        of a revoked leaf is gone."""
        return bool(self._connection.execute(sql.IS_AWAITED, astuple(place)).fetchone()[0])

    def mark_removed(self, place: LeafPlace) -> None:
        """Record that none of the leaves signed for ``place`` is in use any longer, nor a staple of theirs."""
        self._connection.execute(sql.MARK_REMOVED, astuple(place))
        self._connection.execute(sql.MARK_NONE_IN_USE, astuple(place))

    def places(self, host: str | None = None) -> dict[LeafPlace, datetime]:
        """Where a leaf is deployed, or may be since one was signed for it, and when the last of each place ends.

        With ``host``, on that host alone, which is cheap whatever the size of the fleet.
        """
        statement, values = (sql.PLACES, ()) if host is None else (sql.PLACES_OF_HOST, (host,))
        rows = self._connection.execute(statement, values)
        return {LeafPlace(*place): from_seconds(seconds) for *place, seconds in rows}

    def staples_in_use(self, host: str | None = None) -> dict[LeafPlace, StapleTimes]:
        """The staples in use at those of :meth:`places` that have one."""
        if host is None:
            return self._staple_times(sql.STAPLES_IN_USE, ())
        return self._staple_times(sql.STAPLES_IN_USE_ON_HOST, (host,))

    def due_staples(self, now: datetime) -> dict[LeafPlace, StapleTimes]:
        """The staples in use that are to be renewed, of leaves that have not ended, the longest due first. Those of the
        future, by a clock that was ahead, are due at once; so are those of revoked leaves, to be taken away, also where
        nobody knows whether they arrived."""
        due = self._staple_times(sql.DUE_STAPLES, (to_seconds(now), to_seconds(now + SKEW)))
        return dict(sorted(due.items(), key=lambda item: item[1].renew_at))

    def leaf(self, place: LeafPlace, sha256: str) -> LeafRecord | None:
        """The leaf with that fingerprint, if it was signed for ``place``."""
        return self._leaf(sql.LEAF, (*astuple(place), sha256))

    def current_leaf(self, place: LeafPlace) -> LeafRecord | None:
        """The leaf in use at ``place``, or else the last one signed for it."""
        return self._leaf(sql.CURRENT_LEAF, astuple(place))

    def believed_leaves(self, now: datetime, host: str | None = None) -> Iterator[tuple[x509.Certificate, str]]:
        """The last leaves signed of those that are valid and not revoked, with the fingerprints of their issuers; with
        ``host``, on that host alone."""
        seconds = to_seconds(now)
        if host is None:
            rows = self._connection.execute(sql.BELIEVED_LEAVES, (seconds,))
        else:
            rows = self._connection.execute(sql.BELIEVED_LEAVES_OF_HOST, (seconds, host))
        for der, issuer_sha256 in rows:
            yield stored_certificate(der), issuer_sha256

    def last_leaf_ends(self) -> dict[str, datetime]:
        """When the last leaf of each issuing authority ends, by the issuer's fingerprint."""
        rows = self._connection.execute(sql.LAST_LEAF_ENDS)
        return {issuer: from_seconds(seconds) for issuer, seconds in rows}

    def authorities(self) -> set[str]:
        """The fingerprints of the root and issuing certificates."""
        rows = self._connection.execute(sql.AUTHORITIES)
        return {str(sha256) for (sha256,) in rows}

    def leaf_counts(self) -> dict[str, int]:
        """How many leaves there are of each status."""
        rows = self._connection.execute(sql.LEAF_COUNTS)
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
            sql.INSERT_CERTIFICATE,
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
                to_seconds(certificate.not_valid_before_utc),
                to_seconds(certificate.not_valid_after_utc),
                certificate.public_bytes(serialization.Encoding.DER),
            ),
        )

    def _leaf(self, statement: str, values: tuple[str, ...]) -> LeafRecord | None:
        row = self._connection.execute(statement, values).fetchone()
        if row is None:
            return None
        sha256, der, issuer_sha256, private_key, status, issuer_revoked = row
        return LeafRecord(
            sha256,
            stored_certificate(der),
            issuer_sha256,
            private_key,
            status,
            self._staples(sha256),
            bool(issuer_revoked),
        )

    def _staples(self, certificate_sha256: str) -> tuple[StapleRecord, ...]:
        rows = self._connection.execute(sql.STAPLES, (certificate_sha256,))
        return tuple(
            StapleRecord(
                sha256,
                from_seconds(start),
                from_seconds(end),
                from_seconds(due),
                from_seconds(deployed) if deployed else None,
                None if in_use is None else bool(in_use),
                der,
            )
            for sha256, start, end, due, deployed, in_use, der in rows
        )

    def _staple_times(self, statement: str, values: tuple[str | int, ...]) -> dict[LeafPlace, StapleTimes]:
        rows = self._connection.execute(statement, values)
        return {LeafPlace(*place): StapleTimes(from_seconds(end), from_seconds(due)) for *place, end, due in rows}


@contextmanager
def open_ledger(
    path: Path,
    create: bool = False,
    read_only: bool = False,
    timeout: float = TIMEOUT,
    file_system: Callable[[Path], str] = kept_file_system,
) -> Iterator[Ledger]:
    """The ledger in the file ``path``, or where ``ledger.url`` beside that says; with ``create``, made where it is
    missing.

    One of an older release is migrated. With ``read_only``, for check mode and whoever only asks, nothing is written:
    of a file, a copy in memory is migrated instead. Raises PkiError, also for what the database reports while the block
    runs: a damaged file, an unknown schema, a network file system, a full disk, a server that is away, or another
    writer that does not end.
    """
    url = ledger_url(path.parent)
    opened: AbstractContextManager[Database]
    if url is None:
        opened = open_file(path, create, read_only, timeout, file_system)
    else:
        opened = open_tables(url, create, read_only)
    with opened as database:
        try:
            yield Ledger(database)
        except DamagedEntryError as error:
            raise PkiError(
                f"The ledger {url or path} has a damaged entry: {damaged_entries(database) or error}. Restore the "
                "authority's folder from a backup, by the playbook anchorage.pki.restore."
            ) from error
