# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of the ledger about its own past: that it was restored from a backup, and what it then lacks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import sql_restore as sql
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.database import Database
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.times import from_seconds, to_seconds
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import BACKDATE, SKEW


@dataclass(frozen=True)
class Restore:
    """That the ledger was restored, from what it was when it was backed up. ``revocations_at`` is when the revocations
    between the two were entered, None as long as they are not known."""

    backed_up_at: datetime
    restored_at: datetime
    revocations_at: datetime | None

    def __str__(self) -> str:
        """What it means as long as revocations are not known, and the way out."""
        return (
            f"The ledger was restored from a backup of {self.backed_up_at:%Y-%m-%d %H:%M} UTC, and does not know what "
            "was revoked since. Nothing is signed, and hosts keep what they have, until anchorage.pki.restore gets the "
            "last published lists in anchorage_restore_lists, or anchorage_restore_without_lists=true for none."
        )

    def covers(self, certificate: x509.Certificate) -> bool:
        """Whether a certificate may have been signed after the backup and before the restore."""
        signed_at = certificate.not_valid_before_utc + BACKDATE
        return self.backed_up_at - SKEW <= signed_at <= self.restored_at + SKEW


class Restores:
    """Those of an open ledger. Every write belongs into a transaction of the ledger's."""

    def __init__(self, connection: Database) -> None:
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
