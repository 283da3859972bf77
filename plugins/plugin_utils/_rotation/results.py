# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results and the diffs of authority_rotation; nothing of it is secret."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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

#: The state of an authority whose root was never to give way.
NONE = "none"


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
        "brings": status.brings,
        "skipped": status.skipped,
        "started_at": timestamp(rotation.started_at),
        "state_at": timestamp(rotation.state_at),
        "overlap_until": timestamp(until) if until else None,
        "from_root": rotation.from_root,
        "to_root": rotation.to_root or None,
        "lines": status_lines(status),
    }


def _nothing() -> dict[str, Any]:
    lists = ("blockers", "counted", "exceptions", "still_trusting", "skipped")
    unknown = ("next_state", "started_at", "state_at", "overlap_until", "from_root", "to_root", "brings")
    return {
        "state": NONE,
        **dict.fromkeys(("can_abort", "cross_certificate", "emergency"), False),
        **{name: [] for name in lists},
        **dict.fromkeys(unknown),
    }


def rotation_diff(
    before: str, steps: Sequence[State], left_out: Collection[tuple[str, str]], removed: Collection[Path]
) -> dict[str, str]:
    """The rotation before and after, a line each; the same in check mode as in the run itself."""
    after = steps[-1].value if steps else before
    gone = [f"private key: {path}\n" for path in removed]
    new = [f"not waited for: {host} ({reason})\n" for host, reason in left_out]
    header = "rotation of the root"
    return {
        "before_header": header,
        "after_header": header,
        "before": "".join([f"state: {before}\n", *gone]),
        "after": "".join([f"state: {after}\n", *new]),
    }
