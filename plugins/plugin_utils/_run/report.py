# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of each host in a run, as a value that is written as JSON and shown in a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import timestamp

#: Counts up when a reader of the former reports could not read the new ones.
SCHEMA = 1

UNREACHABLE = "unreachable"
FAILED = "failed"
CHANGED = "changed"
UNCHANGED = "unchanged"
#: The worst first: a host's outcome is the worst one of its parts.
OUTCOMES = (UNREACHABLE, FAILED, CHANGED, UNCHANGED)

#: What is kept of a task's result. Ansible adds others, and the tasks may come to.
OF_TRUST = ("anchor", "stores", "further_anchors", "others", "purged")
OF_LEAVES = ("certificates", "activation", "others")

#: A task whose result nobody registers, such as the check of a role's variables, has failed on the host.
ELSEWHERE = "it failed or was lost in a task that this report does not know: see what Ansible says of it"


class HostResults(NamedTuple):
    """What trust_anchor and leaf_certificate returned for a host; None for one that did not run."""

    trust: Mapping[str, Any] | None
    leaves: Mapping[str, Any] | None


def run_report(results: Mapping[str, HostResults], lost: Container[str], now: datetime) -> dict[str, Any]:
    """The report of a run that came to its end, with those of the hosts for which a task ran or that were ``lost``:
    failed or unreachable, by Ansible's own account."""
    hosts = {name: _host(result, name in lost) for name, result in results.items()}
    reported = {name: host for name, host in hosts.items() if host is not None}
    return _report(True, reported, now)


def unfinished_report(now: datetime) -> dict[str, Any]:
    """The report of a run that has begun. It stays if something ends that run."""
    return _report(False, {}, now)


def _report(complete: bool, hosts: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    counts = Counter(host["outcome"] for host in hosts.values())
    return {
        "schema": SCHEMA,
        "complete": complete,
        "written": timestamp(now),
        "counts": {outcome: counts[outcome] for outcome in OUTCOMES},
        "hosts": dict(hosts),
    }


def _host(result: HostResults, lost: bool) -> dict[str, Any] | None:
    """What is said of a host; None where nothing was done with it."""
    parts = {"trust": _part(result.trust, OF_TRUST), "leaves": _part(result.leaves, OF_LEAVES)}
    outcomes = [part["outcome"] for part in parts.values() if part]
    message = None
    if lost and not {UNREACHABLE, FAILED} & set(outcomes):
        outcomes, message = [FAILED], ELSEWHERE
    if not outcomes:
        return None
    return {"outcome": min(outcomes, key=OUTCOMES.index), "message": message, **parts}


def _part(result: Mapping[str, Any] | None, kept: Sequence[str]) -> dict[str, Any] | None:
    """What is said of a task; None where it did not run, or was skipped."""
    if not result or result.get("skipped"):
        return None
    outcome = next((outcome for outcome in OUTCOMES if result.get(outcome)), UNCHANGED)
    message = str(result.get("msg", "")) if outcome in (UNREACHABLE, FAILED) else None
    return {"outcome": outcome, "message": message, **{key: result[key] for key in kept if key in result}}
