# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of a run in a few lines: how many hosts are as they were, and a table of the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.anchorage.pki.plugins.plugin_utils._run.report import CHANGED, OUTCOMES, UNCHANGED
from ansible_collections.anchorage.pki.plugins.plugin_utils._tables import align, counted, printable, tally

#: The most rows that are shown, the worst first: about what a terminal has.
MOST_ROWS = 40
NOTHING = "-"

# What was done with a leaf, by the action that leaf_certificate names.
DONE = {"leaf": "new leaf", "staple": "new staple", "repair": "repaired", "activate": "activated again"}


class Row(NamedTuple):
    """A line of the table."""

    host: str
    trust: str
    leaves: str
    why: str


HEADING = Row("HOST", "TRUST", "LEAVES", "WHAT CHANGED, OR WHY IT FAILED")


def run_summary(report: Mapping[str, Any], check_mode: bool = False) -> list[str]:
    """The lines, from a run's ``report``; in check mode, of what would change.

    What hosts report is shown without control characters, and cut short.
    """
    words = {outcome: outcome for outcome in OUTCOMES} | ({CHANGED: "would change"} if check_mode else {})
    hosts = report["hosts"]
    told = sorted(
        (name for name, host in hosts.items() if host["outcome"] != UNCHANGED),
        key=lambda name: OUTCOMES.index(hosts[name]["outcome"]),
    )
    count = f"{counted(len(hosts), 'host')}: {tally(words[host['outcome']] for host in hosts.values())}."
    if not told:
        return [count]
    rows = [_row(name, hosts[name], words) for name in told[:MOST_ROWS]]
    left_out = [words[hosts[name]["outcome"]] for name in told[MOST_ROWS:]]
    more = [f"and {counted(len(left_out), 'more host')}: {tally(left_out)}"] if left_out else []
    return [count, "", *align([HEADING, *rows]), *more]


def _row(name: str, host: Mapping[str, Any], words: Mapping[str, str]) -> Row:
    parts = [words[part["outcome"]] if part else NOTHING for part in (host["trust"], host["leaves"])]
    return Row(*(printable(cell) for cell in (name, *parts, "; ".join(_reasons(host)))))


def _reasons(host: Mapping[str, Any]) -> Iterator[str]:
    """Why it failed, then what changed."""
    for failed in filter(None, (host, host["trust"], host["leaves"])):
        if failed["message"]:
            yield failed["message"]
    for store in (host["trust"] or {}).get("stores", []):
        if store["changed"]:
            yield f"{store['name']}: {store['state']}"
    for further in (host["trust"] or {}).get("further_anchors", []):
        for store in further["stores"]:
            if store["changed"]:
                yield f"{store['name']}, {further['subject']}: {store['state']}"
    for leaf in (host["leaves"] or {}).get("certificates", []):
        if leaf["changed"]:
            yield f"{leaf['name']}: {DONE.get(leaf['action'], leaf['action'])}, since {leaf['reason']}"
