# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of the ledger about its own past: that it was restored from a backup, and what it then lacks."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import restore_sql as sql
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import Revocation
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.sql import MARK_REVOKED
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.times import from_seconds, to_seconds
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import BACKDATE, SKEW
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.revocation_lists import RevokedCertificate


@dataclass(frozen=True)
class Restore:
    """That the ledger was restored, from what it was when it was backed up. ``revocations_at`` is when the revocations
    between the two were entered, None as long as they are not known."""

    backed_up_at: datetime
    restored_at: datetime
    revocations_at: datetime | None

    def covers(self, certificate: x509.Certificate) -> bool:
        """Whether a certificate may have been signed after the backup and before the restore."""
        signed_at = certificate.not_valid_before_utc + BACKDATE
        return self.backed_up_at - SKEW <= signed_at <= self.restored_at + SKEW


class Restores:
    """Those of an open ledger. Every write belongs into a transaction of the ledger's."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def all(self) -> list[Restore]:
        """Every restore, the first one first."""
        return [
            Restore(from_seconds(backup), from_seconds(restored), from_seconds(entered) if entered else None)
            for backup, restored, entered in self._connection.execute(sql.RESTORES)
        ]

    def pending(self) -> Restore | None:
        """The restore after which nobody has said yet what was revoked since the backup: the first one of them, None
        where there is none."""
        return next((restore for restore in self.all() if restore.revocations_at is None), None)

    def enter(self, backed_up_at: datetime, now: datetime) -> None:
        """Enter that this ledger was restored."""
        self._connection.execute(sql.INSERT_RESTORE, (to_seconds(backed_up_at), to_seconds(now)))

    def mark_revocations_entered(self, now: datetime) -> None:
        """Enter that all is known again that was revoked."""
        self._connection.execute(sql.MARK_REVOCATIONS_ENTERED, (to_seconds(now),))

    def enter_serial(self, issuer_sha256: str, revoked: RevokedCertificate) -> None:
        """Enter that a certificate is revoked which the ledger lacks, and of which a list tells nothing but that."""
        values = (issuer_sha256, f"{revoked.serial:x}", to_seconds(revoked.revoked_at), revoked.reason)
        self._connection.execute(sql.INSERT_REVOKED_SERIAL, values)

    def revoked_serial(self, serial: int) -> Revocation | None:
        """The revocation of a certificate that the ledger lacks, by its serial number."""
        row = self._connection.execute(sql.REVOKED_SERIAL, (f"{serial:x}",)).fetchone()
        return Revocation(from_seconds(row[0]), row[1], None, None) if row else None

    def recognize(self, sha256: str, serial: int) -> None:
        """Make the revocation of a serial number, if there is one, that of the certificate, which was entered now."""
        if self.revoked_serial(serial) is None:
            return
        self._connection.execute(sql.INSERT_FOUND_REVOCATION, (sha256, f"{serial:x}"))
        self._connection.execute(MARK_REVOKED, (sha256,))
        self._connection.execute(sql.DELETE_REVOKED_SERIAL, (f"{serial:x}",))
