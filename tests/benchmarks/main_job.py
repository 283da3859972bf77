# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What signing costs, and how often a host is called: run with ``.venv/bin/python tests/benchmarks/main_job.py``.

Prints medians of one run on this machine. The machine may be busy, so compare figures of the same run with each other.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / "build" / "collections"
sys.path.insert(0, str(COLLECTIONS))

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import DeployedLeaf
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import carry_out, plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.issuance import issue
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import Action, Decision, LeafPlan
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import create_folder
from ansible_collections.anchorage.pki.tests.benchmarks.leaf_requests import leaf_request

ROUNDS = 200
CERTIFICATES = (1, 20)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as scratch:
        folder = Path(scratch)
        measure_signing(folder)
        measure_calls(folder)


def measure_signing(folder: Path) -> None:
    """One P-256 leaf with its key, staple and ledger entry: planned bytes in, bytes for the host out."""
    now = datetime.now(timezone.utc)
    create_folder(folder / "authority")
    authority = carry_out(plan_provisioning(folder / "authority", {}, "Benchmark", now), Passphrases(), now)
    with open_ledger(authority.ledger_path) as ledger:
        plans = [plan(number) for number in range(ROUNDS)]
        single = median(lambda one: issue([one], authority, Passphrases(), ledger, now), plans)
        started = time.perf_counter()
        issue([plan(number) for number in range(ROUNDS, 2 * ROUNDS)], authority, Passphrases(), ledger, now)
        together = (time.perf_counter() - started) / ROUNDS
    print(f"a leaf with key, staple and ledger entry, one a task:    {single * 1000:6.2f} ms (median of {ROUNDS})")
    print(f"the same, {ROUNDS} in one task:                            {together * 1000:6.2f} ms each")


def measure_calls(folder: Path) -> None:
    """The module calls of leaf_certificate on one host, counted in the verbose output of real runs."""
    for count in CERTIFICATES:
        playbook = folder / f"play-{count}.yml"
        playbook.write_text(play(folder, count))
        first, first_calls = run(playbook)
        second, second_calls = run(playbook)
        print(
            f"leaf_certificate with {count:2} certificates:   first run {first_calls} calls, {first:.2f} s;   "
            f"unchanged run {second_calls} call, {second:.2f} s"
        )


def plan(number: int) -> LeafPlan:
    """A leaf that is still to be made."""
    request = leaf_request(f"leaf{number}", f"leaf{number}")
    deployed = DeployedLeaf(request.name)
    place = LeafPlace("host", "/etc/pki/anchorage", request.name)
    return LeafPlan(request, deployed, None, Decision(Action.LEAF, "benchmark"), place)


def median(function: Callable[[LeafPlan], object], plans: list[LeafPlan]) -> float:
    """The median of the seconds that ``function`` takes."""
    seconds = []
    for one in plans:
        started = time.perf_counter()
        function(one)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def play(folder: Path, count: int) -> str:
    """A playbook with one leaf task of ``count`` certificates for localhost."""
    certificates = "".join(f"          - {{name: leaf{n}, names: [leaf{n}.internal]}}\n" for n in range(count))
    return f"""
- hosts: localhost
  gather_facts: false
  tasks:
    - anchorage.pki.leaf_certificate:
        authority: {folder}/authority
        destination: {folder}/certificates-{count}
        certificates:
{certificates}"""


def run(playbook: Path) -> tuple[float, int]:
    """The seconds and the module calls of one ansible-playbook run."""
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "ANSIBLE_LOCALHOST_WARNING": "false"}
    command = [Path(sys.executable).parent / "ansible-playbook", "-vvv", playbook]
    started = time.perf_counter()
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if finished.returncode:
        sys.exit(finished.stdout)
    return seconds, len(re.findall(r"Using module file .*leaf_deployment", finished.stdout))


if __name__ == "__main__":
    main()
