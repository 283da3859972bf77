# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What it costs that one root gives way to another: in ``tests/``, after ``make bench`` or the tests have made the
images, ``python -m benchmarks.rotation``.

Leaves are issued, and issued again below the new root, by the controller's half of their transaction, until the ledger
has what the host confirmed, with a host that is a function: once from an authority that was read before, and once with
the authority read for each leaf, as a task for each host does it, beside all that Ansible does. It is processor time
that is compared, by turns, since the machine may be busy.

The same in whole runs of ``anchorage.pki.issue`` on ssh hosts, with many leaves on each host, and so with all that
Ansible and the hosts do, in the processor time of all processors.

Unchanged runs of ``anchorage.pki.trust`` on ssh hosts are compared in pairs, whose order is rotated: of an authority
with one root, and of another one whose hosts trust both, in their wall and in the processor time of all processors.
The same without the start of a playbook tells of the looks alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.fleet import rounds
from benchmarks.fleet.sides import ROOT, Side, measure, problem, side_folder
from lab import fleet as laboratory

sys.path.insert(0, str(ROOT / "build" / "collections"))

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    Passphrases,
    carry_out,
    plan_provisioning,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.transaction import LeafTransaction
from ansible_collections.anchorage.pki.tests.benchmarks.leaf_requests import leaf_request
from ansible_collections.anchorage.pki.tests.unit.function_host import Host
from ansible_collections.anchorage.pki.tests.unit.rotations import rotated

LEAVES = 1_000
TURN = 50
ISSUE_ROUNDS = 3
#: Of what the first issue takes, and of what the run takes without a rotation.
REISSUE_GOAL, TRUST_GOAL = 1.2, 1.1
COLLECTIONS = ROOT / "build" / "collections"
SIDES = tuple(Side(name, "anchorage.pki.trust", COLLECTIONS, ("unchanged",)) for name in ("one-root", "both-roots"))
#: What every run has: nothing has this tag.
START = "--tags=no-look"
NOW = datetime.now(timezone.utc)
Figures = Mapping[str, list[float]]


