# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger's part about rotations: how one root gives way to another, and what that makes of their epochs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import rotation_sql as sql
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Standing
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.database import Database
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.times import from_seconds, to_seconds
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import OVERLAP


class State(str, Enum):
    """A rotation's state. From ``SWITCHING`` on there is no way back: leaves of the new root are in use."""

    PLANNED = "planned"
    MADE = "made"
    DISTRIBUTING = "distributing"
    SWITCHING = "switching"
    DRAINING = "draining"
    PURGING = "purging"
    DONE = "done"
    ABORTED = "aborted"


ENDED = (State.DONE, State.ABORTED)

#: The reason of a rotation whose old root may be in other hands.
COMPROMISED = "compromised"

#: Where the epochs of the old and of the new root stand.
_STANDINGS = {
    State.PLANNED: (Standing.ACTIVE, Standing.COMING),
    State.MADE: (Standing.ACTIVE, Standing.COMING),
    State.DISTRIBUTING: (Standing.ACTIVE, Standing.INTRODUCED),
    State.SWITCHING: (Standing.FORMER, Standing.ACTIVE),
    State.DRAINING: (Standing.FORMER, Standing.ACTIVE),
    State.PURGING: (Standing.LEAVING, Standing.ACTIVE),
    State.DONE: (Standing.RETIRED, Standing.ACTIVE),
    State.ABORTED: (Standing.ACTIVE, Standing.RETIRED),
}


@dataclass(frozen=True)
class Rotation:
    """A rotation. The roots are fingerprints; ``to_root`` is empty until there is one. The old root stays for the
    ``overlap`` once no leaf below it is in use. Once hosts were to trust the new root, it is ``introduced``, also where
    it was given up then."""

    id: int
    from_root: str
    to_root: str
    state: State
    reason: str
    started_at: datetime
    state_at: datetime
    overlap: timedelta = OVERLAP
    introduced: bool = False

    @property
    def is_emergency(self) -> bool:
        """Whether the old root is to go at once, since somebody else may sign with it."""
        return self.reason == COMPROMISED

    @property
    def has_switched(self) -> bool:
        """Whether new leaves are those of the new root."""
        return _STANDINGS[self.state][1] is Standing.ACTIVE

    @property
    def standings(self) -> dict[str, Standing]:
        """Where the epochs of the two roots stand. In an emergency, hosts lose the old one as soon as they can."""
        former, new = _STANDINGS[self.state]
        if self.is_emergency and former is Standing.FORMER:
            former = Standing.LEAVING
        return {self.from_root: former, self.to_root: new}


class Rotations:
    """The rotations in an open ledger. Every write belongs into a transaction of the ledger's."""

    def __init__(self, connection: Database) -> None:
        self._connection = connection

    def all(self) -> list[Rotation]:
        """Every rotation, the first one first."""
        return [
            Rotation(
                number,
                former,
                new,
                State(state),
                reason,
                from_seconds(started),
                from_seconds(since),
                timedelta(seconds=overlap),
                bool(introduced),
            )
            for number, former, new, state, reason, started, since, overlap, introduced in self._connection.execute(
                sql.ROTATIONS
            )
        ]

    def begin(self, from_root: str, reason: str, now: datetime, overlap: timedelta = OVERLAP) -> None:
        """Enter a rotation of that root. The database refuses it while another one has not ended."""
        times = (to_seconds(now), to_seconds(now), int(overlap.total_seconds()))
        self._connection.execute(sql.INSERT_ROTATION, (from_root, reason, *times))

    def keep_overlap(self, rotation: Rotation, overlap: timedelta) -> None:
        """Enter another overlap, which counts from now on."""
        self._connection.execute(sql.KEEP_OVERLAP, (int(overlap.total_seconds()), rotation.id))

    def name_root(self, rotation: Rotation, to_root: str) -> None:
        """Enter the new root, before it is in the authority's folder: a root that is not in the ledger is foreign."""
        self._connection.execute(sql.NAME_ROOT, (to_root, rotation.id))

    def current(self) -> Rotation | None:
        """The rotation that has not ended, of which there is one at most."""
        return next((rotation for rotation in self.all() if rotation.state not in ENDED), None)

    def exceptions(self, rotation: Rotation) -> dict[str, str]:
        """The hosts that it does not wait for, with the reasons."""
        return dict(self._connection.execute(sql.EXCEPTIONS, (rotation.id,)))

    def add_exception(self, rotation: Rotation, host: str, reason: str, by: str) -> None:
        """Enter that it does not wait for a host, and who said so."""
        self._connection.execute(sql.INSERT_EXCEPTION, (rotation.id, host, reason, by))

    def remove_exception(self, rotation: Rotation, host: str) -> None:
        """Enter that it waits for a host again."""
        self._connection.execute(sql.DELETE_EXCEPTION, (rotation.id, host))

    def counted(self, rotation: Rotation) -> frozenset[str]:
        """The hosts that it has counted so far."""
        return frozenset(host for (host,) in self._connection.execute(sql.COUNTED, (rotation.id,)))

    def count(self, rotation: Rotation, hosts: Collection[str]) -> None:
        """Enter more hosts that it counts, from now on and whoever else is named."""
        self._connection.executemany(sql.COUNT, [(rotation.id, host) for host in hosts])

    def leaves_in_use(self, now: datetime) -> list[tuple[LeafPlace, str]]:
        """Where a leaf is in use, or may be, that has not ended, and the fingerprint of its issuer."""
        rows = self._connection.execute(sql.LEAVES_IN_USE, (to_seconds(now),))
        return [(LeafPlace(host, destination, name), issuer) for host, destination, name, issuer in rows]

    def move(self, rotation: Rotation, state: State, now: datetime) -> None:
        """Enter that the rotation came into another state. Raises PkiError where another run was there first."""
        introduced = _STANDINGS[state][1] in (Standing.INTRODUCED, Standing.ACTIVE)
        values = (state.value, to_seconds(now), introduced, rotation.id, rotation.state.value)
        moved = self._connection.execute(sql.MOVE, values)
        if moved.rowcount != 1:
            raise PkiError(f"The rotation is no longer {rotation.state.value}: another run moved it on. Run again.")
