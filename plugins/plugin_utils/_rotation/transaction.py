# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a rotation. Each is one transaction of the ledger, in which it is also judged: whatever other runs do
meanwhile, it is taken once, and by what is true then. A run that is killed leaves the state before it or after it.

Whoever calls what writes holds the lock of the authority's folder.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer import ANOTHER_ROOT
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.next_policy import (
    keep_next,
    next_policy,
    settle,
    wanted_next,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import PublishRoot
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority, read_delegated
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import COMPROMISED, Rotation, State
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.succession import (
    check_new_keys,
    make_successor,
    vouches,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.decisions import (
    ABORTABLE,
    Position,
    foreseen,
    position,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.keys import needless_keys, remove_keys
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.view import DEFAULT_TERMS, Terms, View, read_view


@dataclass(frozen=True)
class RotationTransaction:
    """The rotation of the root of the authority in ``folder``, at one time, with the hosts ``in_play`` that the
    operator named. In ``check_mode`` everything is judged and nothing written. Every method may raise PkiError, nothing
    changed."""

    folder: Path
    ledger: Ledger
    in_play: Collection[str]
    now: datetime
    terms: Terms = DEFAULT_TERMS
    check_mode: bool = False

    def look(self) -> tuple[View, Position] | None:
        """What the last rotation is judged by, and where it is; None where there was none yet."""
        last = self._last()
        if last is None:
            return None
        view = read_view(self.ledger, self.authority(), last, self.in_play, self.now)
        return view, position(view, self.terms, self.now)

    def authority(self) -> Authority:
        """The authority as it is now."""
        return read_authority(self.folder)

    def begin(
        self, reason: str, passphrases: Passphrases, options: Mapping[str, Any] = MappingProxyType({})
    ) -> list[State]:
        """Plan a rotation, unless one is on its way; the states that it came into by that. Its root is as these
        ``options`` of certificate_authority want it."""
        authority = self.authority()
        _check_own_root(authority)
        if reason != COMPROMISED:
            _check_delegated(authority, self.ledger, self.now)
        with self._writing():
            current, following = self.ledger.rotations.current(), wanted_next(authority, self.ledger, options)
            if current is not None:
                _check_same(current, reason)
                return []
            _check_signer(authority, reason == COMPROMISED, passphrases, self.now)
            check_new_keys(authority, None, following, passphrases)
            if not self.check_mode:
                keep_next(authority, self.ledger, following)
                self.ledger.rotations.begin(authority.root.sha256, reason, self.now, self.terms.overlap)
                self._count(self._current())
        return [State.PLANNED]

    def keep_overlap(self) -> tuple[timedelta, ...]:
        """Have the rotation go by the overlap of these terms from now on; the former one and that, nothing where they
        are the same, or where an emergency has none."""
        with self._writing():
            current = self.ledger.rotations.current()
            if current is None or current.is_emergency or current.overlap == self.terms.overlap:
                return ()
            if not self.check_mode:
                self.ledger.rotations.keep_overlap(current, self.terms.overlap)
        return current.overlap, self.terms.overlap

    def newcomers(self) -> tuple[str, ...]:
        """The hosts that :meth:`go_on` has the rotation count for good, as they are named now for the first time."""
        current = self.ledger.rotations.current()
        if current is None:
            return ()
        return tuple(sorted(read_view(self.ledger, self.authority(), current, self.in_play, self.now).newcomers))

    def go_on(self, passphrases: Passphrases, publish_root: PublishRoot | None = None) -> list[State]:
        """Take every step that nobody keeps it from; the states that it came into. Who counts now goes on to count."""
        looked = self.look()
        if looked is None:
            raise PkiError(f"No rotation of the root of the authority in {self.folder} has begun. Begin one first.")
        if looked[0].rotation.state is State.PLANNED:
            authority, rotation = self.authority(), looked[0].rotation
            _check_signer(authority, rotation.is_emergency, passphrases, self.now)
            check_new_keys(authority, rotation, next_policy(authority, self.ledger), passphrases)
        if self.check_mode:
            return foreseen(looked[0], self.terms, self.now)
        with self.ledger.transaction():
            if (current := self.ledger.rotations.current()) is not None:
                self._count(current)
        taken = []
        while (state := self.advance(passphrases, publish_root)) is not None:
            taken.append(state)
        return taken

    def advance(self, passphrases: Passphrases, publish_root: PublishRoot | None = None) -> State | None:
        """Take the next step; the state that it came into, None where somebody keeps it from that, or it has ended."""
        last = self._last()
        if last is not None and last.state is State.PLANNED:
            make_successor(self.authority(), last, passphrases, self.ledger, self.now, publish_root)
            return State.MADE
        with self.ledger.transaction():
            looked = self.look()
            if looked is None or looked[1].blockers or looked[1].next_state is None:
                return None
            self.ledger.rotations.move(looked[0].rotation, looked[1].next_state, self.now)
            return looked[1].next_state

    def abort(self) -> list[State]:
        """Give the rotation up; the states that it came into. Hosts that trust the new root already lose it by
        trust_anchor with ``purge_superseded``."""
        with self._writing():
            last = self._last()
            if last is not None and last.state is State.ABORTED:
                return []
            current = self._current()
            if current.state not in ABORTABLE:
                raise PkiError(
                    f"The rotation is {current.state.value}: leaves below the new root are in use, and it only goes "
                    "forward. Once it is done, another one can begin."
                )
            if not self.check_mode:
                self.ledger.rotations.move(current, State.ABORTED, self.now)
        return [State.ABORTED]

    def leave_out(self, host: str, reason: str, by: str) -> bool:
        """Do not wait for a host any longer; whether that is new."""
        with self._writing():
            current = self._current()
            view = read_view(self.ledger, self.authority(), current, self.in_play, self.now)
            if view.exceptions.get(host) == reason:
                return False
            _check_counted(view, host)
            if not self.check_mode:
                self.ledger.rotations.add_exception(current, host, reason, by)
        return True

    def wait_for(self, host: str) -> str | None:
        """Wait for a host again; the reason that it was left out for, None where it was not."""
        with self._writing():
            current = self._current()
            view = read_view(self.ledger, self.authority(), current, self.in_play, self.now)
            if host not in view.exceptions:
                _check_counted(view, host)
                return None
            if not self.check_mode:
                self.ledger.rotations.remove_exception(current, host)
        return view.exceptions[host]

    def clean_up(self, steps: Collection[State]) -> tuple[Path, ...]:
        """Remove the keys that nothing needs any more, also where a run that was killed left them; which they are. In
        check mode, those that are of no need after ``steps``. The policy is as it is to be then, too."""
        last = self._last()
        retiring = []
        if last is not None and self.check_mode:
            retiring += [last.from_root] if State.DONE in steps else []
            retiring += [last.to_root] if State.ABORTED in steps else []
        keys = needless_keys(self.authority(), self.ledger.last_leaf_ends(), self.now, retiring)
        if not self.check_mode:
            settle(self.folder, self.ledger)
            remove_keys(keys)
        return keys

    def _count(self, rotation: Rotation) -> None:
        """Keep who counts now: a later run that names fewer hosts, by a slip, would forget those that the ledger does
        not know otherwise."""
        view = read_view(self.ledger, self.authority(), rotation, self.in_play, self.now)
        self.ledger.rotations.count(rotation, view.counted - view.counted_before)

    def _writing(self) -> AbstractContextManager[None]:
        return nullcontext() if self.check_mode else self.ledger.transaction()

    def _last(self) -> Rotation | None:
        return next(reversed(self.ledger.rotations.all()), None)

    def _current(self) -> Rotation:
        rotation = self.ledger.rotations.current()
        if rotation is None:
            raise PkiError(f"No rotation of the root of the authority in {self.folder} is on its way.")
        return rotation


def _check_signer(authority: Authority, is_emergency: bool, passphrases: Passphrases, now: datetime) -> None:
    """Raise PkiError now where a passphrase is wrong, since new keys are encrypted as the former ones are, or where the
    root is to sign the new one, and its key is not at hand, or its time is not now."""
    does_sign = vouches(authority.root, is_emergency)
    signer = authority.root if does_sign else authority.issuing
    signer.key(passphrases.authority, "passphrase", passphrases.tokens)
    authority.issuing.responder.key(passphrases.responder, "responder_passphrase")
    root = authority.root.certificate
    if does_sign and now < root.not_valid_before_utc:
        raise PkiError(
            f"The root is valid from {root.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on, and this controller's clock "
            f"says {now:%Y-%m-%d %H:%M} UTC. Correct the clock."
        )
    if does_sign and now >= root.not_valid_after_utc:
        raise PkiError(
            f"The root ended at {root.not_valid_after_utc:%Y-%m-%d %H:%M} UTC, and can vouch for no other one. Renew "
            "it first, by the playbook anchorage.pki.authority."
        )


def _check_counted(view: View, host: str) -> None:
    if host not in view.counted:
        counted = ", ".join(sorted(view.counted)) or "none"
        raise PkiError(f"The rotation does not wait for {host!r}. The hosts that it counts: {counted}.")


def _check_own_root(authority: Authority) -> None:
    if authority.policy.external_root:
        raise PkiError(
            f"The root of the authority in {authority.folder} is another authority's, which alone can have it give way "
            f"to another one. {ANOTHER_ROOT}"
        )


def _check_delegated(authority: Authority, ledger: Ledger, now: datetime) -> None:
    """Raise PkiError where authorities of other controllers are below the root, whose leaves nobody counts here. One of
    a development proxy is made anew below the other root."""
    proxies = {proxy.sha256 for proxy in read_delegated(authority.folder)}
    below = [
        f"{one.subject.rfc4514_string()} ({one.serial_number:x}, until {one.not_valid_after_utc:%Y-%m-%d})"
        for one, is_revoked in ledger.delegated_certificates()
        if not is_revoked and one.not_valid_after_utc > now and fingerprint(one) not in proxies
    ]
    if below and ledger.rotations.current() is None:
        raise PkiError(
            f"The root of the authority in {authority.folder} has signed for other controllers: {', '.join(below)}. "
            "Their leaves would be refused once hosts lose it, and no rotation here can see those. Have the other "
            "controllers move to authorities of their own, and revoke these certificates; or wait for their end."
        )


def _check_same(current: Rotation, reason: str) -> None:
    """Raise PkiError where an emergency is to begin while a rotation is on its way that is none."""
    if reason != COMPROMISED or current.is_emergency:
        return
    way_out = (
        "Abort it, then begin again with compromised: its new root has another key."
        if current.state in ABORTABLE
        else "Leaves are below the new root already. Go on with overlap_days 0, so that hosts lose the old one soon."
    )
    raise PkiError(f"A rotation is {current.state.value} already, which began as no emergency. {way_out}")
