# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results and the diffs of authority_ledger; nothing of it is secret."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.entries import Entry, Forgotten
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import timestamp
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.export import fields_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.selection import Listed, state_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.table import ledger_lines
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.verification import Verification
from ansible_collections.anchorage.pki.plugins.plugin_utils._tables import counted, printable

# As many serial numbers as a warning names.
_SHOWN = 10


def list_result(every: Sequence[Listed], forgotten: Sequence[Forgotten], now: datetime) -> dict[str, Any]:
    """What was listed."""
    return {
        "changed": False,
        "certificates": [{**fields_of(listed), "state": state_of(listed.entry, now)} for listed in every],
        "forgotten": [
            {"host": gone.host, "reason": gone.reason, "by": gone.by, "forgotten_at": timestamp(gone.forgotten_at)}
            for gone in forgotten
        ],
        "lines": ledger_lines(every, forgotten, now),
    }


def export_result(path: Path, number: int, changed: bool) -> dict[str, Any]:
    """That the file has all certificates now."""
    line = f"{path}: {counted(number, 'certificate')}"
    return {
        "changed": changed,
        "file": str(path),
        "lines": [f"{line}{'' if changed else ', as before'}"],
        "diff": _diff("exported ledger", "", f"{line}\n" if changed else ""),
    }


def prune_result(pruned: Sequence[Entry]) -> dict[str, Any]:
    """Which leaves are gone from the ledger."""
    lines = [_line(entry) for entry in pruned]
    return {
        "changed": bool(pruned),
        "pruned": [entry.serial for entry in pruned],
        "lines": [*lines, f"{counted(len(pruned), 'leaf certificate')} pruned"],
        "diff": _diff("ledger", "".join(f"{line}\n" for line in lines), ""),
    }


def forget_result(host: str, reason: str, leaves: Sequence[Entry] | None) -> tuple[dict[str, Any], list[str]]:
    """What it means that a host is gone for good, and what to be warned of; ``leaves`` are those of it that are still
    valid, None where that was known before."""
    valid = leaves or ()
    result = {
        "changed": leaves is not None,
        "valid": [entry.serial for entry in valid],
        "lines": [f"{printable(host)} is forgotten: {printable(reason)}" if leaves is not None else "as before"],
        "diff": _diff("hosts that are gone for good", "", f"{host}: {reason}\n" if leaves is not None else ""),
    }
    if not valid:
        return result, []
    serials = ", ".join(entry.serial for entry in valid[:_SHOWN])
    more = f" and {len(valid) - _SHOWN} more" if len(valid) > _SHOWN else ""
    until = max(entry.not_after for entry in valid)
    return result, [
        f"{host} had leaves that are valid until {until:%Y-%m-%d}: {serials}{more} (serial numbers). Where somebody "
        "may have its disk, revoke them (anchorage.pki.revoke with anchorage_revoke_serial)."
    ]


def _line(entry: Entry) -> str:
    return f"{entry.serial} of {entry.place.path} on {entry.place.host}, until {entry.not_after:%Y-%m-%d}"


def _diff(header: str, before: str, after: str) -> dict[str, str]:
    return {"before_header": header, "after_header": header, "before": before, "after": after}


def verification_result(host: str, verification: Verification) -> dict[str, Any]:
    """Where a host has other leaves than the ledger says. What it shows is made fit for a terminal."""
    differences = [
        {
            "path": printable(one.place.path),
            "difference": one.kind,
            "recorded": one.recorded or None,
            "found": one.found or None,
            "detail": printable(one.detail),
        }
        for one in verification.differences
    ]
    return {
        "changed": False,
        "places": verification.places,
        "differences": differences,
        "lines": [
            f"{printable(host)}: {counted(verification.places, 'place')} in the ledger, "
            f"{counted(len(differences), 'difference')}",
            *(f"  {one['path']}: {one['detail']}" for one in differences),
        ],
    }
