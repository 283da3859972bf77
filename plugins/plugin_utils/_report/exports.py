# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What other controllers exported of their ledgers, in a report: each certificate, whose it is, and whether somebody
has to see to it. Their hosts are not asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import TEST
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import timestamp
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.export import fields_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.selection import (
    ENDED,
    REQUESTED,
    REVOKED,
    Listed,
    state_of,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._tables import Table, counted, printable, tally

# Of a leaf that is in use, and of a certificate that is none.
EXPIRED = "expired"
OF_AUTHORITY = "of the authority"
REMEDIES = {
    EXPIRED: "run the playbook anchorage.pki.issue on the controller of that ledger, and export it again",
    "signed": "no host confirmed it: run the playbook anchorage.pki.issue on the controller of that ledger",
}
HEADING = ("HOST", "LEAF", "AUTHORITY", "STATE", "UNTIL", "STAPLE UNTIL", "LEDGER", "WHAT TO DO")
SETTLED = frozenset({"deployed", REQUESTED, "superseded", REVOKED, ENDED, TEST, OF_AUTHORITY})


def exports_table(every: Sequence[Listed], now: datetime) -> Table:
    """The table of these certificates, by ledger, host and leaf."""
    rows = [_row(listed, now) for listed in sorted(every, key=_order)]
    files = len({listed.file for listed in every})
    states = tally(row[HEADING.index("STATE")] for row in rows)
    summary = (
        f"{counted(len(rows), 'certificate')} in {counted(files, 'ledger')} that other controllers exported, as they "
        f"were then: {states}."
    )
    return Table(HEADING, rows, summary, SETTLED)


def exports_records(every: Sequence[Listed], now: datetime) -> list[dict[str, Any]]:
    """The same for programs, with all that a ledger has of a certificate, as it was exported."""
    records = []
    for listed in sorted(every, key=_order):
        state = _state(listed, now)
        told = {"state": state, "what_to_do": REMEDIES.get(state, "nothing")}
        records.append({"ledger": listed.file, **fields_of(listed), **told})
    return records


def _order(listed: Listed) -> tuple[str, ...]:
    place = listed.entry.place
    return (listed.file, listed.authority, place.host, place.path, listed.entry.kind, listed.entry.sha256)


def _state(listed: Listed, now: datetime) -> str:
    entry = listed.entry
    state = state_of(entry, now)
    if entry.kind != "leaf":
        return state if state in (REVOKED, ENDED) else OF_AUTHORITY
    is_unstapled = entry.staple_until is not None and entry.staple_until <= now
    is_expired = state in (ENDED, "deployed") and (state == ENDED or is_unstapled)
    return EXPIRED if entry.status == "deployed" and is_expired else state


def _row(listed: Listed, now: datetime) -> tuple[str, ...]:
    entry, state = listed.entry, _state(listed, now)
    cells = (
        entry.place.host,
        entry.place.path if entry.kind == "leaf" else entry.kind,
        listed.authority,
        state,
        timestamp(entry.not_after),
        timestamp(entry.staple_until) if entry.staple_until else "",
        listed.file,
        REMEDIES.get(state, "nothing"),
    )
    return tuple(map(printable, cells))
