# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of the ledger for whoever looks after it: all its certificates as values, what may be pruned, and hosts that
are gone for good."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import sql_listing as sql
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.database import Database
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.times import from_seconds, to_seconds


@dataclass(frozen=True)
class Entry:
    """A certificate of any kind as the ledger has it. Those which are no leaf have a ``place`` with empty fields, as
    has a leaf of which nobody knows where it is. ``revoked_at`` is None and ``reason`` empty where it is not revoked,
    ``staple_until`` None where no staple of it is in use."""

    sha256: str
    serial: str
    kind: str
    issuer_sha256: str
    place: LeafPlace
    names: tuple[str, ...]
    private_key: str
    not_before: datetime
    not_after: datetime
    status: str
    revoked_at: datetime | None
    reason: str
    staple_until: datetime | None


@dataclass(frozen=True)
class Forgotten:
    """A host that is gone for good: why, who said so, and when."""

    host: str
    reason: str
    by: str
    forgotten_at: datetime


class Entries:
    """Those of an open ledger. Every write belongs into a transaction of the ledger's."""

    def __init__(self, connection: Database) -> None:
        self._connection = connection

    def all(self) -> list[Entry]:
        """Every certificate, the oldest one first."""
        return [_entry(*row) for row in self._connection.execute(sql.ENTRIES)]

    def places_ever(self, host: str) -> set[LeafPlace]:
        """Where the ledger has leaves of a host, also such as are in use no more."""
        return {LeafPlace(host, *place) for place in self._connection.execute(sql.PLACES_EVER, (host,))}

    def prunable(self, before: datetime) -> list[str]:
        """The fingerprints of the leaves that had ended by then, and that nothing needs: replaced, or revoked without
        that their place is to stay empty."""
        return [str(sha256) for (sha256,) in self._connection.execute(sql.PRUNABLE, (to_seconds(before),))]

    def prune(self, fingerprints: Sequence[str]) -> None:
        """Remove these leaves, and what the ledger knows of them."""
        for statement in sql.PRUNE:
            self._connection.executemany(statement, [(sha256,) for sha256 in fingerprints])

    def knows_host(self, host: str) -> bool:
        """Whether a host ever had a leaf, showed what it trusts, was counted in a rotation, or was forgotten."""
        return self._asked(sql.KNOWS_HOST, host)

    def counts_host(self, host: str) -> bool:
        """Whether anything is planned for a host, or waits for it: it has a leaf in use, or may have, or is known to
        trust a root."""
        return self._asked(sql.COUNTS_HOST, host)

    def forget_host(self, host: str, reason: str, by: str, now: datetime) -> None:
        """Enter that a host is gone for good. Its leaves stay in the ledger as ones that are not in use."""
        for statement in sql.FORGET_HOST:
            self._connection.execute(statement, (host,))
        self._connection.execute(sql.ENTER_FORGOTTEN, (host, reason, by, to_seconds(now)))

    def forgotten(self) -> list[Forgotten]:
        """The hosts that are gone for good, and have not come back."""
        rows = self._connection.execute(sql.FORGOTTEN)
        return [Forgotten(host, reason, by, from_seconds(seconds)) for host, reason, by, seconds in rows]

    def _asked(self, statement: str, host: str) -> bool:
        return bool(self._connection.execute(statement, (host,)).fetchone()[0])


def _entry(
    sha256: str,
    serial: str,
    kind: str,
    issuer_sha256: str,
    host: str,
    destination: str,
    name: str,
    names: str,
    private_key: str,
    not_before: int,
    not_after: int,
    status: str,
    revoked_at: int | None,
    reason: str | None,
    staple_until: int | None,
) -> Entry:
    """The columns as a value."""
    return Entry(
        sha256,
        serial,
        kind,
        issuer_sha256,
        LeafPlace(host, destination, name),
        tuple(json.loads(names)),
        private_key,
        from_seconds(not_before),
        from_seconds(not_after),
        status,
        from_seconds(revoked_at) if revoked_at else None,
        reason or "",
        from_seconds(staple_until) if staple_until else None,
    )
