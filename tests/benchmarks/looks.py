# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the two looks of an unchanged run of ``anchorage.pki.site`` cost beside one ``ping`` task, together and each
alone: in ``tests/``, after ``make bench`` or the tests have made the images, ``python -m benchmarks.looks``.

It is processor time, of the controller and the hosts together, that is compared: the machine may be busy. What both
sides have is left out, the start of a playbook, and what ``site`` does beside looks: its checks and its summary.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import deque

from benchmarks.fleet import rounds
from benchmarks.fleet.sides import measure, problem, side_folder, sides
from lab import fleet as laboratory

#: The side of each case, and what its command line has besides. Nothing has the tag of the one that does not look.
CASES = {
    "site": ("anchorage", ()),
    "trust alone": ("anchorage", ("--tags=trust",)),
    "leaves alone": ("anchorage", ("--tags=issue",)),
    "no look": ("anchorage", ("--tags=no-look",)),
    "ping": ("ping", ()),
    "start": ("start", ()),
}


def main(words: list[str]) -> None:
    """Measure, and print each look in terms of a ping."""
    parser = argparse.ArgumentParser(prog="benchmarks.looks", description="Measure looks beside a ping.")
    parser.add_argument("--hosts", type=int, default=12, help="how many hosts are looked at (default: 12)")
    parser.add_argument("--rounds", type=int, default=8, help="how often each is run (default: 8)")
    wanted = parser.parse_args(words)
    order = deque(CASES)
    ratios: dict[str, list[float]] = {"site": [], "trust alone": [], "leaves alone": []}
    with rounds.running_fleet(wanted.hosts) as fleet:
        ours = sides()[0]
        side_folder(ours, fleet).mkdir(mode=0o700)
        rounds.run(ours, "cold", fleet, fleet.hosts, wanted.hosts)
        for _round in range(wanted.rounds):
            seconds = {case: processor_time(case, fleet) for case in order}
            order.rotate(-1)
            for case, found in ratios.items():
                found.append((seconds[case] - seconds["no look"]) / (seconds["ping"] - seconds["start"]))
    for case, found in ratios.items():
        spread = f"{min(found):.2f}-{max(found):.2f}"
        print(f"{case}: {statistics.median(found):.2f} of a ping (median of {wanted.rounds} rounds, {spread})")


def processor_time(case: str, fleet: laboratory.Fleet) -> float:
    """The seconds that a case takes of all processors."""
    name, options = CASES[case]
    side = next(side for side in sides() if side.name == name)
    run = measure(side, fleet, fleet.hosts, len(fleet.hosts), *options)
    if found := problem(run, fleet.hosts, "empty" if case in ("no look", "start") else "unchanged"):
        sys.exit(f"{case}: {found}\n{run.output}")
    seconds = run.costs["controller_cpu"] + run.costs["hosts_cpu"]
    print(f"{case}: {seconds:.2f} s", flush=True)
    return seconds


if __name__ == "__main__":
    main(sys.argv[1:])
