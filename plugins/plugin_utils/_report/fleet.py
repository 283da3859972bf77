# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a fleet as one value: its authority, and the doctor's tables of what each host has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import timestamp
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.table import leaf_table
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.selection import Listed
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.table import staple_table
from ansible_collections.anchorage.pki.plugins.plugin_utils._report.exports import exports_records, exports_table
from ansible_collections.anchorage.pki.plugins.plugin_utils._tables import Table, counted, printable
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.table import trust_table

#: Counts up when a reader of the former documents could not read the new ones.
SCHEMA = 1

#: What the document has of certificate_authority_info's result, which is all that tells of the fleet.
OF_AUTHORITY = (
    "root",
    "anchors",
    "issuing",
    "responder",
    "key_type",
    "unconstrained",
    "permitted_domains",
    "permitted_networks",
    "due",
    "leaves",
    "lists",
    "pending_restore",
)
#: The table of what other controllers exported.
EXPORTED = "exported"
#: The states of a leaf that was signed for a request.
DUE = "due"
SIGNED = "signed"
REQUEST_REMEDY = "run the task requested_certificate, and put what it returns on the device"
PENDING_REMEDY = "run the playbook anchorage.pki.issue, which takes it away"


class HostLooks(NamedTuple):
    """What the looks at a host returned: trust_anchor_info, leaf_certificate and ocsp_staple in check mode. An empty
    one is that of a host that was not reached, None that of a look that was not asked for."""

    trust: Mapping[str, Any]
    leaves: Mapping[str, Any] | None
    staples: Mapping[str, Any]


@dataclass(frozen=True)
class FleetReport:
    """The state of a fleet. ``authority`` is what certificate_authority_info returned, empty where it was not asked or
    there is none; ``tables`` are the tables by their names, without those that nothing is known for; ``exported`` has
    what other controllers exported, which the table of that name shows."""

    written: str
    authority: Mapping[str, Any]
    warnings: Sequence[str]
    tables: Mapping[str, Table]
    exported: Sequence[Mapping[str, Any]]

    @property
    def document(self) -> dict[str, Any]:
        """The same for programs, as JSON has it."""
        return {
            "schema": SCHEMA,
            "written": self.written,
            "authority": {key: self.authority[key] for key in OF_AUTHORITY if key in self.authority},
            "warnings": list(self.warnings),
            **{name: _records(table) for name, table in self.tables.items()},
            **({EXPORTED: list(self.exported)} if self.exported else {}),
        }


def fleet_report(
    looks: Mapping[str, HostLooks], authority: Mapping[str, Any], now: datetime, exported: Sequence[Listed] = ()
) -> FleetReport:
    """The report of the hosts that were looked at, by their names, and of what other controllers ``exported``.

    What hosts reported is in it without control characters, and cut short.
    """
    leaves = {host: look.leaves for host, look in looks.items() if look.leaves is not None}
    tables = {
        "trust": trust_table({host: look.trust for host, look in looks.items()}),
        "leaves": leaf_table(leaves, now) if leaves else None,
        "staples": staple_table({host: look.staples for host, look in looks.items()}, now),
        "revoked": _revoked_table(authority.get("pending_hosts", [])),
        "requested": _requested_table(authority.get("requested", [])),
        EXPORTED: exports_table(exported, now) if exported else None,
    }
    known = {name: table for name, table in tables.items() if table and (table.rows or table.summary)}
    is_there = authority.get("exists", False)
    warnings = [printable(str(warning)) for warning in authority.get("warnings", [])]
    missing = [printable(str(authority["msg"]))] if authority.get("msg") and not is_there else []
    told = authority if is_there else {}
    return FleetReport(timestamp(now), told, [*missing, *warnings], known, exports_records(exported, now))


def _revoked_table(pending: Sequence[Mapping[str, Any]]) -> Table:
    """Where something may still be shown that says good of a revoked leaf."""
    heading = ("HOST", "LEAF", "STATE", "GOOD UNTIL", "WHAT TO DO")
    rows = [
        tuple(map(printable, (one["host"], one["path"], "revoked", one["good_until"] or "", PENDING_REMEDY)))
        for one in pending
    ]
    summary = f"{counted(len(rows), 'place')} where a revoked leaf may still be in use." if rows else ""
    return Table(heading, rows, summary, frozenset())


def _requested_table(requested: Sequence[Mapping[str, Any]]) -> Table:
    """The leaves that were signed for requests, which nothing renews by itself."""
    heading = ("LEAF", "NAMES", "STATE", "UNTIL", "REASON", "WHAT TO DO")
    rows = [
        tuple(
            map(
                printable,
                (
                    leaf["name"],
                    ", ".join(leaf["names"]),
                    DUE if leaf["due"] else SIGNED,
                    leaf["not_after"],
                    leaf["due"] or "",
                    REQUEST_REMEDY if leaf["due"] else "nothing",
                ),
            )
        )
        for leaf in requested
    ]
    due = sum(row[2] == DUE for row in rows)
    summary = f"{counted(len(rows), 'leaf certificate')} signed for requests, {due} due." if rows else ""
    return Table(heading, rows, summary, frozenset({SIGNED}))


def _records(table: Table) -> list[dict[str, str]]:
    keys = [title.lower().replace(" ", "_") for title in table.heading]
    return [dict(zip(keys, row, strict=True)) for row in table.rows]
