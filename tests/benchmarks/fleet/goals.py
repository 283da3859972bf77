# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The figures of a benchmark as they are read: medians of what ended well, and the goals that they reach or miss."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

Figures = dict[str, Any]


@dataclass(frozen=True)
class Spread:
    """The median of some rounds, and the lowest and the highest of them."""

    median: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Goal:
    """A ratio that is to be ``limit`` at most, or at least, and the one that was measured, None where it was not."""

    text: str
    limit: float
    measured: float | None
    at_least: bool = False

    @property
    def verdict(self) -> str:
        """Whether it was reached, in words."""
        if self.measured is None:
            return "not measured"
        reached = self.measured >= self.limit if self.at_least else self.measured <= self.limit
        return "reached" if reached else "**not reached**"


def spread(rows: list[dict[str, Any]], side: str, state: str, figure: str, hosts: int | None = None) -> Spread | None:
    """What the runs of a side in a state have cost; None where there were none, or where one failed."""
    found = [row for row in rows if (row["side"], row["state"]) == (side, state) and hosts in (None, row["hosts"])]
    if not found or any(row["problem"] for row in found):
        return None
    values = [row[figure] for row in found]
    return Spread(statistics.median(values), min(values), max(values))


def ratio(one: float | None, other: float | None) -> float | None:
    """One figure in terms of the other, where both were measured."""
    return None if one is None or not other else one / other


def median(rows: list[dict[str, Any]], side: str, state: str, figure: str, hosts: int | None = None) -> float | None:
    """The median of :func:`spread`."""
    found = spread(rows, side, state, figure, hosts)
    return found.median if found else None


def goals(figures: Figures) -> list[Goal]:
    """All goals, in the order in which they are shown."""
    return [
        *against_the_recipe(figures["runs"]),
        *against_the_floor(figures["runs"]),
        *of_growth(figures),
        *others(figures),
    ]


def against_the_recipe(runs: list[dict[str, Any]]) -> list[Goal]:
    """How many times as much the recipe costs."""

    def factor(state: str, figure: str) -> float | None:
        return ratio(median(runs, "recipe", state, figure), median(runs, "anchorage", state, figure))

    wanted = (
        ("cold: the recipe's time by ours", 4, "cold", "wall"),
        ("cold, the authority being trusted already: the recipe's time by ours", 10, "trusted", "wall"),
        ("unchanged: the recipe's time by ours", 25, "unchanged", "wall"),
        ("cold: the recipe's processor time on the controller by ours", 10, "cold", "controller_cpu"),
        ("unchanged: the recipe's processor time on the controller by ours", 10, "unchanged", "controller_cpu"),
        ("unchanged: the recipe's processor time on hosts by ours", 15, "unchanged", "hosts_cpu"),
        ("the same, as a stretch goal", 30, "unchanged", "hosts_cpu"),
    )
    return [Goal(text, limit, factor(state, figure), at_least=True) for text, limit, state, figure in wanted]


def against_the_floor(runs: list[dict[str, Any]]) -> list[Goal]:
    """Ours beside one task, and a look beside the same inspection by modules, the start of a playbook left out."""

    def look(figure: str) -> float | None:
        start = median(runs, "start", "empty", figure)
        ours, before = (median(runs, side, "unchanged", figure) for side in ("anchorage", "before"))
        if start is None or ours is None or before is None:
            return None
        return ratio(ours - start, before - start)

    pinged = ratio(median(runs, "anchorage", "unchanged", "wall"), median(runs, "ping", "unchanged", "wall"))
    return [
        Goal("unchanged: our time by that of one `ping` task", 1.0, pinged),
        Goal(
            "unchanged: our time by that of the same inspection by modules, less a playbook's start",
            1 / 3,
            look("wall"),
        ),
        Goal("the same for the controller's processor time", 1 / 3, look("controller_cpu")),
    ]


def of_growth(figures: Figures) -> list[Goal]:
    """What more hosts and more certificates cost."""
    grown = [median(figures["growth"], "anchorage", "unchanged", "wall", hosts) for hosts in (200, 50)]

    def ledger(figure: str) -> float | None:
        sizes = [statistics.median(row[figure]) for row in figures["ledger"]]
        return ratio(sizes[-1], sizes[0]) if sizes else None

    return [
        Goal("unchanged: the time of 200 hosts by that of 50", 4.4, ratio(*grown)),
        Goal("memory of the largest process with 100,000 certificates by that with 100", 1.1, ledger("peak_memory")),
        Goal("the ledger's answer for one host among 100,000 certificates by that among 100", 2.0, ledger("query")),
    ]


def others(figures: Figures) -> list[Goal]:
    """Beside a program for one machine."""
    rows = [row for row in figures["mkcert"] if row["case"] == "changed" and row["stores"] == ["system"]]
    ours, theirs = (statistics.median(rows[0][name]) if rows else None for name in ("anchorage", "mkcert"))
    measured = ratio(ours, theirs)
    return [Goal("a root trusted by a host, with proof, by the time of `mkcert -install`", 1.0, measured)]
