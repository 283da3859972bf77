# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a rotation is, who keeps it there, and where it goes next: a pure decision from a view of it and the time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import FILES
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import ABSENT, TRUSTED
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proofs import Seen
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import Rotation, State
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.view import Terms, View
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import PROOF_RENEWAL

#: The way of a rotation, and what an emergency leaves out: there is nothing to wait for while a thief may sign.
_WAY = (
    State.PLANNED,
    State.MADE,
    State.DISTRIBUTING,
    State.SWITCHING,
    State.DRAINING,
    State.PURGING,
    State.DONE,
)
LEFT_OUT = (State.DISTRIBUTING, State.DRAINING)
#: Before any leaf of the new root is in use.
ABORTABLE = (State.PLANNED, State.MADE, State.DISTRIBUTING)
#: Why it does not go on where nobody was named who has to follow.
NO_HOSTS = (
    "No host is named that has to follow, as without an inventory: name all of them (-i INVENTORY, and anchorage_hosts "
    "if that is set). Where this machine is the only one, say anchorage_hosts=localhost."
)
_UNTIMELY = "what it showed was entered by a clock that was ahead, and counts once a run has seen it again"
#: Why leaves do not change.
NO_ISSUER = (
    "The issuing certificate below the new root is revoked, so that no leaf can be signed there: run the playbook "
    "anchorage.pki.authority, or site, which makes another one."
)


@dataclass(frozen=True)
class Blocker:
    """Why a rotation stays in its state: a host with the reason, or an empty host where it is none's."""

    host: str
    reason: str


@dataclass(frozen=True)
class Position:
    """Where a rotation is, and where it goes next once no ``blockers`` are left; None where it has ended."""

    state: State
    next_state: State | None
    blockers: tuple[Blocker, ...]

    @property
    def can_abort(self) -> bool:
        """Whether it can be given up: from the switch on, it only goes forward."""
        return self.state in ABORTABLE


def position(view: View, terms: Terms, now: datetime) -> Position:
    """Where the rotation of ``view`` is at the time ``now``."""
    state = view.rotation.state
    blockers: Iterable[Blocker] = ()
    if state is State.DISTRIBUTING:
        blockers = (*_unnamed(view), *_unproved(view, [view.new_root], TRUSTED, terms, now))
    elif state is State.SWITCHING:
        blockers = _old_leaves(view)
    elif state is State.DRAINING:
        blockers = (*_old_leaves(view), *_old_requested(view), *_overlap(view.rotation, terms, now))
    elif state is State.PURGING:
        unproved = _unproved(view, view.old_roots, ABSENT, terms, now)
        blockers = (*_unnamed(view), *_old_leaves(view), *unproved)
    following = _next_state(view.rotation)
    if following is State.SWITCHING and view.lacks_issuer:
        blockers = (Blocker("", NO_ISSUER), *blockers)
    waited_for = tuple(blocker for blocker in blockers if blocker.host not in view.exceptions)
    return Position(state, following, waited_for)


def way(rotation: Rotation) -> list[State]:
    """The states that a rotation goes through, the first one first."""
    left_out = LEFT_OUT if rotation.is_emergency else ()
    return [state for state in _WAY if state not in left_out]


def foreseen(view: View, terms: Terms, now: datetime) -> list[State]:
    """The states that the rotation would come into at the time ``now``, by what is known of the hosts."""
    here, states = position(view, terms, now), []
    while here.next_state is not None and not here.blockers:
        states.append(here.next_state)
        view = replace(view, rotation=replace(view.rotation, state=here.next_state, state_at=now))
        here = position(view, terms, now)
    return states


def _next_state(rotation: Rotation) -> State | None:
    return dict(pairwise(way(rotation))).get(rotation.state)


def _unnamed(view: View) -> Iterable[Blocker]:
    if view.lacks_hosts:
        yield Blocker("", NO_HOSTS)


def _unproved(
    view: View, roots: Sequence[Sequence[Seen]], wanted: str, terms: Terms, now: datetime
) -> Iterable[Blocker]:
    """The counted hosts that have not shown of each of these roots, in every store and not long ago, that it is what is
    ``wanted``."""
    for host in sorted(view.counted):
        reasons = [_unshown([seen for seen in proofs if seen.host == host], wanted, terms, now) for proofs in roots]
        if reason := next(filter(None, reasons), ""):
            yield Blocker(host, reason)


def _unshown(proofs: Sequence[Seen], wanted: str, terms: Terms, now: datetime) -> str:
    """Why these proofs of a root on one host do not show what is ``wanted``, or an empty string.

    Each run that sees a store renews its proof within PROOF_RENEWAL. So a proof that is older than the last one by
    that much is of a store that runs no longer see: they do not ask for its kind, or it is in a home that is not
    mounted. What is wanted there stays so without another look. Anything else is not forgotten, but for a removal
    before the last look: a run that asked for that store would have it trusted again, or say why not. When a clock
    that was ahead saw something, nobody knows: the next look is entered again.
    """
    latest = max((seen.seen_at for seen in proofs if seen.seen_at <= now), default=None)
    if latest is None:
        return _UNTIMELY if proofs else "it has not shown yet what it trusts"
    for seen in proofs:
        if seen.state == wanted or (seen.state == ABSENT and seen.seen_at < latest):
            continue
        kind, _colon, name = seen.store.partition(":")
        reason = f"the root is {seen.state}, not {wanted}, in {name}"
        unseen = f", which no run has seen since {seen.seen_at:%Y-%m-%d}: {_way_to_show(kind)}, or leave the host out"
        return reason if latest - seen.seen_at < PROOF_RENEWAL else reason + unseen
    if now - latest >= terms.proof_age:
        return f"it showed what it trusts on {latest:%Y-%m-%d} the last time, which counts no more"
    return ""


def _way_to_show(kind: str) -> str:
    """How a store of this kind shows again what it trusts."""
    if kind == FILES:
        return "name it in truststores once more, with state=absent where it is of no more use"
    return f"run once where it is there, with {kind} in trust_anchor_stores"


def _old_leaves(view: View) -> Iterable[Blocker]:
    for place in view.old_leaves:
        yield Blocker(place.host, f"{place.path} is, or may be, a leaf that is not below the new root")


def _old_requested(view: View) -> Iterable[Blocker]:
    """Of no host, so that nobody can be left out, but each ends, and goes once it is replaced or revoked."""
    for leaf in view.old_requested:
        yield Blocker(
            "",
            f"{leaf.name!r} was signed for a request, below the old root, and is valid until "
            f"{leaf.certificate.not_valid_after_utc:%Y-%m-%d}: run its task requested_certificate again and put the "
            "result on the device, or revoke it",
        )


def _overlap(rotation: Rotation, terms: Terms, now: datetime) -> Iterable[Blocker]:
    ends = rotation.state_at + terms.overlap
    # Without an overlap nothing is waited for, be it that the clock was ahead when this state began.
    if terms.overlap and now < ends:
        yield Blocker("", f"the old root stays until {ends:%Y-%m-%d %H:%M} UTC, for clients that nobody manages")
