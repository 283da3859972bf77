# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The audit of roots as lines for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_HEADINGS = {
    "expired": "Expired, and trusted:",
    "alone": "Trusted by one machine and by nobody else:",
    "missing": "Trusted by most machines, and missing on these:",
    "beyond_mozilla": "Trusted, and not in Mozilla's set:",
    "lacking_of_mozilla": "In Mozilla's set, and missing on these:",
}
_MOST_NAMES = 5


def lines_of(audit: Mapping[str, Any]) -> list[str]:
    """The lines for what :func:`compare_roots` returned."""
    machines = audit["machines"]
    lines = [f"{name}: {count} roots" for name, count in sorted(machines.items())]
    lines += [f"{name}: not read" for name in audit["unread"]]
    if audit["mozilla"] is None:
        lines.append("Mozilla's set: not compared with")
    else:
        lines.append(f"Mozilla's set: {audit['mozilla']} roots")
    for kind, heading in _HEADINGS.items():
        if audit[kind]:
            lines += ["", heading, *(_line(finding, len(machines)) for finding in audit[kind])]
    if not any(audit[kind] for kind in _HEADINGS):
        lines += ["", "No differences, and nothing expired."]
    return lines


def _line(finding: Mapping[str, Any], count: int) -> str:
    end = f"until {finding['not_after'][:10]}" if finding["not_after"] else "of unknown validity"
    name = finding["subject"] or "a certificate without a readable subject"
    same_key = f"; {', '.join(finding['same_key'][:_MOST_NAMES])}: the same key" if finding["same_key"] else ""
    return f"- {_names(finding['machines'], count)}: {name}, {end}, SHA-256 {finding['sha256']}{same_key}"


def _names(machines: list[str], count: int) -> str:
    if len(machines) == count > 1:
        return "all"
    if len(machines) > _MOST_NAMES:
        return f"{', '.join(machines[:_MOST_NAMES])} and {len(machines) - _MOST_NAMES} more"
    return ", ".join(machines)
