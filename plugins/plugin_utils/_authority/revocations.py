# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of the ledger that is about revocations: what was revoked, the lists and responses that say so, and which
of them were published.

An issuer of lists is named by the identifier of its key, which a renewed root keeps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import sql, sql_restore
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.damage import stored_certificate
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.database import Database
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import (
    DueResponse,
    KnownCertificate,
    LeafPlace,
    Revocation,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.times import from_seconds, to_seconds
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signing import SignedResponse
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import BACKDATE, SHORTEST_STAPLE, SKEW
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.revocation_lists import (
    RevocationList,
    RevokedCertificate,
    next_number,
)


@dataclass(frozen=True)
class StoredList:
    """The last list that was signed for an issuer, and when it was published, None until then."""

    signed: RevocationList
    published_at: datetime | None

    @property
    def serials(self) -> frozenset[int]:
        """The serial numbers of what the list says is revoked."""
        return frozenset(entry.serial_number for entry in x509.load_der_x509_crl(self.signed.der))


class Revocations:
    """Those of an open ledger. Every write belongs into a transaction of it."""

    def __init__(self, connection: Database) -> None:
        self._connection = connection

    # What is known of certificates

    def known(self, sha256: str) -> KnownCertificate | None:
        """The certificate with that fingerprint."""
        return next(self._known(sql.KNOWN, sha256), None)

    def known_by_serial(self, serial: int) -> KnownCertificate | None:
        """The certificate with that serial number, whichever issuing authority signed it."""
        return next(self._known(sql.KNOWN_BY_SERIAL, f"{serial:x}"), None)

    def known_at(self, host: str, name: str, now: datetime) -> list[KnownCertificate]:
        """The leaves of that name which are in use on the host, may be, or were when they were revoked; without a host,
        all that were signed for requests. Those that have ended are left out, but for the last one of a request."""
        return list(self._known(sql.KNOWN_AT_NAME, host, name, to_seconds(now)))

    def revoked_authorities(self) -> set[str]:
        """The fingerprints of the issuing certificates that were revoked."""
        return {str(sha256) for (sha256,) in self._connection.execute(sql.REVOKED_AUTHORITIES)}

    def revoked_crosses(self) -> set[str]:
        """The fingerprints of the cross-certificates that were revoked."""
        return {str(sha256) for (sha256,) in self._connection.execute(sql.REVOKED_CROSSES)}

    def issuing_certificates(self) -> dict[str, x509.Certificate]:
        """The issuing certificates that were ever made, by their fingerprints, the first one first."""
        rows = self._connection.execute(sql.ISSUING_CERTIFICATES)
        return {sha256: stored_certificate(der) for sha256, der in rows}

    def block(self, place: LeafPlace) -> Revocation | None:
        """The revocation for which ``place`` is to have no other leaf, if there is one."""
        row = self._connection.execute(sql.BLOCK, astuple(place)).fetchone()
        return _revocation(*row) if row else None

    def is_revoked(self, sha256: str) -> bool:
        """Whether the certificate with that fingerprint is revoked, or its issuer is. For a transaction that must not
        act on what was read before it began."""
        return bool(self._connection.execute(sql.IS_REVOKED, (sha256,)).fetchone()[0])

    def places_under(self, issuer: str, now: datetime) -> int:
        """In how many places a leaf of the issuer with that fingerprint is in use, or may be."""
        return int(self._connection.execute(sql.PLACES_UNDER, (issuer, to_seconds(now))).fetchone()[0])

    def good_until(self, sha256: str) -> datetime | None:
        """When the last staple or response ends that was signed for a leaf, or for those of an issuing certificate, and
        says good; None where none was."""
        (end,) = self._connection.execute(sql.GOOD_UNTIL, (sha256,)).fetchone()
        return from_seconds(end) if end else None

    def may_be_shown(self, sha256: str, now: datetime) -> bool:
        """Whether a good staple of the leaf with that fingerprint may still be shown, as far as its host has said."""
        return bool(self._connection.execute(sql.MAY_BE_SHOWN, (to_seconds(now), sha256)).fetchone()[0])

    def pending_places(self, now: datetime) -> dict[LeafPlace, datetime | None]:
        """Where a good staple of a revoked leaf may still be shown, as far as its host has said, and until when; and
        where leaves of a revoked issuer are in use, None where those are without a staple."""
        rows = self._connection.execute(sql.PENDING_PLACES, (to_seconds(now),))
        return {LeafPlace(*place): from_seconds(end) if end else None for *place, end in rows}

    # Revocations

    def enter(self, sha256: str, reason: str, reissue: bool | None, now: datetime) -> None:
        """Enter that a certificate is revoked, once; ``reissue`` is None for one that has no place."""
        self._connection.execute(sql.INSERT_REVOCATION, (sha256, to_seconds(now), reason, reissue))
        self._connection.execute(sql.MARK_REVOKED, (sha256,))

    def set_reissue(self, sha256: str, reissue: bool | None) -> None:
        """Enter for a revoked leaf whether its place is to have another one."""
        self._connection.execute(sql.SET_REISSUE, (reissue, sha256))

    def mark_published(self, issuers: Iterable[str], now: datetime) -> None:
        """Enter that all that says what is revoked was published, of what the certificates with these fingerprints have
        signed."""
        rows = [(to_seconds(now), issuer) for issuer in issuers]
        self._connection.executemany(sql.MARK_REVOCATIONS_PUBLISHED, rows)

    # Of certificates that the ledger lacks, since it was restored

    def enter_serial(self, issuer_sha256: str, revoked: RevokedCertificate) -> None:
        """Enter that a certificate is revoked which the ledger lacks, and of which a list tells nothing but that."""
        values = (issuer_sha256, f"{revoked.serial:x}", to_seconds(revoked.revoked_at), revoked.reason)
        self._connection.execute(sql_restore.INSERT_REVOKED_SERIAL, values)

    def revoked_serial(self, serial: int) -> Revocation | None:
        """The revocation of a certificate that the ledger lacks, by its serial number."""
        row = self._connection.execute(sql_restore.REVOKED_SERIAL, (f"{serial:x}",)).fetchone()
        return Revocation(from_seconds(row[0]), row[1], None, None) if row else None

    def recognize(self, sha256: str, serial: int) -> None:
        """Make the revocation of a serial number, if there is one, that of the certificate, which was entered now."""
        if self.revoked_serial(serial) is None:
            return
        self._connection.execute(sql_restore.INSERT_FOUND_REVOCATION, (sha256, f"{serial:x}"))
        self._connection.execute(sql.MARK_REVOKED, (sha256,))
        self._connection.execute(sql_restore.DELETE_REVOKED_SERIAL, (f"{serial:x}",))

    # Lists

    def take_number(self, issuer_key: str, now: datetime, published: int = 0) -> int:
        """The number of the next list of an issuer, taken before it is signed, and higher than that which is
        ``published``."""
        (last,) = self._connection.execute(sql.LAST_NUMBER, (issuer_key,)).fetchone()
        number = next_number(max(last or 0, published), now)
        self._connection.execute(sql.INSERT_LIST, (issuer_key, number))
        return number

    def taken_number(self, issuer_key: str) -> int | None:
        """The last number that was taken for a list which is not signed yet."""
        (number,) = self._connection.execute(sql.TAKEN_NUMBER, (issuer_key,)).fetchone()
        return number

    def revoked_under(self, issuers: Iterable[str], since: datetime) -> list[RevokedCertificate]:
        """The entries of a list: what was revoked of that which the certificates with these fingerprints have signed,
        as far as it had not ended before ``since``."""
        return [
            RevokedCertificate(int(serial, 16), from_seconds(revoked_at), reason)
            for issuer in issuers
            for serial, revoked_at, reason in self._connection.execute(sql.REVOKED_UNDER, (issuer, to_seconds(since)))
        ]

    def store_list(self, issuer_key: str, signed: RevocationList) -> None:
        """Keep a list whose number was taken, and forget those before the one that it replaces, but for the last one
        that was published."""
        last = self.last_list(issuer_key)
        times = (to_seconds(signed.this_update), to_seconds(signed.next_update))
        self._connection.execute(sql.STORE_LIST, (*times, signed.der, issuer_key, signed.number))
        if last is not None:
            self._connection.execute(sql.FORGET_LISTS, (issuer_key, last.signed.number))

    def last_list(self, issuer_key: str) -> StoredList | None:
        """The last list that was signed for an issuer."""
        return self._list(sql.LAST_LIST, issuer_key)

    def published_list(self, issuer_key: str) -> StoredList | None:
        """The last list of an issuer that was published."""
        return self._list(sql.LAST_PUBLISHED_LIST, issuer_key)

    def _list(self, statement: str, issuer_key: str) -> StoredList | None:
        row = self._connection.execute(statement, (issuer_key,)).fetchone()
        if row is None:
            return None
        number, this_update, next_update, der, published_at = row
        signed = RevocationList(number, from_seconds(this_update), from_seconds(next_update), der)
        return StoredList(signed, from_seconds(published_at) if published_at else None)

    def mark_list_published(self, issuer_key: str, number: int, now: datetime) -> None:
        """Enter that a list was published."""
        self._connection.execute(sql.MARK_LIST_PUBLISHED, (to_seconds(now), issuer_key, number))

    def is_published(self, issuer_key: str) -> bool:
        """Whether a list of the issuer was ever published, and its certificate with it."""
        return self.published_list(issuer_key) is not None

    def is_answered(self, issuer: str, published_at: datetime, now: datetime) -> bool:
        """Whether valid responses are published of the leaves that the issuer with that fingerprint had signed when its
        list was published; they are where it had signed none."""
        values = (issuer, to_seconds(published_at - BACKDATE), to_seconds(now))
        return bool(self._connection.execute(sql.IS_ANSWERED, values).fetchone()[0])

    # Responses

    def due_responses(self, issuer: str, now: datetime, every: bool) -> list[DueResponse]:
        """The responses to be signed for leaves of the issuer with that fingerprint: of revoked ones, with ``every`` of
        all. Those of the future, by a clock that was ahead, are among them. Left out are leaves so near to their end
        that no response would be worth anything."""
        times = (to_seconds(now), to_seconds(now + SHORTEST_STAPLE))
        values = (issuer, *times, every, to_seconds(now + SKEW))
        rows = self._connection.execute(sql.DUE_RESPONSES, values)
        due = []
        for sha256, der, digest, revoked_at, reason in rows:
            leaf = stored_certificate(der)
            revoked = RevokedCertificate(leaf.serial_number, from_seconds(revoked_at), reason) if reason else None
            due.append(DueResponse(sha256, leaf, digest, revoked))
        return due

    def store_responses(self, rows: Iterable[tuple[DueResponse, SignedResponse, datetime]]) -> None:
        """Keep signed responses, each with the time from when on it is to be renewed; but for good ones of what was
        revoked meanwhile."""
        self._connection.executemany(
            sql.STORE_RESPONSE,
            [
                (due.sha256, due.digest, due.revoked is not None, *map(to_seconds, times), signed.der)
                for due, signed, renew_at in rows
                for times in [(signed.this_update, signed.next_update, renew_at)]
            ],
        )

    def responses(self, issuer: str, now: datetime) -> list[tuple[x509.Certificate, str, bytes]]:
        """The valid responses about leaves of an issuer: the leaf, the digest of the CertID, and the DER."""
        rows = self._connection.execute(sql.RESPONSES, (issuer, to_seconds(now)))
        return [(stored_certificate(leaf), digest, der) for leaf, digest, der in rows]

    def ended_responses(self, issuer: str, now: datetime) -> list[tuple[x509.Certificate, str]]:
        """The responses about leaves of an issuer that are to go, as the leaf has ended, or is revoked and they say
        good: the leaf, and the digest of the CertID."""
        rows = self._connection.execute(sql.ENDED_RESPONSES, (issuer, to_seconds(now)))
        return [(stored_certificate(leaf), digest) for leaf, digest in rows]

    def forget_responses(self, now: datetime) -> None:
        """Forget the responses about leaves that have ended."""
        self._connection.execute(sql.FORGET_RESPONSES, (to_seconds(now),))

    def _known(self, statement: str, *values: str | int) -> Any:
        rows = self._connection.execute(statement, values).fetchall()
        for sha256, kind, issuer, host, destination, name, der, status, has_place, *revocation in rows:
            yield KnownCertificate(
                sha256,
                kind,
                issuer,
                LeafPlace(host, destination, name),
                stored_certificate(der),
                status,
                bool(has_place),
                _revocation(*revocation),
            )


def _revocation(
    revoked_at: int | None, reason: str | None, reissue: int | None, published_at: int | None
) -> Revocation | None:
    """The columns of a revocation as a value; None where the certificate has none."""
    if revoked_at is None or reason is None:
        return None
    return Revocation(
        from_seconds(revoked_at),
        reason,
        None if reissue is None else bool(reissue),
        from_seconds(published_at) if published_at else None,
    )
