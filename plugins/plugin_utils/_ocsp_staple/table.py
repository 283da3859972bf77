# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The doctor's table of staples for certificates of other authorities: what every host has, until when, whether its
responder answers, and what to do about it.

It is made of what ocsp_staple says in check mode, so that it says what the next run will do.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import timestamp
from ansible_collections.anchorage.pki.plugins.plugin_utils._tables import Table, counted, printable, tally

SERVED = "served"
DEPLOYED = "deployed"
UNREACHABLE = "unreachable"
# What ocsp_staple would do, in terms of what is wrong.
STATES = {"staple": "due", "unstaple": "due", "repair": "repair", "activate": "not served"}
REMEDY = "run the playbook anchorage.pki.refresh_staples"
SETTLED = frozenset({SERVED, DEPLOYED, "no staple"})
# What the next run puts right, and what does not wait for it.
URGENT = ("missing", "due", "repair", "not served", "withdrawn", "expired")


class Row(NamedTuple):
    """A line of the table."""

    host: str
    staple: str
    state: str
    until: str
    failures: str
    next_attempt: str
    what_to_do: str


HEADING = Row("HOST", "STAPLE", "STATE", "UNTIL", "FAILURES", "NEXT ATTEMPT", "WHAT TO DO")


def staple_table(results: Mapping[str, Mapping[str, Any]], now: datetime | None = None) -> Table:
    """The table, from each host's result of ocsp_staple in check mode by the host's name; an empty one
    where all that is known of is that hosts have no such staple.

    Hosts without a result count as unreachable. What hosts report is shown without control characters, and cut short.
    """
    today = timestamp(now or datetime.now(timezone.utc))
    rows = [row for host, result in results.items() for row in _rows(host, result, today)]
    if all(row.state == UNREACHABLE for row in rows):
        return Table(HEADING, [], "", SETTLED)
    states = tally(row.state for row in rows if row.staple)
    summary = f"{counted(len(results), 'host')}, staples of other authorities: {states}."
    ends = sorted((row.until, row) for row in rows if row.until)
    if any(row.state in URGENT for row in rows):
        summary += f" {REMEDY[0].upper()}{REMEDY[1:]} now."
    elif ends:
        end, row = ends[0]
        summary += f" That of {row.staple} on {row.host} is the first to end, at {end}: run it before then."
    return Table(HEADING, rows, summary, SETTLED)


def _rows(host: str, result: Mapping[str, Any], today: str) -> list[Row]:
    if not result or result.get("unreachable"):
        return [_row(host, state=UNREACHABLE, what_to_do=result.get("msg", "see why Ansible does not reach it"))]
    if result.get("failed") and not result.get("certificates"):
        return [_row(host, state="failed", what_to_do=result.get("msg", "see the task's own result"))]
    probes = (result.get("activation") or {}).get("probes", [])
    probed = {probe["certificate"] for probe in probes if probe["staple"] == "served"}
    named = [_named(host, entry, probed, today) for entry in result.get("certificates", [])]
    return [*named, *(_other(host, path) for path in result.get("others", []))]


def _named(host: str, entry: Mapping[str, Any], probed: set[str], today: str) -> Row:
    """A staple that the inventory names."""
    staple = entry["staple"] or {}
    until = staple.get("next_update", "")
    state = _state(entry, until, probed, today)
    return _row(
        host,
        entry["name"],
        state,
        until,
        str(entry["failures"] or ""),
        entry["next_attempt"] if entry["failures"] else "",
        _what_to_do(entry, state),
    )


def _state(entry: Mapping[str, Any], until: str, probed: set[str], today: str) -> str:
    """The worst that is true of a staple."""
    if not entry["fingerprint"]:
        return "unreadable"
    if entry["status"] == "revoked":
        return "revoked"
    if entry["action"] == "staple" and entry["generation"] == 0:
        return "missing"
    if until and until <= today:  # timestamps sort by time
        return "expired"
    if entry["action"] in STATES:
        return "withdrawn" if entry["status"] == "withdrawn" else STATES[entry["action"]]
    if entry["failures"]:
        return "failing"
    if entry["status"] != "good":
        return "no staple"
    return SERVED if entry["name"] in probed else DEPLOYED


def _what_to_do(entry: Mapping[str, Any], state: str) -> str:
    if state == "unreadable":
        return f"put this right: {entry['reason']}"
    if state == "revoked":
        return f"replace the certificate and its key: {entry['failure']}"
    failed = f" (the last time: {entry['failure']})" if entry["failure"] else ""
    if state in URGENT:
        return f"{REMEDY}: {entry['reason']}{failed}"
    if state == "failing":
        return f"see why its responder gives no staple: {entry['failure']}"
    return f"nothing: {entry['reason']}" if state == "no staple" else "nothing"


def _other(host: str, path: str) -> Row:
    """A staple that the inventory does not name."""
    folder, name = posixpath.split(path)
    removal = f"remove it by anchorage.pki.ocsp_staple with state: absent, name: {name}, destination: {folder}"
    return _row(host, path, "left over", what_to_do=f"unless another play keeps it, {removal}")


def _row(
    host: str,
    staple: str = "",
    state: str = "",
    until: str = "",
    failures: str = "",
    next_attempt: str = "",
    what_to_do: str = "",
) -> Row:
    return Row(*map(printable, (host, staple, state, until, failures, next_attempt, what_to_do)))
