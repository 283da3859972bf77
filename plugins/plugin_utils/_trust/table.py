# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A table for people of what all trust stores of all hosts say of an anchor, and what to do about each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.anchorage.pki.plugins.module_utils._host.text import single_line

TRUSTED = "trusted"
FAILED = "failed"
UNREACHABLE = "unreachable"

# What to do by state; for the others, the first sentence of the evidence says it.
REMEDIES = {
    TRUSTED: "nothing",
    "absent": "run the playbook anchorage.pki.trust",
    "stale": "run the playbook anchorage.pki.trust, which repairs it",
    "pending": "reboot the host",
}
EXPIRED_REMEDIES = {
    "trusted": "remove it with state: absent, since it has expired, and trust its successor",
    "stale": "remove it with state: absent, since it has expired, and trust its successor",
    "absent": "nothing, since it has expired",
}
OPTIONAL = ("applications", "absent")
OPTIONAL_REMEDY = "nothing, unless you want it: add applications to the kinds of stores"

_LONGEST_CELL = 300


class Row(NamedTuple):
    """A line of the table."""

    host: str
    store: str
    state: str
    read_by: str
    what_to_do: str


HEADING = Row("HOST", "STORE", "STATE", "READ BY", "WHAT TO DO")


def trust_table(results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The lines of the table, from each host's result of trust_anchor_info by the host's name.

    Hosts without a result count as unreachable. What hosts report is shown without control characters, and cut short.
    """
    rows = [row for host, result in results.items() for row in _rows(host, result)]
    anchors = dict.fromkeys(_describe(result["anchor"]) for result in results.values() if result.get("anchor"))
    return [*anchors, *([""] if anchors else []), *_align([HEADING, *rows]), "", _summary(len(results), rows)]


def _rows(host: str, result: Mapping[str, Any]) -> list[Row]:
    if not result or result.get("unreachable"):
        return [_row(host, "", UNREACHABLE, "", result.get("msg", "see why Ansible does not reach it"))]
    stores = result.get("stores") or []
    if not stores:
        return [_row(host, "", FAILED, "", result.get("msg", "see the task's own result"))]
    expired = bool((result.get("anchor") or {}).get("expired"))
    return [
        _row(host, store["name"], store["state"], store["read_by"], _what_to_do(store, expired)) for store in stores
    ]


def _row(*cells: object) -> Row:
    return Row(*(_printable(str(cell)) for cell in cells))


def _what_to_do(store: Mapping[str, Any], expired: bool) -> str:
    state, evidence = store["state"], store.get("evidence") or [""]
    if (store["kind"], state) == OPTIONAL:
        return OPTIONAL_REMEDY
    remedies = {**REMEDIES, **EXPIRED_REMEDIES} if expired else REMEDIES
    return remedies.get(state, str(evidence[0]))


def _printable(text: str) -> str:
    line = single_line(text, len(text))
    return line if len(line) <= _LONGEST_CELL else f"{line[: _LONGEST_CELL - 1]}…"


def _describe(anchor: Mapping[str, Any]) -> str:
    return _printable(f"{anchor['subject']} ({anchor['sha256']}), valid until {str(anchor['not_after'])[:10]}")


def _align(rows: Sequence[Row]) -> list[str]:
    """Columns two spaces apart, the last one as long as it is."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADING) - 1)]
    padded = [[cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)] for row in rows]
    return ["  ".join([*cells, row.what_to_do]).rstrip() for cells, row in zip(padded, rows, strict=True)]


def _summary(hosts: int, rows: Sequence[Row]) -> str:
    counts = Counter(row.state for row in rows)
    states = ", ".join(f"{count} {state}" for state, count in counts.most_common())
    return f"{hosts} {'host' if hosts == 1 else 'hosts'}: {states or 'nothing to report'}."
