# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sides of the comparison, and one run of a side: a whole process of ansible-playbook, and what it has cost."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lab import fleet as laboratory
from lab import machine

BENCHMARK = Path(__file__).parent
ROOT = BENCHMARK.parents[2]
PLAYBOOKS = BENCHMARK / "playbooks"

#: Fresh hosts and no authority; an unchanged run after that; and the same hosts once their leaves were removed.
STATES = ("cold", "unchanged", "trusted")


@dataclass(frozen=True)
class Side:
    """One that is compared: what it runs, and the folder that holds ``ansible_collections`` with what that needs.

    What changes nothing has a single state: ``unchanged``, or ``empty`` where it has no task.
    """

    name: str
    playbook: str
    collections: Path
    states: tuple[str, ...] = STATES


@dataclass(frozen=True)
class Run:
    """How a run ended: its status, the costs in seconds and MiB, and its output."""

    status: int
    costs: dict[str, float]
    output: str


def sides(before: Path | None = None) -> tuple[Side, ...]:
    """All sides; with the path of another checkout, that one's too."""
    collections = ROOT / "build" / "collections"
    return (
        Side("anchorage", "anchorage.pki.site", collections),
        *((Side("before", "anchorage.pki.site", before / "build" / "collections"),) if before else ()),
        Side("recipe", str(PLAYBOOKS / "recipe.yml"), collections),
        Side("ping", str(PLAYBOOKS / "ping.yml"), collections, ("unchanged",)),
        Side("start", str(PLAYBOOKS / "start.yml"), collections, ("empty",)),
    )


def measure(side: Side, fleet: laboratory.Fleet, hosts: Iterable[laboratory.Host], forks: int, *options: str) -> Run:
    """Run a side on some of a fleet's hosts, no connection being open before, and see what it costs them."""
    inventory = fleet.folder / "some.ini"
    inventory.write_text(laboratory.inventory(fleet, hosts), encoding="utf-8")
    before = seconds_of(fleet)
    program = Path(sys.executable).with_name("ansible-playbook")
    options = (*options, f"--extra-vars=bench_folder={side_folder(side, fleet)}")
    arguments = [f"--inventory={inventory}", f"--forks={forks}", f"--extra-vars=@{BENCHMARK / 'variables.yml'}"]
    measured: list[str | Path] = [sys.executable, BENCHMARK / "measured.py"]
    command = [*measured, program, *arguments, *options, side.playbook]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        environment = environment_of(side, fleet)
        finished = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True, check=True)
        log.seek(0)
        output = log.read()
    found = json.loads(finished.stdout)
    return Run(found["status"], found["costs"] | {"hosts_cpu": round(seconds_of(fleet) - before, 3)}, output)


def side_folder(side: Side, fleet: laboratory.Fleet) -> Path:
    """Where a side keeps its authority. Below /tmp, where everybody may write, root keeps no private key."""
    return fleet.folder.resolve() / f"side-{side.name}"


def environment_of(side: Side, fleet: laboratory.Fleet) -> dict[str, str]:
    """The caller's environment, free of the caller's settings of Ansible."""
    return machine.test_environment() | {
        "ANSIBLE_COLLECTIONS_PATH": str(side.collections.resolve()),
        "ANSIBLE_CONFIG": str(BENCHMARK / "ansible.cfg"),
        "ANSIBLE_HOME": str(fleet.folder / "ansible"),
        "ANSIBLE_NOCOLOR": "true",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPYCACHEPREFIX": str(ROOT / "build" / "pycache"),
    }


def seconds_of(fleet: laboratory.Fleet) -> float:
    """The processor's seconds that all hosts have used."""
    pids = laboratory.podman("ps", "--format={{.Pid}}", f"--filter=label={fleet.label}").split()
    return sum(cgroup_seconds(int(pid)) for pid in pids)


def cgroup_seconds(pid: int) -> float:
    """The seconds that the control group of a process has used: see cgroups(7) for both versions."""
    groups = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8")
    version_1 = re.search(r"^\d+:(?:\w+,)*cpuacct(?:,\w+)*:(.*)$", groups, re.MULTILINE)
    if version_1:
        usage = Path(f"/sys/fs/cgroup/cpuacct{version_1[1]}/cpuacct.usage").read_text(encoding="ascii")
        return int(usage) / 1e9
    version_2 = re.search(r"^0::(.*)$", groups, re.MULTILINE)
    assert version_2
    statistics = Path(f"/sys/fs/cgroup{version_2[1]}/cpu.stat").read_text(encoding="ascii")
    return int(dict(line.split() for line in statistics.splitlines())["usage_usec"]) / 1e6


def problem(run: Run, hosts: Iterable[laboratory.Host], state: str) -> str:
    """What went wrong in a run, for which its figures count for nothing, or an empty string."""
    if state == "empty":
        return f"ended with status {run.status}" if run.status else ""
    rows = dict(re.findall(r"^(\S+) +: (ok=.*)$", run.output, re.MULTILINE))
    failed = [host for host in hosts if not re.search(r" unreachable=0 +failed=0 ", rows.get(host.name, ""))]
    changed = [host for host in hosts if not re.search(r" changed=0 ", rows.get(host.name, ""))]
    if run.status or failed:
        return f"ended with status {run.status} and {len(failed)} hosts failed"
    expected = [] if state == "unchanged" else list(hosts)
    return "" if changed == expected else f"{len(changed)} hosts changed"


def ssh_calls(output: str, hosts: Iterable[laboratory.Host]) -> dict[str, dict[str, int]]:
    """How many commands and how many transfers of files by ssh a run with -vvv has made, of each host."""
    calls = {}
    for host in hosts:
        address = re.escape(f"<{host.address}>")
        started = len(re.findall(rf"^{address} SSH: EXEC ", output, re.MULTILINE))
        transfers = len(re.findall(rf"^{address} PUT ", output, re.MULTILINE))
        calls[host.name] = {"commands": started - transfers, "transfers": transfers}
    return calls
