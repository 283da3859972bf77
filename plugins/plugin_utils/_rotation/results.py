# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results and the diffs of authority_rotation; nothing of it is secret."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import timestamp
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.status import (
    Status,
    no_rotation_lines,
    status_lines,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._tables import counted

#: The state of an authority whose root was never to give way.
NONE = "none"
_SHOWN = 10


@dataclass(frozen=True)
class Done:
    """What a task did, or in check mode would do: the states that the rotation came into; the hosts that are not waited
    for any longer, and those that are again, with the reasons why they were or are not; the private keys that were
    removed; the overlap before and after, where it is another one; and the hosts that count from now on, as this run is
    the first one that names them."""

    steps: tuple[State, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    taken_back: tuple[tuple[str, str], ...] = ()
    removed: tuple[Path, ...] = ()
    overlaps: tuple[timedelta, ...] = ()
    newcomers: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return self != Done()

    @property
    def warnings(self) -> list[str]:
        """What else has to be said of it, since it was said otherwise before."""
        said = []
        if self.overlaps:
            former, new = (counted(overlap.days, "day") for overlap in self.overlaps)
            said.append(f"From now on the old root stays for {new} once no leaf below it is in use, not for {former}.")
        if self.newcomers:
            number, shown = counted(len(self.newcomers), "host"), ", ".join(self.newcomers[:_SHOWN])
            more = f" and {len(self.newcomers) - _SHOWN} more" if len(self.newcomers) > _SHOWN else ""
            said.append(
                f"From now on the rotation counts {number} that no earlier run of it named: {shown}{more}. "
                "Leave out each that is not to follow, as after a run with another inventory."
            )
        return said


def rotation_result(authority: Authority, status: Status | None) -> dict[str, Any]:
    """Where the last rotation is, as fields and as lines; ``status`` is None where there was none yet."""
    if status is None:
        return {**_nothing(), "lines": no_rotation_lines(authority)}
    rotation, until = status.rotation, status.overlap_until
    return {
        "state": rotation.state.value,
        "next_state": status.here.next_state.value if status.here.next_state else None,
        "can_abort": status.here.can_abort,
        "blockers": [{"host": blocker.host or None, "reason": blocker.reason} for blocker in status.here.blockers],
        "counted": sorted(status.view.counted),
        "exceptions": [{"host": host, "reason": reason} for host, reason in status.view.exceptions.items()],
        "still_trusting": sorted(status.may_trust),
        "cross_certificate": status.has_cross,
        "emergency": rotation.is_emergency,
        "introduced": rotation.introduced,
        "brings": status.brings,
        "omitted": status.omitted,
        "started_at": timestamp(rotation.started_at),
        "state_at": timestamp(rotation.state_at),
        "overlap_days": (rotation if status.is_over else status.terms).overlap.days,
        "overlap_until": timestamp(until) if until else None,
        "from_root": rotation.from_root,
        "to_root": rotation.to_root or None,
        "lines": status_lines(status),
    }


def _nothing() -> dict[str, Any]:
    lists = ("blockers", "counted", "exceptions", "still_trusting", "omitted")
    times = ("started_at", "state_at", "overlap_days", "overlap_until")
    unknown = ("next_state", *times, "from_root", "to_root", "brings")
    return {
        "state": NONE,
        **dict.fromkeys(("can_abort", "cross_certificate", "emergency", "introduced"), False),
        **{name: [] for name in lists},
        **dict.fromkeys(unknown),
    }


def rotation_diff(before: str, done: Done) -> dict[str, str]:
    """The rotation before and after, a line each; the same in check mode as in the run itself."""
    after = done.steps[-1].value if done.steps else before
    overlaps = [f"overlap: {counted(overlap.days, 'day')}\n" for overlap in done.overlaps]
    keys = [f"private key: {path}\n" for path in done.removed]
    newcomers = [f"counted: {host}\n" for host in done.newcomers]
    header = "rotation of the root"
    return {
        "before_header": header,
        "after_header": header,
        "before": "".join([f"state: {before}\n", *overlaps[:1], *_not_waited_for(done.taken_back), *keys]),
        "after": "".join([f"state: {after}\n", *overlaps[1:], *_not_waited_for(done.left_out), *newcomers]),
    }


def _not_waited_for(hosts: tuple[tuple[str, str], ...]) -> list[str]:
    return [f"not waited for: {host} ({reason})\n" for host, reason in hosts]
