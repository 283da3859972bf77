# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a rotation. Each is one transaction of the ledger, in which it is also judged: whatever other runs do
meanwhile, it is taken once, and by what is true then. A run that is killed leaves the state before it or after it.

Whoever calls this holds the lock of the authority's folder.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.next_policy import bring, settle
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import Passphrases, PublishRoot
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import Rotation, State
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.succession import make_successor
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.decisions import Position, position
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.view import DEFAULT_TERMS, Terms, View, read_view

# As many blockers as an error names; a status has them all.
_SHOWN = 5


@dataclass(frozen=True)
class RotationTransaction:
    """The rotation of the root of the authority in ``folder``, at one time, with the hosts ``in_play`` that the
    operator named. Every method may raise PkiError, nothing changed."""

    folder: Path
    ledger: Ledger
    in_play: Collection[str]
    now: datetime
    terms: Terms = DEFAULT_TERMS

    def begin(self, reason: str, options: Mapping[str, Any] = MappingProxyType({})) -> Rotation:
        """Plan a rotation, unless one is on its way, which is returned then. The new root is as these ``options`` of
        certificate_authority want it."""
        authority = read_authority(self.folder)
        with self.ledger.transaction():
            bring(authority, self.ledger, options)
            if self.ledger.rotations.current() is None:
                self.ledger.rotations.begin(authority.root.sha256, reason, self.now)
            return self._current()

    def look(self) -> tuple[View, Position]:
        """What the rotation is judged by, and where it is."""
        view = read_view(self.ledger, read_authority(self.folder), self._current(), self.in_play, self.now)
        return view, position(view, self.terms, self.now)

    def advance(self, passphrases: Passphrases, publish_root: PublishRoot | None = None) -> Position:
        """Take the next step, and tell where the rotation is then. Raises PkiError with who keeps it from that."""
        rotation = self._current()
        if rotation.state is State.PLANNED:
            make_successor(read_authority(self.folder), rotation, passphrases, self.ledger, self.now, publish_root)
            return self.look()[1]
        with self.ledger.transaction():
            view, here = self.look()
            if here.blockers or here.next_state is None:
                raise PkiError(_refusal(here))
            self.ledger.rotations.move(view.rotation, here.next_state, self.now)
        settle(self.folder, self.ledger)
        return self._position()

    def abort(self) -> None:
        """Give the rotation up. Hosts that trust the new root already lose it by trust_anchor with
        ``purge_superseded``."""
        with self.ledger.transaction():
            view, here = self.look()
            if not here.can_abort:
                raise PkiError(
                    f"The rotation is {here.state.value}: leaves below the new root are in use, and it only goes "
                    "forward. Once it is done, another one can begin."
                )
            self.ledger.rotations.move(view.rotation, State.ABORTED, self.now)
        settle(self.folder, self.ledger)

    def leave_out(self, host: str, reason: str, by: str) -> None:
        """Do not wait for a host any longer."""
        with self.ledger.transaction():
            view, _position = self.look()
            if host not in view.counted:
                raise PkiError(f"The rotation does not wait for {host!r}. Name a host as the inventory does.")
            self.ledger.rotations.add_exception(view.rotation, host, reason, by)

    def _current(self) -> Rotation:
        rotation = self.ledger.rotations.current()
        if rotation is None:
            raise PkiError(f"No rotation of the root of the authority in {self.folder} is on its way.")
        return rotation

    def _position(self) -> Position:
        """Where the last rotation is, be it that it has ended."""
        last = self.ledger.rotations.all()[-1]
        view = read_view(self.ledger, read_authority(self.folder), last, self.in_play, self.now)
        return position(view, self.terms, self.now)


def _refusal(here: Position) -> str:
    named = [f"{blocker.host}: {blocker.reason}" if blocker.host else blocker.reason for blocker in here.blockers]
    more = f"; and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
    return f"The rotation stays {here.state.value}. {'; '.join(named[:_SHOWN])}{more}."