def main(words: list[str]) -> None:
    """Measure, and print the ratios."""
    parser = argparse.ArgumentParser(prog="benchmarks.rotation", description="Measure what a rotation costs.")
    parser.add_argument("--hosts", type=int, default=12, help="how many hosts are looked at (default: 12)")
    parser.add_argument("--rounds", type=int, default=8, help="how often each is run (default: 8)")
    wanted = parser.parse_args(words)
    for what, size in (("authority read before", TURN), ("authority read for each", 1)):
        with tempfile.TemporaryDirectory(dir=Path.home()) as scratch:
            first, again = measure_leaves(Path(scratch), LEAVES, TURN, size)
        print(f"{LEAVES} leaves, {what}: {sum(first):.1f} s; below the new root: {sum(again):.1f} s")
        report(f"issued again, {what}", [after / one for one, after in zip(first, again, strict=True)], REISSUE_GOAL)
    found = list(measure_issue_runs(wanted.hosts, ISSUE_ROUNDS, LEAVES // wanted.hosts))
    report(f"issued again, whole runs of {LEAVES} leaves", [again / first for first, again in found], REISSUE_GOAL)
    for what, figures in measure_trust(wanted.hosts, wanted.rounds).items():
        goal = None if what.startswith("looks") else TRUST_GOAL
        report(f"both roots, {what}", ratios(figures), goal)


def report(what: str, found: list[float], goal: float | None) -> None:
    """Print a ratio, and whether the goal is met."""
    median = statistics.median(found)
    judged = "" if goal is None else f"; at most {goal}: {'met' if median <= goal else 'missed'}"
    print(f"{what}: {median:.3f} times (median of {len(found)}, {min(found):.2f}-{max(found):.2f}){judged}", flush=True)


def ratios(figures: Figures) -> list[float]:
    """Of both roots to one, in each round."""
    return [both / one for one, both in zip(*(figures[side.name] for side in SIDES), strict=True)]


def make_authority(folder: Path, state: State | None = None) -> None:
    """An authority there, named after the folder that it is in, with a rotation in that state."""
    folder.mkdir(mode=0o700, parents=True)
    authority = carry_out(plan_provisioning(folder, {}, folder.parent.name, NOW), Passphrases(), NOW)
    if state:
        rotated(authority, state, NOW)


def measure_leaves(scratch: Path, leaves: int, turn: int, size: int) -> tuple[list[float], list[float]]:
    """The seconds of each turn of so many leaves, issued for the first time, and below the new root; the authority is
    read for each ``size`` of them. Turns alternate between two authorities, of which the one had issued as many leaves
    before its rotation."""
    fresh, rotating = scratch / "fresh" / "authority", scratch / "rotating" / "authority"
    make_authority(fresh)
    make_authority(rotating)
    new_hosts, hosts = ({f"web{number}": Host() for number in range(leaves)} for _side in range(2))
    issue(rotating, list(hosts.items()), leaves)
    former = chains(hosts)
    rotated(read_authority(rotating), State.SWITCHING, NOW)
    first, again = [], []
    for start in range(0, leaves, turn):
        first.append(issue(fresh, list(new_hosts.items())[start : start + turn], size))
        again.append(issue(rotating, list(hosts.items())[start : start + turn], size))
    if set(former) & set(chains(hosts)):
        sys.exit("A leaf is still below the old root.")
    return first, again


def chains(hosts: Mapping[str, Host]) -> list[str]:
    """The digest of the chain that each host has."""
    return [host.leaves["site"].chain_sha256 for host in hosts.values()]


def issue(folder: Path, hosts: Sequence[tuple[str, Host]], size: int) -> float:
    """The processor's seconds of a transaction for each host, which has to issue a leaf."""
    started = time.process_time()
    for start in range(0, len(hosts), size):
        authority = read_authority(folder)
        with open_ledger(authority.ledger_path) as ledger:
            for name, host in hosts[start : start + size]:
                transaction = LeafTransaction(authority, Passphrases(), ledger, host, None, NOW)
                plans, _inspection = transaction.plan(
                    [leaf_request("site", name)], [LeafPlace(name, "/etc/pki/anchorage", "site")]
                )
                signed, _deployment = transaction.carry_out(plans)
                if not signed:
                    sys.exit(f"{name}: {plans[0].decision.reason}")
    return time.process_time() - started


def measure_issue_runs(number: int, times: int, leaves: int) -> Iterator[tuple[float, float]]:
    """The seconds of all processors in a run that issues so many leaves on each of so many hosts, and in the one that
    issues them again below the new root; for another authority each time."""
    certificates = [{"name": f"leaf{i}", "names": [f"leaf{i}.{{{{ inventory_hostname }}}}"]} for i in range(leaves)]
    wanted = f"--extra-vars={json.dumps({'leaf_certificate_certificates': certificates})}"
    with rounds.running_fleet(number) as fleet:
        for i in range(times):
            side = Side(f"issue-{i}", "anchorage.pki.issue", COLLECTIONS)
            folder = side_folder(side, fleet) / "authority"
            make_authority(folder)
            laboratory.run_everywhere(fleet, "rm", "-rf", *rounds.LEAVES)
            first = run(side, fleet, "cold", wanted)[1]
            authority = rotated(read_authority(folder), State.SWITCHING, NOW)
            again = run(side, fleet, "cold", wanted)[1]
            with open_ledger(authority.ledger_path, read_only=True) as ledger:
                issuers = Counter(issuer for _place, issuer in ledger.rotations.leaves_in_use(NOW))
            if issuers != {authority.issuing.sha256: number * leaves}:
                sys.exit("Not every leaf is below the new root.")
            yield first, again


def measure_trust(number: int, times: int) -> Mapping[str, Figures]:
    """The seconds of unchanged runs on so many hosts, each side run so many times."""
    figures: dict[str, dict[str, list[float]]] = {
        what: {side.name: [] for side in SIDES} for what in ("wall", "processors", "looks alone, processors")
    }
    order = deque(SIDES)
    with rounds.running_fleet(number) as fleet:
        for side, state in zip(SIDES, (None, State.DISTRIBUTING), strict=True):
            make_authority(side_folder(side, fleet) / "authority", state)
            if wrong := rounds.run(side, "cold", fleet, fleet.hosts, number)["problem"]:
                sys.exit(f"{side.name}: {wrong}")
        for _round in range(times):
            for side in order:
                wall, processors = run(side, fleet, "unchanged")
                _wall, start = run(side, fleet, "empty", START)
                figures["wall"][side.name].append(wall)
                figures["processors"][side.name].append(processors)
                figures["looks alone, processors"][side.name].append(processors - start)
            order.rotate(-1)
    return figures


def run(side: Side, fleet: laboratory.Fleet, state: str, *options: str) -> tuple[float, float]:
    """The wall and the seconds of all processors of one run of hosts in that state."""
    found = measure(side, fleet, fleet.hosts, len(fleet.hosts), *options)
    if wrong := problem(found, fleet.hosts, state):
        sys.exit(f"{side.name}: {wrong}\n{found.output}")
    return found.costs["wall"], found.costs["controller_cpu"] + found.costs["hosts_cpu"]


if __name__ == "__main__":
    main(sys.argv[1:])
