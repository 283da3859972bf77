# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rounds of the comparison: who runs when, on which hosts, and the row of figures that each run gives."""

from __future__ import annotations

import shutil
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.fleet.sides import Side, measure, problem, side_folder, ssh_calls
from lab import fleet as laboratory

#: What the sides leave on hosts besides trust.
LEAVES = ("/etc/pki/anchorage", "/etc/pki/recipe")

Row = dict[str, Any]


@contextmanager
def running_fleet(number: int) -> Iterator[laboratory.Fleet]:
    """A fleet in a folder of its own, below the home: in /tmp, root keeps no private key."""
    with tempfile.TemporaryDirectory(prefix=".anchorage-bench-", dir=Path.home()) as parent:
        folder = Path(parent) / "fleet"
        try:
            yield laboratory.create(folder, number)
        finally:
            laboratory.remove(folder)


def compare(compared: Sequence[Side], number: int, forks: int, rounds: int) -> tuple[list[Row], dict[str, Any]]:
    """All sides in all of their states, and the calls by ssh that each makes in an unchanged run."""
    rows: list[Row] = []
    calls: dict[str, Any] = {}
    order = deque(compared)
    with running_fleet(number) as fleet:
        for each_round in range(1, rounds + 1):
            for side in order:
                rows += [{"round": each_round, **row} for row in run_states(side, fleet, forks)]
                if side.name not in calls:
                    calls[side.name] = count_calls(side, fleet, forks)
            order.rotate(-1)
    return rows, calls


def run_states(side: Side, fleet: laboratory.Fleet, forks: int) -> Iterator[Row]:
    """Run a side in each of its states."""
    if "cold" in side.states:
        laboratory.remove_hosts(fleet.folder)
        laboratory.start_hosts(fleet)
        shutil.rmtree(side_folder(side, fleet), ignore_errors=True)
        side_folder(side, fleet).mkdir(mode=0o700)
    for state in side.states:
        if state == "trusted":
            laboratory.run_everywhere(fleet, "rm", "-rf", *LEAVES)
        yield run(side, state, fleet, fleet.hosts, forks)


def run(side: Side, state: str, fleet: laboratory.Fleet, hosts: Sequence[laboratory.Host], forks: int) -> Row:
    """Run a side once on some of a fleet's hosts."""
    finished = measure(side, fleet, hosts, forks)
    found = problem(finished, hosts, state)
    print(f"{len(hosts)} hosts, {side.name}, {state}: {finished.costs['wall']} s {found}", flush=True)
    if found:
        print(finished.output, flush=True)
    return {"side": side.name, "state": state, "hosts": len(hosts), **finished.costs, "problem": found}


def count_calls(side: Side, fleet: laboratory.Fleet, forks: int) -> dict[str, dict[str, int]]:
    """The calls of an unchanged run, of each host. Verbose, so not one of those that are measured."""
    return ssh_calls(measure(side, fleet, fleet.hosts, forks, "-vvv").output, fleet.hosts)


def grow(grown: Sequence[Side], sizes: Sequence[int], forks: int, rounds: int) -> list[Row]:
    """Unchanged runs of sides on the first hosts of one fleet, of each size. The first side prepares all hosts."""
    rows: list[Row] = []
    order = deque((side, size) for size in sizes for side in grown)
    with running_fleet(max(sizes)) as fleet:
        side_folder(grown[0], fleet).mkdir(mode=0o700)
        run(grown[0], "cold", fleet, fleet.hosts, forks)
        for each_round in range(1, rounds + 1):
            for side, size in order:
                rows.append({"round": each_round, **run(side, "unchanged", fleet, fleet.hosts[:size], forks)})
            order.rotate(-1)
    return rows
