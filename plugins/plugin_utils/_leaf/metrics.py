# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Metrics of a run that refreshed staples, in the text format that Prometheus reads.

The ledger says what is true after the run. What goes on from run to run is read from the former text: there is no other
record of it.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Container, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

#: A staple, or its leaf: the host, and the leaf's folder on it. A leaf's name alone may be there twice.
Place = tuple[str, str]

LEAF_END = "anchorage_leaf_not_after_timestamp_seconds"
STAPLE_END = "anchorage_staple_next_update_timestamp_seconds"
FAILED = "anchorage_staple_refresh_failed"
FAILURES = "anchorage_staple_refresh_consecutive_failures"
LAST_SUCCESS = "anchorage_staple_refresh_last_success_timestamp_seconds"
RESPONDER_END = "anchorage_responder_not_after_timestamp_seconds"

HELP = {
    LEAF_END: "When the leaf certificate ends.",
    STAPLE_END: "When the staple in use ends.",
    FAILED: "1 if the staple was due in the last run and was not renewed, or has ended, else 0.",
    FAILURES: "In how many runs in a row that was so.",
    LAST_SUCCESS: "When a run last renewed the staple or found it good; 0 if none is on record.",
    RESPONDER_END: "When the certificate of the OCSP responder ends.",
}


class Outcome(enum.Enum):
    """What a run made of a staple."""

    GOOD = "it is not due"
    FAILED = "it is due, or has ended"
    UNTRIED = "it is due, and the run was not for it"


_SAMPLE = re.compile(r"^([^#\n].*) ([0-9]{1,15})$", re.MULTILINE)


def staple_metrics(
    ledger: Mapping[str, Any],
    due: Iterable[Mapping[str, Any]],
    results: Mapping[str, Mapping[str, Any]],
    former: str = "",
    now: datetime | None = None,
) -> str:
    """The metrics of a run, the same text for the same run.

    ``ledger`` is what certificate_authority_info says after it, with ``places: all`` and ``due: staples``; ``due`` are
    those of its ``due_staples`` before it that the run was for. ``results`` are those of leaf_certificate by the names
    of the hosts; an empty one is that of a host that was not reached. ``former`` is the text of the run before.
    """
    moment = int((now or datetime.now(timezone.utc)).timestamp())
    leaf_ends, staple_ends = _ends(ledger["places"], "not_after"), _ends(ledger["places"], "next_update")
    still_due = set(map(_place, ledger["due_staples"]))
    failed = {place for place, end in staple_ends.items() if end <= moment}
    failed |= _not_renewed(map(_place, due), still_due, results)
    outcomes = {
        place: Outcome.FAILED if place in failed else Outcome.UNTRIED if place in still_due else Outcome.GOOD
        for place in staple_ends
    }
    before = {series: int(value) for series, value in _SAMPLE.findall(former)}
    return "".join(
        [
            _family(LEAF_END, {_series(LEAF_END, place): end for place, end in leaf_ends.items()}),
            _family(STAPLE_END, {_series(STAPLE_END, place): end for place, end in staple_ends.items()}),
            *(_family(name, _go_on(name, outcomes, before, moment)) for name in (FAILED, FAILURES, LAST_SUCCESS)),
            _family(RESPONDER_END, {RESPONDER_END: _seconds(ledger["responder"]["not_after"])}),
        ]
    )


def _not_renewed(
    due: Iterable[Place], still_due: Container[Place], results: Mapping[str, Mapping[str, Any]]
) -> set[Place]:
    """What was due and still is, also where the inventory does not know the host, and all that was due on a host whose
    task failed."""
    failed_hosts = {
        host for host, result in results.items() if not result or result.get("failed") or result.get("unreachable")
    }
    return {place for place in due if place in still_due or place[0] in failed_hosts}


def _go_on(name: str, outcomes: Mapping[Place, Outcome], before: Mapping[str, int], moment: int) -> dict[str, int]:
    """The series of a metric that goes on from their values before."""
    samples = {}
    for place, outcome in outcomes.items():
        series = _series(name, place)
        value = before.get(series, 0)
        good = moment if name == LAST_SUCCESS else 0
        failed = {FAILED: 1, FAILURES: value + 1, LAST_SUCCESS: value}[name]
        samples[series] = {Outcome.GOOD: good, Outcome.FAILED: failed, Outcome.UNTRIED: value}[outcome]
    return samples


def _place(entry: Mapping[str, Any]) -> Place:
    return entry["host"], entry["path"]


def _ends(entries: Iterable[Mapping[str, Any]], field: str) -> dict[Place, int]:
    return {_place(entry): _seconds(entry[field]) for entry in entries if entry[field]}


def _seconds(timestamp: str) -> int:
    return int(datetime.fromisoformat(timestamp).timestamp())


def _series(name: str, place: Place) -> str:
    host, path = map(_quoted, place)
    return f"{name}{{host={host},certificate={path}}}"


def _quoted(value: str) -> str:
    """The value of a label, whatever is in it: what is not Unicode is replaced."""
    text = value.encode("utf-8", "replace").decode("utf-8")
    escaped = text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'


def _family(name: str, samples: Mapping[str, int]) -> str:
    if not samples:
        return ""
    lines = [f"# HELP {name} {HELP[name]}", f"# TYPE {name} gauge"]
    return "\n".join([*lines, *(f"{series} {value}" for series, value in sorted(samples.items())), ""])
