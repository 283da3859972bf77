# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Metrics of a run that refreshed staples, in the text format that Prometheus reads.

The ledger says what is true after the run. What goes on from run to run is read from the former text: there is no other
record of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
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
    its ``due_staples`` before it. ``results`` are those of leaf_certificate by the names of the hosts; an empty one is
    that of a host that was not reached. ``former`` is the text of the run before.
    """
    moment = (now or datetime.now(timezone.utc)).timestamp()
    places = ledger["places"]
    stapled = [entry for entry in places if entry["next_update"]]
    failed = {_place(entry) for entry in stapled if _seconds(entry["next_update"]) <= moment}
    failed |= _not_renewed(due, ledger["due_staples"], results)
    before = {series: int(value) for series, value in _SAMPLE.findall(former)}

    def each(name: str, value: Callable[[bool, int], float]) -> dict[str, int]:
        """The series of a metric, made of whether the place failed and of what the series was before."""
        by_series = {_series(name, place): place for place in map(_place, stapled)}
        return {series: int(value(place in failed, before.get(series, 0))) for series, place in by_series.items()}

    return "".join(
        _family(name, samples)
        for name, samples in {
            LEAF_END: {_series(LEAF_END, _place(entry)): _seconds(entry["not_after"]) for entry in places},
            STAPLE_END: {_series(STAPLE_END, _place(entry)): _seconds(entry["next_update"]) for entry in stapled},
            FAILED: each(FAILED, lambda fails, _before: fails),
            FAILURES: each(FAILURES, lambda fails, before: before + 1 if fails else 0),
            LAST_SUCCESS: each(LAST_SUCCESS, lambda fails, before: before if fails else moment),
            RESPONDER_END: {RESPONDER_END: _seconds(ledger["responder"]["not_after"])},
        }.items()
    )


def _not_renewed(
    due_before: Iterable[Mapping[str, Any]],
    due_after: Iterable[Mapping[str, Any]],
    results: Mapping[str, Mapping[str, Any]],
) -> set[Place]:
    """What was due and still is, also where the inventory does not know the host, and all that was due on a host whose
    task failed."""
    still_due = {_place(entry) for entry in due_after}
    failed_hosts = {
        host for host, result in results.items() if not result or result.get("failed") or result.get("unreachable")
    }
    places = map(_place, due_before)
    return {(host, path) for host, path in places if (host, path) in still_due or host in failed_hosts}


def _place(entry: Mapping[str, Any]) -> Place:
    return entry["host"], entry["path"]


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
