# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table and the chart of a benchmark, made from its file of figures alone. In ``tests/``,
``python -m benchmarks.fleet.report`` makes both anew.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from benchmarks.fleet.chart import chart
from benchmarks.fleet.goals import Figures, Goal, Spread, goals, median, spread

DOCUMENTATION = Path(__file__).resolve().parents[3] / "docs"
FIGURES = DOCUMENTATION / "bench.json"
PAGE = DOCUMENTATION / "fleet.md"
CHART = DOCUMENTATION / "bench.svg"
LARGE = 10_000
START, END = "<!-- begin: benchmark -->", "<!-- end: benchmark -->"

SIDES = {
    "anchorage": "`anchorage.pki.site`",
    "before": "the same, looking by modules",
    "recipe": "recipe of `community.crypto`",
    "ping": "one `ping` task",
    "start": "a playbook without tasks",
}
STATES = {
    "cold": "fresh hosts",
    "trusted": "authority trusted already",
    "unchanged": "unchanged",
    "empty": "",
}


def write(figures: Figures) -> None:
    """Write both to where they are kept."""
    PAGE.write_text(in_page(PAGE.read_text(encoding="utf-8"), report(figures)), encoding="utf-8")
    CHART.write_text(chart(figures), encoding="utf-8")


def in_page(page: str, text: str) -> str:
    """The page with the text between its two markers."""
    pattern = rf"(?<={re.escape(START)}\n).*(?={re.escape(END)})"
    return re.sub(pattern, lambda _match: text, page, count=1, flags=re.DOTALL)


def report(figures: Figures) -> str:
    """All tables, and on what they were measured."""
    parts = [conditions(figures), costs(figures), calls(figures), growth(figures), extrapolation(figures)]
    parts.append(verdicts(goals(figures)))
    return "".join(f"\n{part}\n" for part in parts if part) + "\n"


def conditions(figures: Figures) -> str:
    """On what and how it was measured."""
    machine, settings = figures["machine"], figures["settings"]
    return (
        f"{settings['hosts']} hosts, {settings['forks']} forks, medians of {settings['rounds']} rounds with the lowest "
        f"and the highest, of {figures['date']}: {machine['cores']} cores, which the controller shares with all hosts, "
        f"Linux {machine['kernel']}, Python {machine['python']}, ansible-core {machine['ansible-core']}, cryptography "
        f"{machine['cryptography']}, community.crypto {machine['community.crypto']}."
    )


def table(heads: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown, its first column being text and the others figures."""
    marks = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, marks, *rows])


def costs(figures: Figures) -> str:
    """What each side has cost in each state."""
    runs, hosts = figures["runs"], figures["settings"]["hosts"]
    heads = ["", "seconds", "controller, CPU seconds", "each host, CPU ms", "largest process, MiB"]
    rows = []
    for side, state in sorted({(row["side"], row["state"]) for row in runs}, key=place):
        found = [spread(runs, side, state, figure) for figure in ("wall", "controller_cpu", "hosts_cpu", "peak_memory")]
        wall, controller, on_hosts, memory = (shown(one, 1000 / hosts if i == 2 else 1) for i, one in enumerate(found))
        name = ", ".join(filter(None, (SIDES[side], STATES[state])))
        rows.append([name, wall, controller, on_hosts, memory])
    return table(heads, rows)


def place(case: tuple[str, str]) -> tuple[int, int]:
    """Where a side and a state stand in a table."""
    side, state = case
    return list(STATES).index(state), list(SIDES).index(side)


def shown(found: Spread | None, factor: float = 1) -> str:
    """A median with its spread, or that the side failed."""
    if found is None:
        return "failed"
    return f"{number(found.median * factor)} ({number(found.lowest * factor)}-{number(found.highest * factor)})"


def number(value: float) -> str:
    """Three digits, since no benchmark is more exact."""
    digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f}"


def calls(figures: Figures) -> str:
    """How often each side goes to a host that is unchanged."""
    rows = []
    for side in sorted(figures["calls"], key=list(SIDES).index):
        of_hosts = figures["calls"][side].values()
        means = [sum(one[kind] for one in of_hosts) / len(of_hosts) for kind in ("commands", "transfers")]
        rows.append([SIDES[side], *(f"{mean:g}" for mean in means)])
    return table(["each unchanged host", "commands by ssh", "files by ssh"], rows)


def growth(figures: Figures) -> str:
    """What more hosts cost."""
    rows = []
    for hosts in sorted({row["hosts"] for row in figures["growth"]}):
        found = [
            spread(figures["growth"], side, "unchanged", figure, hosts)
            for side, figure in (("anchorage", "wall"), ("ping", "wall"), ("anchorage", "peak_memory"))
        ]
        rows.append([f"{hosts} hosts", *map(shown, found)])
    heads = ["unchanged", "`site`, seconds", "one `ping` task, seconds", "largest process of `site`, MiB"]
    return table(heads, rows) if rows else ""


def extrapolation(figures: Figures) -> str:
    """What ten thousand unchanged hosts would take of the controller, in a straight line through the two largest fleets
    that were measured, and said to be that."""
    sizes = sorted({row["hosts"] for row in figures["growth"]})[-2:]
    rows = []
    for side in ("anchorage", "ping") if len(sizes) == 2 else ():
        cpu, memory = (
            line([(size, median(figures["growth"], side, "unchanged", figure, size)) for size in sizes], LARGE)
            for figure in ("controller_cpu", "peak_memory")
        )
        if cpu is not None and memory is not None:
            rows.append([SIDES[side], number(cpu / 60), number(cpu / 60 / figures["machine"]["cores"]), number(memory)])
    title = f"**extrapolated** from {' and '.join(map(str, sizes))} hosts: {LARGE:,} unchanged hosts"
    cores = f"minutes at least, with {figures['machine']['cores']} cores"
    return table([title, "controller, CPU minutes", cores, "largest process, MiB"], rows) if rows else ""


def line(points: list[tuple[int, float | None]], where: int) -> float | None:
    """What a straight line through two points has elsewhere; None where one of them was not measured."""
    (first, low), (second, high) = points
    return None if low is None or high is None else high + (high - low) / (second - first) * (where - second)


def verdicts(wanted: list[Goal]) -> str:
    """The goals, and whether they are reached."""
    rows = [
        [goal.text, bound(goal), "" if goal.measured is None else number(goal.measured), goal.verdict]
        for goal in wanted
    ]
    return table(["ratio", "goal", "measured", ""], rows)


def bound(goal: Goal) -> str:
    return f"{'at least' if goal.at_least else 'at most'} {goal.limit:.3g}"


def read() -> dict[str, Any]:
    """The figures that are kept."""
    figures: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8"))
    return figures


if __name__ == "__main__":
    write(read())
