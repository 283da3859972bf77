# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rotation is judged by, as values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import ABSENT
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, Epoch
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proofs import Seen
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace, RequestedLeaf
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import Rotation
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.succession import epoch_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import OVERLAP, PROOF_AGE


@dataclass(frozen=True)
class Terms:
    """For how long a proof counts, and how long the old root stays once no leaf below it is in use."""

    proof_age: timedelta = PROOF_AGE
    overlap: timedelta = OVERLAP


DEFAULT_TERMS = Terms()

# This machine, which is the only one of an authority for development.
_CONTROLLER = "localhost"


def terms_of(ledger: Ledger, proof_days: int, overlap_days: int | None) -> Terms:
    """The terms that a run names. Without an overlap, it is the one that was named to the rotation on its way."""
    current = ledger.rotations.current()
    kept = current.overlap if current else OVERLAP
    return Terms(timedelta(days=proof_days), kept if overlap_days is None else timedelta(days=overlap_days))


@dataclass(frozen=True)
class View:
    """A rotation and the hosts that matter to it.

    ``in_play`` are the hosts that the operator named, of which a limit of the run leaves none out. ``leaf_hosts`` have
    a leaf of the authority in use, ``old_leaves`` are places with one that is not below the new root: so is that of an
    issuing authority which is not in the folder any more. ``new_root`` and ``old_roots``, one entry for each
    certificate of the old key, are what hosts showed of them. ``exceptions`` are hosts that the rotation does not wait
    for, with the reasons. ``counted_before`` are those that it has counted. ``late`` are hosts, with fingerprints of
    roots of earlier rotations which they may trust still, and no host is to.
    ``old_requested`` are leaves that were signed for requests, on no host, which are not below the new root either.
    ``lacks_issuer`` is whether the issuing authority below the new root was revoked, and there is no other one yet.
    """

    rotation: Rotation
    in_play: frozenset[str]
    leaf_hosts: frozenset[str]
    old_leaves: tuple[LeafPlace, ...]
    new_root: tuple[Seen, ...]
    old_roots: tuple[tuple[Seen, ...], ...]
    exceptions: Mapping[str, str]
    counted_before: frozenset[str] = frozenset()
    late: tuple[tuple[str, str], ...] = ()
    old_requested: tuple[RequestedLeaf, ...] = ()
    lacks_issuer: bool = False

    @property
    def still_trusting(self) -> frozenset[str]:
        """The hosts of which it is known that they had the old root, and not that it is gone."""
        return frozenset(host for proofs in self.old_roots for host in who_has(proofs))

    @property
    def counted(self) -> frozenset[str]:
        """The hosts that have to follow. A run that visits or names less of them does not count less."""
        return self.in_play | self.leaf_hosts | self.still_trusting | self.counted_before

    @property
    def newcomers(self) -> frozenset[str]:
        """The hosts that count because the operator names them now, and for nothing else: with another inventory by a
        slip, all of its hosts."""
        return self.in_play - self.leaf_hosts - self.still_trusting - self.counted_before

    @property
    def lacks_hosts(self) -> bool:
        """Whether the operator named no host, as when the inventory is forgotten: hosts without a leaf would not count.
        Nobody has to be named where this machine alone ever counted, by its leaf."""
        return not (self.in_play or self.counted == self.leaf_hosts == {_CONTROLLER})


def read_view(
    ledger: Ledger, authority: Authority, rotation: Rotation, in_play: Collection[str], now: datetime
) -> View:
    """What the ledger knows about a rotation of the authority's root."""
    old, new = (epoch_of(authority, sha256) for sha256 in (rotation.from_root, rotation.to_root))
    leaves = ledger.rotations.leaves_in_use(now)
    new_issuers = {issuer.sha256 for issuer in new.issuers} if new else set()
    revoked = ledger.revocations.revoked_authorities()
    return View(
        rotation,
        frozenset(in_play),
        frozenset(place.host for place, _issuer in leaves),
        tuple(place for place, issuer in leaves if issuer not in new_issuers),
        tuple(ledger.proofs.of_root(new.root.sha256)) if new else (),
        tuple(tuple(ledger.proofs.of_root(root.sha256)) for root in old.roots) if old else (),
        ledger.rotations.exceptions(rotation),
        ledger.rotations.counted(rotation),
        tuple(_late(ledger, authority, [epoch for epoch in (old, new) if epoch])),
        tuple(_old_requested(ledger, new_issuers, now)),
        new is not None and any(issuer.sha256 in revoked for issuer in new.issuers[-1:]),
    )


def _old_requested(ledger: Ledger, new_issuers: Collection[str], now: datetime) -> Iterator[RequestedLeaf]:
    for leaf in ledger.undeployed.requested():
        if leaf.issuer_sha256 not in new_issuers and leaf.certificate.not_valid_after_utc > now:
            yield leaf


def _late(ledger: Ledger, authority: Authority, own: Collection[Epoch]) -> Iterator[tuple[str, str]]:
    shown = {root.sha256 for epoch in own for root in epoch.roots}
    for root in authority.untrusted():
        if root.sha256 not in shown:
            yield from ((host, root.sha256) for host in sorted(who_has(ledger.proofs.of_root(root.sha256))))


def who_has(proofs: Iterable[Seen]) -> frozenset[str]:
    """The hosts of which it is known, by these proofs of a root, that they had it, and not that it is gone."""
    return frozenset(seen.host for seen in proofs if seen.state != ABSENT)
