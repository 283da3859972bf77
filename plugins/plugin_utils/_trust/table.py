# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A table for people of what all trust stores of all hosts say of an anchor, and what to do about each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.anchorage.pki.plugins.plugin_utils._tables import Table, counted, printable, tally
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.results import OTHER_ROOT_REMEDY, SUPERSEDED_REMEDY

TRUSTED = "trusted"
STALE = "stale"
FAILED = "failed"
UNREACHABLE = "unreachable"

# What to do by state; for the others, the first sentence of the evidence says it.
REMEDIES = {
    TRUSTED: "nothing",
    "absent": "run the playbook anchorage.pki.trust",
    "stale": "run the playbook anchorage.pki.trust, which repairs it",
    "pending": "reboot the host",
    "optional": "nothing, or add applications to trust_anchor_stores to use it",
}
EXPIRED_REMEDIES = {
    "trusted": "remove it with state: absent, since it has expired, and trust its successor",
    "stale": "remove it with state: absent, since it has expired, and trust its successor",
    "absent": "nothing, since it has expired",
}
# A kind of store that only those get who ask for it.
OPTIONAL_KIND, OPTIONAL = "applications", "optional"
OTHER_ROOT = "other root"
SUPERSEDED = "superseded"


class Row(NamedTuple):
    """A line of the table."""

    host: str
    store: str
    state: str
    read_by: str
    what_to_do: str


HEADING = Row("HOST", "STORE", "STATE", "READ BY", "WHAT TO DO")


def trust_table(results: Mapping[str, Mapping[str, Any]]) -> Table:
    """The table, from each host's result of trust_anchor_info by the host's name.

    Hosts without a result count as unreachable. What hosts report is shown without control characters, and cut short.
    """
    rows = [row for host, result in results.items() for row in _rows(host, result)]
    anchors = dict.fromkeys(line for result in results.values() for line in _anchors(result))
    summary = f"{counted(len(results), 'host')}: {tally(row.state for row in rows)}."
    return Table(HEADING, rows, summary, frozenset({TRUSTED, OPTIONAL}), list(anchors))


def _anchors(result: Mapping[str, Any]) -> Iterator[str]:
    """What the rows of a host are about."""
    if result.get("anchor"):
        yield _describe(result["anchor"])
    for further in result.get("further_anchors", []):
        yield f"To be trusted as well: {_describe(further)}"
    for superseded in result.get("superseded_anchors", []):
        if superseded["stores"]:
            yield f"To be trusted no more: {_describe(superseded)}"


def _rows(host: str, result: Mapping[str, Any]) -> list[Row]:
    if not result or result.get("unreachable"):
        return [_row(host, "", UNREACHABLE, "", result.get("msg", "see why Ansible does not reach it"))]
    stores = result.get("stores") or []
    if not stores:
        return [_row(host, "", FAILED, "", result.get("msg", "see the task's own result"))]
    rows = [_store_row(host, store, result.get("anchor") or {}) for store in stores]
    for further in result.get("further_anchors", []):
        rows += [_store_row(host, _named(store, further), further) for store in further["stores"]]
    for superseded in result.get("superseded_anchors", []):
        rows += [_superseded_row(host, _named(store, superseded)) for store in superseded["stores"]]
    return [*rows, *(_row(host, path, OTHER_ROOT, "", OTHER_ROOT_REMEDY) for path in result.get("others") or [])]


def _named(store: Mapping[str, Any], anchor: Mapping[str, Any]) -> dict[str, Any]:
    """The store, with the anchor that the row is about, which is not the one that signs."""
    return {**store, "name": f"{store['name']}, {anchor['subject']}"}


def _store_row(host: str, store: Mapping[str, Any], anchor: Mapping[str, Any]) -> Row:
    is_optional = (store["kind"], store["state"]) == (OPTIONAL_KIND, "absent")
    state = OPTIONAL if is_optional else store["state"]
    return _row(host, store["name"], state, store["read_by"], _what_to_do(store, state, bool(anchor.get("expired"))))


def _superseded_row(host: str, store: Mapping[str, Any]) -> Row:
    if store["state"] in (TRUSTED, STALE):
        return _row(host, store["name"], SUPERSEDED, store["read_by"], SUPERSEDED_REMEDY)
    return _store_row(host, store, {})


def _row(*cells: object) -> Row:
    return Row(*(printable(str(cell)) for cell in cells))


def _what_to_do(store: Mapping[str, Any], state: str, expired: bool) -> str:
    evidence = store.get("evidence") or [""]
    remedies = {**REMEDIES, **EXPIRED_REMEDIES} if expired else REMEDIES
    return remedies.get(state, str(evidence[0]))


def _describe(anchor: Mapping[str, Any]) -> str:
    return printable(f"{anchor['subject']} ({anchor['sha256']}), valid until {str(anchor['not_after'])[:10]}")
