# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The doctor's table of leaves: what every host has, until when, and what to do about it.

It is made of what leaf_certificate says in check mode, so that it says what the next run will do.
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
# What leaf_certificate would do, in terms of what is wrong.
STATES = {"leaf": "due", "staple": "due", "repair": "repair", "activate": "not served"}
REMEDY = "run the playbook anchorage.pki.issue"
SETTLED = frozenset({SERVED, DEPLOYED})

# What does not wait for the next night.
URGENT = ("expired", "missing", "due", "repair", "not served")


class Row(NamedTuple):
    """A line of the table."""

    host: str
    leaf: str
    state: str
    until: str
    staple_until: str
    what_to_do: str


HEADING = Row("HOST", "LEAF", "STATE", "UNTIL", "STAPLE UNTIL", "WHAT TO DO")


def leaf_table(results: Mapping[str, Mapping[str, Any]], now: datetime | None = None) -> Table:
    """The table, from each host's result of leaf_certificate in check mode by the host's name.

    Hosts without a result count as unreachable. What hosts report is shown without control characters, and cut short.
    """
    today = timestamp(now or datetime.now(timezone.utc))
    rows = [_dated(row, today) for host, result in results.items() for row in _rows(host, result)]
    ends = sorted((_end(row), row) for row in rows if row.until)
    if not rows:
        return Table(HEADING, [], "No host has leaf certificates, and the inventory names none.", SETTLED)
    summary = f"{counted(len(results), 'host')}, leaves: {tally(row.state for row in rows if row.leaf)}."
    if any(row.state in URGENT for row in rows):
        summary += f" {REMEDY[0].upper()}{REMEDY[1:]} now."
    elif ends:
        end, row = ends[0]
        summary += f" {row.leaf} of {row.host}, or its staple, is the first to expire, at {end}: {REMEDY} before then."
    return Table(HEADING, rows, summary, SETTLED)


def _rows(host: str, result: Mapping[str, Any]) -> list[Row]:
    if not result or result.get("unreachable"):
        return [_row(host, "", "unreachable", "", "", result.get("msg", "see why Ansible does not reach it"))]
    if result.get("failed"):
        return [_row(host, "", "failed", "", "", result.get("msg", "see the task's own result"))]
    probes = (result.get("activation") or {}).get("probes", [])
    probed = {probe["certificate"] for probe in probes if probe["staple"] != "not probed"}
    named = [_named(host, leaf, probed) for leaf in result.get("certificates", [])]
    return [*named, *(_other(host, leaf) for leaf in result.get("others", []))]


def _end(row: Row) -> str:
    return min(filter(None, (row.until, row.staple_until)))


def _dated(row: Row, today: str) -> Row:
    """The row as it is today, since timestamps sort by time."""
    return row._replace(state="expired") if row.until and _end(row) <= today else row


def _named(host: str, leaf: Mapping[str, Any], probed: set[str]) -> Row:
    """A leaf that the inventory names."""
    state = STATES.get(leaf["action"]) or (SERVED if leaf["name"] in probed else DEPLOYED)
    if leaf["action"] == "leaf" and leaf.get("generation") == 0:
        state = "missing"
    remedy = f"{REMEDY}: {leaf['reason']}" if leaf["action"] in STATES else "nothing"
    staple = leaf.get("staple") or {}
    return _row(host, leaf["name"], state, leaf.get("not_after", ""), staple.get("next_update", ""), remedy)


def _other(host: str, leaf: Mapping[str, Any]) -> Row:
    """A leaf that the inventory does not name, at least not in the folder that it names."""
    folder, name = posixpath.split(leaf["path"])
    removal = f"remove it by anchorage.pki.leaf_certificate with state: absent, name: {name}, destination: {folder}"
    if leaf["known"]:
        return _row(host, leaf["path"], "left over", "", "", f"unless another play keeps it, {removal}")
    return _row(host, leaf["path"], "unknown", "", "", f"no ledger knows it; unless a server uses it, {removal}")


def _row(*cells: object) -> Row:
    return Row(*(printable(str(cell)) for cell in cells))
