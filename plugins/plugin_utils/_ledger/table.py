# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A ledger's certificates as lines for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.entries import Forgotten
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.selection import Listed, state_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._tables import align, counted, printable, tally

_COLUMNS = ("HOST", "WHAT", "SERIAL NUMBER", "STATE", "UNTIL", "NAMES")


def ledger_lines(every: Sequence[Listed], forgotten: Sequence[Forgotten], now: datetime) -> list[str]:
    """The certificates in a table, with their authority where there are several, and the hosts that are gone for
    good."""
    several = len({listed.authority for listed in every}) > 1
    rows = [[*([printable(listed.authority)] if several else []), *_cells(listed, now)] for listed in every]
    header = [*(["AUTHORITY"] if several else []), *_COLUMNS]
    lines = align([header, *rows]) if rows else []
    states = tally(state_of(listed.entry, now) for listed in every)
    lines.append(f"{counted(len(every), 'certificate')}: {states}" if every else "No certificate fits.")
    lines += [
        f"{printable(gone.host)} is gone for good since {gone.forgotten_at:%Y-%m-%d}: {printable(gone.reason)} "
        f"(said by {printable(gone.by)})"
        for gone in forgotten
    ]
    return lines


def _cells(listed: Listed, now: datetime) -> list[str]:
    entry = listed.entry
    state = state_of(entry, now)
    return [
        printable(entry.place.host) or "-",
        printable(entry.place.path if entry.kind == "leaf" and entry.place.name else entry.kind),
        printable(entry.serial),
        printable(f"{state} ({entry.reason})" if entry.reason else state),
        f"{entry.not_after:%Y-%m-%d}",
        printable(", ".join(entry.names)),
    ]
