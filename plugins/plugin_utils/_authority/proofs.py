# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger's part about who trusts what: what each host's stores said last of each root."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import ABSENT
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.macos_session import is_of_a_user
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import rotation_sql as sql
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.database import Database
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.times import from_seconds, to_seconds
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import PROOF_RENEWAL


@dataclass(frozen=True)
class Proof:
    """What a host showed of a root in one of its stores, whose ``kind`` and ``name`` are those of trust_anchor, as is
    the ``state``; ``evidence_sha256`` is the digest of the sentences that show it."""

    root_sha256: str
    kind: str
    name: str
    state: str
    evidence_sha256: str

    @property
    def store(self) -> str:
        """The store as the ledger has it. No kind has a colon in its name."""
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True)
class Seen:
    """What the ledger knows of a root in a store of a host, and since when it was not seen again."""

    host: str
    store: str
    state: str
    seen_at: datetime


@dataclass(frozen=True)
class Difference:
    """Proofs of one host that are to be entered, and roots with stores that are no longer there."""

    new: tuple[Proof, ...]
    gone: tuple[tuple[str, str], ...]

    def __bool__(self) -> bool:
        return bool(self.new or self.gone)


class Proofs:
    """The proofs in an open ledger."""

    def __init__(self, connection: Database) -> None:
        self._connection = connection

    def difference(
        self,
        host: str,
        proofs: Sequence[Proof],
        kinds: Collection[str],
        now: datetime,
        leaving: Collection[str] = (),
    ) -> Difference:
        """What is to be entered of what a host showed in all its stores of these ``kinds``. What was seen not long ago,
        and is the same, is left as it is: so that most runs write nothing.

        A store that it did not show is gone, unless it had a root that is to go (``leaving``, fingerprints): it may be
        in a home that is not mounted now, and whoever opens that would still trust the root. Nor is one gone that only
        its user can show.
        """
        known = {(root, store): (state, seen, at) for root, store, state, seen, at in self._of_host(host)}
        recent = to_seconds(now - PROOF_RENEWAL)
        new = tuple(proof for proof in proofs if not _is_known(proof, known, recent, to_seconds(now)))
        roots, shown = {proof.root_sha256 for proof in proofs}, {(proof.root_sha256, proof.store) for proof in proofs}
        unseen = [key for key in known if key not in shown and key[0] in roots and _is_of_all(key[1], kinds)]
        kept = {key for key in unseen if key[0] in leaving and _may_come_back(key[1], known[key][0])}
        return Difference(new, tuple(key for key in unseen if key not in kept))

    def _of_host(self, host: str) -> list[tuple[str, str, str, str, int]]:
        return self._connection.execute(sql.PROOFS_OF_HOST, (host,)).fetchall()

    def enter(self, host: str, difference: Difference, now: datetime) -> None:
        """Enter it. Belongs into a transaction of the ledger's."""
        self._connection.executemany(sql.DELETE_PROOF, [(host, *key) for key in difference.gone])
        rows = [
            (host, proof.root_sha256, proof.store, proof.state, proof.evidence_sha256, to_seconds(now))
            for proof in difference.new
        ]
        self._connection.executemany(sql.STORE_PROOF, rows)

    def of_root(self, root_sha256: str) -> list[Seen]:
        """What all hosts showed of a root, by host and store."""
        rows = self._connection.execute(sql.PROOFS_OF_ROOT, (root_sha256,))
        return [Seen(host, store, state, from_seconds(seconds)) for host, store, state, seconds in rows]


def _kind_and_name(store: str) -> tuple[str, str]:
    kind, _colon, name = store.partition(":")
    return kind, name


def _is_of_all(store: str, kinds: Collection[str]) -> bool:
    """Whether a store is of one of the kinds, and shown by whoever looks."""
    kind, name = _kind_and_name(store)
    return kind in kinds and not is_of_a_user(name)


def _may_come_back(store: str, state: str) -> bool:
    """Whether a store in this state would have the root again. What has its kind's name is none that is anywhere: it
    stands for stores that could not be looked for, or for the settings of a whole host."""
    kind, name = _kind_and_name(store)
    return state != ABSENT and name != kind


def _is_known(proof: Proof, known: dict[tuple[str, str], tuple[str, str, int]], recent: int, now: int) -> bool:
    state, evidence, seen_at = known.get((proof.root_sha256, proof.store), ("", "", 0))
    # One of the future was entered by a clock that was ahead.
    return (state, evidence) == (proof.state, proof.evidence_sha256) and recent < seen_at <= now
