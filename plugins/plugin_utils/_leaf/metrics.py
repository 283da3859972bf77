# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Metrics of a run that refreshed staples, in the text format that Prometheus reads.

The ledger says what is true after the run of leaves of our own, and the hosts say it of certificates of other
authorities. What goes on from run to run is read from the former text: there is no other record of it.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

#: The labels of a staple, or its leaf, as they are written: the host, and the folder on it. A name alone may be there
#: twice. A leaf that was signed for a request has no host, and its name.
Labels = str

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
# Of what ocsp_staple does, what leaves all as it is.
_NOTHING_DONE = ("none", "note")


class Outcome(enum.Enum):
    """What a run made of a staple."""

    GOOD = "it is not due"
    FAILED = "it is due, or has ended"
    UNTRIED = "it is due, and the run was not for it"


@dataclass(frozen=True)
class Standing:
    """A leaf and its staple after a run: when they end, in seconds since 1970-01-01 UTC, None where that is not known
    or there is none; and what the run made of the staple, None where there is none to be had."""

    leaf_end: int | None
    staple_end: int | None
    outcome: Outcome | None


#: The values of a former text, by metric and labels.
Former = Mapping[str, Mapping[Labels, int]]

_SAMPLE = re.compile(r"^(\w+)\{(.*)\} ([0-9]{1,15})$", re.MULTILINE)


