# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The comparison of roots as lines of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.audit import CONTROLLER

_HEADINGS = {
    "expired": "Trusted although expired:",
    "unique": "Trusted by one machine only:",
    "missing": "Trusted by most machines, but not by these:",
    "not_in_mozilla": "Trusted, but not in Mozilla's set:",
    "missing_from_mozilla": "In Mozilla's set, but not trusted by these:",
}
# Hosts that trust their authority, run from a controller that does not, are the usual case.
_CONTROLLER_ALONE = "; to trust a root of your own there too, add localhost to the inventory of anchorage.pki.trust"
_NO_MOZILLA = "not compared: install the Python package certifi on the controller to have it compared"
_MOST_NAMES = 5
_MOST_ERRORS = 3


def lines_of(audit: Mapping[str, Any]) -> list[str]:
    """The lines for what :func:`compare_roots` returned."""
    machines = audit["machines"]
    lines = [line for name in sorted([*machines, *audit["not_read"]]) for line in _lines_of_machine(audit, name)]
    lines.append(f"Mozilla's set: {_roots(audit['mozilla']) if audit['mozilla'] else _NO_MOZILLA}")
    for kind, heading in _HEADINGS.items():
        if audit[kind]:
            lines += ["", heading, *(_line(kind, finding, len(machines)) for finding in audit[kind])]
    if not any(audit[kind] for kind in _HEADINGS):
        lines += ["", _without_findings(audit)]
    return lines


def _lines_of_machine(audit: Mapping[str, Any], name: str) -> list[str]:
    errors = audit["errors"].get(name, [])
    if name in audit["not_read"]:
        outcome = "not read"
    else:
        outcome = _roots(audit["machines"][name])
        if errors:
            outcome += ", read incompletely, so it may trust what is listed as missing:"
    more = len(errors) - _MOST_ERRORS
    rest = [f"- and {more} more, all of them in the JSON result"] if more > 0 else []
    return [f"{name}: {outcome}", *(f"- {error}" for error in errors[:_MOST_ERRORS]), *rest]


def _roots(count: int) -> str:
    return f"{count} {'root' if count == 1 else 'roots'}"


def _without_findings(audit: Mapping[str, Any]) -> str:
    if not audit["machines"]:
        return "No machine was read."
    if len(audit["machines"]) == 1 and audit["mozilla"] is None:
        return "Nothing to compare with, and nothing has expired."
    what = "No differences in what was read" if audit["not_read"] or audit["errors"] else "No differences"
    return f"{what}, and nothing has expired."


def _line(kind: str, finding: Mapping[str, Any], count: int) -> str:
    end = f"until {finding['not_after'][:10]}" if finding["not_after"] else "of unknown validity"
    name = finding["subject"] or "a certificate without a readable subject"
    same_key = f"; same key: {', '.join(finding['same_key'][:_MOST_NAMES])}" if finding["same_key"] else ""
    hint = _CONTROLLER_ALONE if kind == "missing" and finding["machines"] == [CONTROLLER] else ""
    return f"- {_names(finding['machines'], count)}: {name}, {end}, SHA-256 {finding['sha256']}{same_key}{hint}"


def _names(machines: list[str], count: int) -> str:
    if len(machines) == count > 1:
        return "all"
    if len(machines) > _MOST_NAMES:
        return f"{', '.join(machines[:_MOST_NAMES])} and {len(machines) - _MOST_NAMES} more"
    return ", ".join(machines)
