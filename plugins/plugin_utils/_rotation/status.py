# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rotation in lines for people: where it is, what comes next and when, who keeps it, and which command does what."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    Authority,
    CertifiedKey,
    IssuingAuthority,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import Policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import RequestedLeaf
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import policy_result
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import ENDED, Rotation, State
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.succession import epoch_of, vouches
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.decisions import (
    ABORTABLE,
    LEFT_OUT,
    NO_HOSTS,
    NO_ISSUER,
    Position,
    way,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.keys import needless_on_tokens
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.view import Terms, View, who_has
from ansible_collections.anchorage.pki.plugins.plugin_utils._tables import counted, printable

_COMMAND = "ansible-playbook -i INVENTORY anchorage.pki.rotate_authority -e anchorage_rotate_step="
# What has a host follow that was left out and comes back once all is over.
_LATE = "ansible-playbook -i INVENTORY anchorage.pki.site -e trust_anchor_purge_superseded=true"
_TRUST_OTHERS = f"Who trusts a root still that an earlier rotation took away, or may; they lose it by {_LATE}:"

#: The options of certificate_authority that only another root can change.
ROOT_OPTIONS = ("key_type", "unconstrained", "permitted_domains", "permitted_networks")

# What holds in a state, and what has to be true before the next one.
_NOW = {
    State.PLANNED: "Nothing is made yet.",
    State.MADE: "The new root is made, and no host is to trust it yet.",
    State.DISTRIBUTING: "Hosts are to trust both roots. Leaves are below the old one.",
    State.SWITCHING: "Hosts get leaves below the new root, and go on to trust both.",
    State.DRAINING: "Leaves are below the new root. Hosts go on to trust both, for clients that nobody manages.",
    State.PURGING: "Hosts lose the old root.",
    State.DONE: "Leaves are below the new root, which alone is trusted.",
    State.ABORTED: "It was given up. Hosts that trust its new root already lose that by the step abort.",
}
_GIVEN_UP_EARLY = "It was given up before any host was to trust another root."
_NOW_IN_EMERGENCY = {
    State.SWITCHING: "Hosts trust the new root and lose the old one, then get leaves below the new one.",
}
_ONCE = {
    State.PLANNED: "once you go on: the new root, its issuing authority and its responder are made then",
    State.MADE: "once you go on",
    State.DISTRIBUTING: "once every host that counts has shown that it trusts the new root",
    State.SWITCHING: "once no leaf below the old root is in use",
    State.PURGING: "once every host that counts has shown that the old root is gone; then its key is removed",
}
_WHAT_IS_SKIPPED = {
    State.DISTRIBUTING: "No host is waited for before leaves change: clients that lack the new root refuse them.",
    State.DRAINING: "The old root does not stay for clients that nobody manages: it goes from each host that trusts "
    "the new one.",
}
_NO_CROSS_IN_EMERGENCY = (
    "There is no cross certificate, which whoever has the old key could use: clients that know the old root alone "
    "refuse leaves of the new one."
)
_NO_CROSS = (
    "The old root may sign no other root (path length 1, as release 0.2.0 made them), so that there is no cross "
    "certificate. From switching on, clients that know the old root alone refuse leaves of the new one: have every "
    "client trust the new root before that, also those that nobody manages here. Draining helps none of them."
)

_CROSS_REVOKED = (
    "The cross certificate is revoked, and leaves are sent without it: clients that know the old root alone refuse "
    "leaves of the new one."
)


# What draining waits for, be it that no host is behind.
_OLD_REQUESTED = (
    "Signed for requests, below the old root. Run the task requested_certificate of each and put the result on its "
    "device, or revoke it; draining waits for that, or for its end:"
)


@dataclass(frozen=True)
class Status:
    """A rotation of the root of ``authority``, how it is seen and judged, the issuing authorities that have retired
    and whose keys still sign lists, with when the last leaf of each ends, until the switch the policy that it brings,
    None where that stays as it is, and the files of private keys that are still there and of no use."""

    authority: Authority
    view: View
    here: Position
    terms: Terms
    awaited: Mapping[IssuingAuthority, datetime]
    brought: Policy | None = None
    needless: tuple[Path, ...] = ()

    @property
    def rotation(self) -> Rotation:
        return self.view.rotation

    @property
    def is_over(self) -> bool:
        return self.rotation.state in ENDED

    @property
    def has_cross(self) -> bool:
        """Whether clients that know the old root alone accept leaves of the new one, or will."""
        new = epoch_of(self.authority, self.rotation.to_root)
        return self.is_vouched_for if new is None else new.cross is not None

    @property
    def is_vouched_for(self) -> bool:
        """Whether the old root signs the new one, or did, be it that this was revoked since."""
        old = epoch_of(self.authority, self.rotation.from_root)
        return old is not None and vouches(old.root, self.rotation.is_emergency)

    @property
    def brings(self) -> dict[str, Any] | None:
        """What another root is needed for, in the words of the options; None where that stays as it is."""
        if self.brought is None:
            return None
        wanted = policy_result(self.brought)
        return {option: wanted[option] for option in ROOT_OPTIONS}

    @property
    def overlap_until(self) -> datetime | None:
        """When the old root has stayed for long enough; None where that time does not run."""
        draining = self.rotation.state is State.DRAINING
        return self.rotation.state_at + self.terms.overlap if draining else None

    @property
    def omitted(self) -> list[str]:
        """What an emergency leaves out, and what that means; nothing otherwise."""
        if not self.rotation.is_emergency:
            return []
        return [_NO_CROSS_IN_EMERGENCY, *(f"{state.value}: {_WHAT_IS_SKIPPED[state]}" for state in LEFT_OUT)]

    @property
    def may_trust(self) -> dict[str, str]:
        """The hosts that trust the old root, or may since they have not shown it, each with which of both. Once it is
        done, every host has shown it but for those that were left out: one that came later never had the old root."""
        shown = {seen.host for proofs in self.view.old_roots for seen in proofs}
        waited_for = self.view.exceptions if self.rotation.state is State.DONE else self.view.counted
        return {
            host: "trusts it, as far as is known" if host in shown else "has not shown yet whether it trusts it"
            for host in sorted(self.view.counted)
            if host in self.view.still_trusting or (host in waited_for and host not in shown)
        }


def no_rotation_lines(authority: Authority) -> list[str]:
    """What is to be said where no root has ever begun to give way to another."""
    return [
        f"The root of the authority in {authority.folder} was never rotated, and no rotation of it has begun.",
        f"Begin:     {_COMMAND}begin",
        f"Emergency: {_COMMAND}begin -e anchorage_rotate_compromised=true",
    ]


def status_lines(status: Status) -> list[str]:
    """The lines, with everything that hosts said made fit to be shown."""
    return [
        f"Rotation of the root of the authority in {status.authority.folder}",
        *_standing(status),
        *_roots(status),
        *_hosts(status),
        *_warnings(status),
        *_commands(status),
    ]


def _standing(status: Status) -> Iterator[str]:
    rotation, states = status.rotation, way(status.rotation)
    of = f" ({states.index(rotation.state) + 1} of {len(states)})" if rotation.state in states else ""
    yield f"State: {rotation.state.value}{of}, since {_moment(rotation.state_at)}. {_what_holds(rotation)}"
    why = "as an emergency: the old root's key may be in other hands" if rotation.is_emergency else rotation.reason
    yield f"Begun: {_moment(rotation.started_at)}{f', {printable(why)}' if why else ''}"
    if status.here.next_state is not None:
        yield f"Next:  {status.here.next_state.value}, {_once(status)}"
        if State.DRAINING in states[states.index(rotation.state) + 1 :]:
            overlap = counted(status.terms.overlap.days, "day")
            yield f"Overlap: {overlap}, for which the old root stays once no leaf below it is in use."


def _what_holds(rotation: Rotation) -> str:
    if rotation.state is State.ABORTED and not rotation.introduced:
        return _GIVEN_UP_EARLY
    particular = _NOW_IN_EMERGENCY if rotation.is_emergency else {}
    return particular.get(rotation.state, _NOW[rotation.state])


def _once(status: Status) -> str:
    until = status.overlap_until
    if until is None:
        return f"{_ONCE[status.rotation.state]}."
    return f"once the old root has stayed until {_moment(until)}, {counted(status.terms.overlap.days, 'day')}."


def _roots(status: Status) -> Iterator[str]:
    for name, sha256 in (("Old root:", status.rotation.from_root), ("New root:", status.rotation.to_root)):
        epoch = epoch_of(status.authority, sha256)
        yield f"{name} {_named(epoch.root) if epoch else 'not made yet'}"
    former = policy_result(status.authority.policy)
    for option, value in (status.brings or {}).items():
        if value != former[option]:
            shown = ", ".join(value) if isinstance(value, list) else value
            yield f"Brings: {option}: {shown}, from switching on"


def _hosts(status: Status) -> Iterator[str]:
    view, blockers = status.view, [blocker for blocker in status.here.blockers if blocker.host]
    if not status.is_over:
        yield f"Counted: {counted(len(view.counted), 'host')}: {', '.join(sorted(view.counted)) or 'none'}"
    if view.lacks_hosts and not status.is_over:
        yield NO_HOSTS
    yield from _listed(
        f"Waits for {counted(len({blocker.host for blocker in blockers}), 'host')}:",
        (f"{blocker.host}: {blocker.reason}" for blocker in blockers),
    )
    if not status.is_over and status.rotation.state not in ABORTABLE:
        yield from _listed(_OLD_REQUESTED, (_requested(leaf) for leaf in view.old_requested))
    yield from _listed("Left out, not waited for:", (f"{host}: {why}" for host, why in view.exceptions.items()))
    if status.rotation.is_emergency or status.rotation.state is State.DONE:
        title = "Who trusts the old root still, or may:"
        yield from _listed(title, (f"{host}: {how}" for host, how in status.may_trust.items()))
    if status.rotation.state is State.ABORTED:
        yield from _listed("Who trusts the new root still, as far as is known:", sorted(who_has(view.new_root)))
    roots = {root.sha256: root for root in status.authority.roots}
    yield from _listed(_TRUST_OTHERS, (f"{host}: {_named(roots[sha256])}" for host, sha256 in view.late))


def _requested(leaf: RequestedLeaf) -> str:
    return f"{leaf.name}, until {leaf.certificate.not_valid_after_utc:%Y-%m-%d}"


def _listed(title: str, entries: Iterable[str]) -> list[str]:
    lines = [f"  {printable(entry)}" for entry in entries]
    return [title, *lines] if lines else []


def _warnings(status: Status) -> Iterator[str]:
    if status.view.lacks_issuer and not status.is_over:
        yield NO_ISSUER
    yield from _listed("Skipped in an emergency:", status.omitted)
    if not (status.has_cross or status.rotation.is_emergency or status.is_over):
        yield _CROSS_REVOKED if status.is_vouched_for else _NO_CROSS
    for issuer, end in status.awaited.items():
        yield (
            f"The keys of issuing authority {issuer.number} stay until its last leaf has ended, at {_moment(end)}: its "
            "lists are signed with them. The step continue removes them after that."
        )
    for file in needless_on_tokens(status.authority, status.awaited):
        yield (
            f"The key that {file} names is of no use any more, and stays on its token: delete it there by the token's "
            "own program, then that file."
        )
    yield from _listed("Private keys that nothing needs any more:", map(str, status.needless))


def _commands(status: Status) -> Iterator[str]:
    if status.is_over:
        if status.rotation.state is State.DONE and status.may_trust:
            yield f"Have them lose the old root, and get other leaves: {_LATE}"
        if status.needless:
            yield f"Remove these keys: {_COMMAND}continue"
        yield f"Another rotation: {_COMMAND}begin"
        return
    yield f"Go on:    {_COMMAND}continue"
    if status.here.can_abort:
        yield f"Give up:  {_COMMAND}abort"
    else:
        yield "Give up:  not any more: leaves below the new root are in use, and it only goes forward."
    waited_for = next((blocker.host for blocker in status.here.blockers if blocker.host), None)
    if waited_for is not None:
        host = shlex.quote(f"anchorage_rotate_host={waited_for}")
        yield f"Leave a host out: {_COMMAND}leave_out -e {host} -e anchorage_rotate_reason=scrapped"
    if left_out := next(iter(status.view.exceptions), None):
        yield f"Wait for one again: {_COMMAND}wait_for -e {shlex.quote(f'anchorage_rotate_host={left_out}')}"


def _named(root: CertifiedKey) -> str:
    return f"{root.certificate.subject.rfc4514_string()}, SHA-256 {root.sha256}"


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