def staple_metrics(
    ledger: Mapping[str, Any],
    due: Iterable[Mapping[str, Any]],
    results: Mapping[str, Mapping[str, Any]],
    former: str = "",
    now: datetime | None = None,
    foreign: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """The metrics of a run, the same text for the same run.

    ``ledger`` is what certificate_authority_info says after it, with ``places: all`` and ``due: staples``, or that
    there is no authority; ``due`` are those of its ``due_staples`` before it that the run was for. ``results`` are
    those of leaf_certificate by the names of the hosts, ``foreign`` those of ocsp_staple, of every host that is to have
    such staples; an empty one is that of a host that was not reached, and one that was ``skipped`` that of a host that
    the run was not for. ``former`` is the text of the run before.
    """
    moment = int((now or datetime.now(timezone.utc)).timestamp())
    before: dict[str, dict[Labels, int]] = {name: {} for name in HELP}
    for name, labels, value in _SAMPLE.findall(former):
        before.setdefault(name, {})[labels] = int(value)
    standings = _own_standings(ledger, due, results, moment)
    for host, result in (foreign or {}).items():
        standings = {**_foreign_standings(host, result, before), **standings}
    outcomes = {labels: each.outcome for labels, each in standings.items() if each.outcome}
    responder = {RESPONDER_END: _seconds(ledger["responder"]["not_after"])} if "responder" in ledger else {}
    return "".join(
        [
            _family(LEAF_END, _samples(LEAF_END, {labels: each.leaf_end for labels, each in standings.items()})),
            _family(STAPLE_END, _samples(STAPLE_END, {labels: each.staple_end for labels, each in standings.items()})),
            *(
                _family(name, _samples(name, _go_on(name, outcomes, before[name], moment)))
                for name in (FAILED, FAILURES, LAST_SUCCESS)
            ),
            _family(RESPONDER_END, responder),
        ]
    )


def _own_standings(
    ledger: Mapping[str, Any],
    due: Iterable[Mapping[str, Any]],
    results: Mapping[str, Mapping[str, Any]],
    moment: int,
) -> dict[Labels, Standing]:
    """What the ledger knows of the authority's own leaves, none where there is no authority.

    What was due and still is has failed, also where the inventory does not know the host; and all that was due on a
    host whose task failed; and what has ended.
    """
    still_due = {_labels(entry) for entry in ledger.get("due_staples", [])}
    failed_hosts = {host for host, result in results.items() if _has_failed(result)}
    failed = {_labels(entry) for entry in due if _labels(entry) in still_due or entry["host"] in failed_hosts}
    standings = {}
    for entry in ledger.get("places", []):
        labels, end = _labels(entry), _end(entry["next_update"])
        outcome = Outcome.UNTRIED if labels in still_due else Outcome.GOOD
        if labels in failed or (end is not None and end <= moment):
            outcome = Outcome.FAILED
        standings[labels] = Standing(_end(entry["not_after"]), end, outcome if end is not None else None)
    for leaf in ledger.get("requested", []):  # which are on no host, and have no staple
        labels = _labels({"host": "", "path": leaf["name"]})
        standings[labels] = Standing(_end(leaf["not_after"]), None, None)
    return standings


def _foreign_standings(host: str, result: Mapping[str, Any], before: Former) -> dict[Labels, Standing]:
    """What a host says of its staples for certificates of other authorities; where it says nothing, what is known of
    it from before."""
    if result.get("certificates") is None:
        outcome = Outcome.UNTRIED if result.get("skipped") else Outcome.FAILED
        known = {*before[LEAF_END], *before[FAILED]}
        # Those that had no staple to be had have none still.
        return {
            labels: _as_before(labels, before, outcome if labels in before[FAILED] else None)
            for labels in known
            if labels.startswith(f"host={_quoted(host)},")
        }
    standings = {}
    for entry in result["certificates"]:
        labels = _labels({"host": host, "path": entry["path"]})
        undone = entry["action"] not in _NOTHING_DONE and not entry["changed"]
        standings[labels] = _as_before(labels, before, Outcome.FAILED) if undone else _foreign_standing(entry)
    return standings


def _foreign_standing(entry: Mapping[str, Any]) -> Standing:
    """That of a staple as its host has it. A certificate for which nobody can be asked has none, and none fails."""
    leaf_end = _end(entry["not_after"])
    if entry["staple"]:
        outcome = Outcome.FAILED if entry["failures"] else Outcome.GOOD
        return Standing(leaf_end, _end(entry["staple"]["next_update"]), outcome)
    return Standing(leaf_end, None, Outcome.FAILED if entry["url"] or entry["failures"] else None)


def _as_before(labels: Labels, before: Former, outcome: Outcome | None) -> Standing:
    """The standing of a leaf that is as it was."""
    return Standing(before[LEAF_END].get(labels), before[STAPLE_END].get(labels), outcome)


def _has_failed(result: Mapping[str, Any]) -> bool:
    return not result or bool(result.get("failed") or result.get("unreachable"))


def _go_on(
    name: str, outcomes: Mapping[Labels, Outcome], before: Mapping[Labels, int], moment: int
) -> dict[Labels, int]:
    """The values of a metric that go on from those before."""
    values = {}
    for labels, outcome in outcomes.items():
        value = before.get(labels, 0)
        good = moment if name == LAST_SUCCESS else 0
        failed = {FAILED: 1, FAILURES: value + 1, LAST_SUCCESS: value}[name]
        values[labels] = {Outcome.GOOD: good, Outcome.FAILED: failed, Outcome.UNTRIED: value}[outcome]
    return values


def _labels(entry: Mapping[str, Any]) -> Labels:
    return f"host={_quoted(entry['host'])},certificate={_quoted(entry['path'])}"


def _end(timestamp: str | None) -> int | None:
    return _seconds(timestamp) if timestamp else None


def _seconds(timestamp: str) -> int:
    return int(datetime.fromisoformat(timestamp).timestamp())


def _quoted(value: str) -> str:
    """The value of a label, whatever is in it: what is not Unicode is replaced."""
    text = value.encode("utf-8", "replace").decode("utf-8")
    escaped = text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'


def _samples(name: str, values: Mapping[Labels, int | None]) -> dict[str, int]:
    """The series of a metric, with those values that are known."""
    return {f"{name}{{{labels}}}": value for labels, value in values.items() if value is not None}


def _family(name: str, samples: Mapping[str, int]) -> str:
    if not samples:
        return ""
    lines = [f"# HELP {name} {HELP[name]}", f"# TYPE {name} gauge"]
    return "\n".join([*lines, *(f"{series} {value}" for series, value in sorted(samples.items())), ""])
