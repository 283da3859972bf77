# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fleets of the laboratory, and the benchmark on them: what is read from a run, and what is made from the figures."""

from __future__ import annotations

import configparser
import json
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from benchmarks.fleet import __main__ as benchmark
from benchmarks.fleet import goals, report, sides
from benchmarks.fleet.chart import chart
from lab import fleet as laboratory

ROOT = Path(__file__).resolve().parents[2]
HOSTS = laboratory.hosts_of("10.89.3.0/24", 2)


def run(*arguments: str) -> dict[str, Any]:
    """What measured.py says of a program."""
    command = [sys.executable, ROOT / "tests/benchmarks/fleet/measured.py", sys.executable, "-c", *arguments]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def row(side: str, state: str, problem: str = "", hosts: int = 50, **costs: float) -> dict[str, Any]:
    usual = {"wall": 1.0, "controller_cpu": 1.0, "hosts_cpu": 1.0, "peak_memory": 1.0}
    return {"side": side, "state": state, "hosts": hosts, "problem": problem, **usual, **costs}


def verdicts(runs: list[dict[str, Any]], **figures: list[dict[str, Any]]) -> dict[str, str]:
    """What is said of each goal."""
    found = goals.goals({"runs": runs, "growth": [], "ledger": [], "mkcert": [], **figures})
    return {goal.text: goal.verdict for goal in found}


# Fleets


def test_hosts_have_addresses_of_their_own_and_not_the_gateways() -> None:
    hosts = laboratory.hosts_of("10.89.3.0/24", laboratory.LARGEST)
    assert hosts[0] == laboratory.Host("host1.internal", "10.89.3.2")
    assert hosts[-1].address == "10.89.3.254"
    assert len({host.address for host in hosts}) == laboratory.LARGEST


def test_what_belongs_to_a_fleet_is_known_by_its_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert laboratory.label_of(tmp_path / "a") == laboratory.label_of(tmp_path / "link" / "a")
    assert laboratory.label_of(tmp_path / "a") != laboratory.label_of(tmp_path / "b")


def test_the_inventory_is_understood(tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.ini"
    inventory.write_text(laboratory.inventory(laboratory.Fleet(tmp_path, HOSTS), HOSTS))
    command = [Path(sys.executable).with_name("ansible-inventory"), "--inventory", inventory, "--list"]
    listing = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert listing["fleet"]["hosts"] == ["host1.internal", "host2.internal"]
    variables = listing["_meta"]["hostvars"]["host2.internal"]
    assert variables["ansible_host"] == "10.89.3.3"
    assert variables["ansible_python_interpreter"] == "/usr/bin/python3"
    assert variables["ansible_ssh_private_key_file"] == str(tmp_path / "ssh_key")
    assert "StrictHostKeyChecking" not in str(variables)


def test_a_fleet_is_reached_from_a_checkout_with_a_long_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ssh adds up to 60 characters to the folder of its sockets, whose paths may have 107."""
    monkeypatch.setattr(laboratory, "podman", lambda *arguments: "10.89.3.0/24" if "inspect" in arguments else "")
    monkeypatch.setattr(laboratory, "start_hosts", lambda fleet: None)
    folder = tmp_path / ("long" * 20)
    fleet = laboratory.create(folder, 1)
    variables = dict(line.split("=", 1) for line in fleet.inventory.read_text().splitlines() if "=" in line)
    connections = Path(variables["ansible_control_path_dir"])
    assert connections.stat().st_mode & 0o777 == 0o700
    assert len(str(connections)) < 47
    laboratory.remove(folder)
    assert not connections.exists()


@pytest.mark.parametrize("number", ["0", "254"])
def test_a_fleet_of_an_impossible_size_is_refused_before_anything_is_made(tmp_path: Path, number: str) -> None:
    with pytest.raises(SystemExit):
        laboratory.main(["up", str(tmp_path / "fleet"), number])
    assert not (tmp_path / "fleet").exists()


# What is compared


def test_all_sides_share_connections_and_pipelining() -> None:
    settings = configparser.ConfigParser()
    settings.read(sides.BENCHMARK / "ansible.cfg")
    assert settings["ssh_connection"]["pipelining"] == "true"
    assert "ControlPersist=60s" in settings["ssh_connection"]["ssh_args"]
    fleet = laboratory.Fleet(Path("fleet"), HOSTS)
    configured = {sides.environment_of(side, fleet)["ANSIBLE_CONFIG"] for side in sides.sides()}
    assert configured == {str(sides.BENCHMARK / "ansible.cfg")}


def test_the_recipe_is_that_of_the_guide() -> None:
    """The key and its request on the host, signed on the controller; copies, and a refresh by a handler."""
    _authority, hosts = yaml.safe_load((sides.PLAYBOOKS / "recipe.yml").read_text(encoding="utf-8"))
    modules = {task["name"]: next(key for key in task if "." in key) for task in hosts["tasks"]}
    assert modules == {
        "Make the leaf's folder": "ansible.builtin.file",
        "Make the leaf's key": "community.crypto.openssl_privatekey",
        "Request the leaf": "community.crypto.openssl_csr_pipe",
        "Look for the leaf": "ansible.builtin.stat",
        "Read the leaf": "ansible.builtin.slurp",
        "Sign the leaf": "community.crypto.x509_certificate_pipe",
        "Write the leaf": "ansible.builtin.copy",
        "Write its chain": "ansible.builtin.copy",
        "Have the system trust the authority": "ansible.builtin.copy",
    }
    delegated = {task["name"]: task["delegate_to"] for task in hosts["tasks"] if "delegate_to" in task}
    assert delegated == {"Sign the leaf": "localhost"}
    [signing] = (task["community.crypto.x509_certificate_pipe"] for task in hosts["tasks"] if task["name"] in delegated)
    assert signing["provider"] == "ownca"
    [handler] = hosts["handlers"]
    assert handler["ansible.builtin.command"] == "update-ca-certificates"
    assert [task["name"] for task in hosts["tasks"] if task.get("notify") == handler["name"]] == [
        "Have the system trust the authority"
    ]


# What a run has cost


def test_all_that_a_program_started_is_counted() -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    measured = run(f"import subprocess, sys; subprocess.run([sys.executable, '-c', '''{burn}''']); sys.exit(3)")
    assert measured["status"] == 3
    assert measured["costs"]["controller_cpu"] >= 0.3
    assert measured["costs"]["wall"] >= 0.3


def test_the_largest_process_counts() -> None:
    fill = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'x = bytearray(100 * 2**20)'])"
    assert run(fill)["costs"]["peak_memory"] > 100 > run("pass")["costs"]["peak_memory"]


def test_what_was_left_behind_is_counted_and_ended(tmp_path: Path) -> None:
    mark = str(tmp_path / "burned")
    burn = f"import time\nwhile time.process_time() < 0.3: pass\nopen({mark!r}, 'w')\ntime.sleep(600)"
    leave = (
        "import os, subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {burn!r}], start_new_session=True)\n"
        f"while not os.path.exists({mark!r}): time.sleep(0.05)"
    )
    started = time.monotonic()
    measured = run(leave)
    assert measured["costs"]["controller_cpu"] >= 0.3
    assert time.monotonic() - started < 300


RECAP = """
PLAY RECAP *****
host1.internal             : ok=7    changed={}    unreachable=0    failed=0    skipped=0
host2.internal             : ok=4    changed={}    unreachable={}    failed={}    skipped=0
"""


@pytest.mark.parametrize(
    ("state", "status", "recap", "problem"),
    [
        ("unchanged", 0, (0, 0, 0, 0), ""),
        ("cold", 0, (1, 2, 0, 0), ""),
        ("unchanged", 0, (0, 2, 0, 0), "1 hosts changed"),
        ("cold", 0, (1, 0, 0, 0), "1 hosts changed"),
        ("cold", 4, (1, 1, 1, 0), "ended with status 4 and 1 hosts failed"),
        ("unchanged", 2, (0, 0, 0, 1), "ended with status 2 and 1 hosts failed"),
        ("unchanged", 2, (0, 0, 0, 0), "ended with status 2 and 0 hosts failed"),
        ("empty", 1, (0, 0, 0, 0), "ended with status 1"),
    ],
)
def test_a_run_counts_only_where_it_did_on_each_host_what_it_had_to(
    state: str, status: int, recap: tuple[int, ...], problem: str
) -> None:
    finished = sides.Run(status, {}, RECAP.format(*recap))
    assert sides.problem(finished, HOSTS, state) == problem


def test_a_host_that_a_run_left_out_has_failed() -> None:
    assert "2 hosts failed" in sides.problem(sides.Run(0, {}, "PLAY RECAP ***\n"), HOSTS, "unchanged")


def test_calls_by_ssh_are_counted_host_by_host() -> None:
    output = (
        "<10.89.3.2> SSH: EXEC ssh -C x\n<10.89.3.2> PUT /a TO /b\n<10.89.3.2> SSH: EXEC sftp -b - x\n"
        "<10.89.3.3> SSH: EXEC ssh -C x\n<10.89.3.3> ESTABLISH SSH CONNECTION\n"
    )
    assert sides.ssh_calls(output, HOSTS) == {
        "host1.internal": {"commands": 1, "transfers": 1},
        "host2.internal": {"commands": 1, "transfers": 0},
    }


# What is made from the figures


def test_table_and_chart_are_those_of_the_figures() -> None:
    figures, page = report.read(), report.PAGE.read_text(encoding="utf-8")
    assert page == report.in_page(page, report.report(figures))
    assert report.CHART.read_text(encoding="utf-8") == chart(figures)


def test_the_figures_are_those_of_every_round_and_name_no_machine() -> None:
    figures = report.read()
    rounds = set(range(1, figures["settings"]["rounds"] + 1))
    for side in sides.sides():
        for state in side.states:
            rows = [row for row in figures["runs"] if (row["side"], row["state"]) == (side.name, state)]
            assert {row["round"] for row in rows} == rounds, (side.name, state)
    order = [list(dict.fromkeys(row["side"] for row in figures["runs"] if row["round"] == each)) for each in rounds]
    assert all(later == [*earlier[1:], earlier[0]] for earlier, later in pairwise(order))
    assert set(figures["machine"]) == {
        "cores",
        "kernel",
        "python",
        "ansible-core",
        "cryptography",
        "community.crypto",
    }
    assert "/" not in report.FIGURES.read_text(encoding="utf-8")


def test_the_file_of_figures_has_a_line_for_each_row() -> None:
    figures = {"schema": 1, "machine": {"cores": 2}, "runs": [row("ping", "unchanged")] * 3, "growth": []}
    text = benchmark.as_text(figures)
    assert json.loads(text) == figures
    assert len([line for line in text.splitlines() if "ping" in line]) == 3


def test_another_checkout_that_is_not_set_up_is_refused_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        benchmark.main(["--before", str(tmp_path)])
    assert "run make venv there" in capsys.readouterr().err


def test_the_chart_is_well_formed_and_has_a_bar_for_what_was_measured() -> None:
    runs = [row("anchorage", "cold", wall=5), row("recipe", "cold", wall=50), row("ping", "unchanged", "failed")]
    image = ElementTree.fromstring(chart({"settings": {"hosts": 50, "forks": 25}, "runs": runs}))
    bars = {
        shape.get("class"): float(shape.get("width", "0")) for shape in image.iter("{http://www.w3.org/2000/svg}rect")
    }
    assert bars["recipe"] == pytest.approx(10 * bars["anchorage"], rel=0.01)
    assert "ping" not in bars


def test_a_goal_is_reached_or_not_and_says_so() -> None:
    runs = [row("anchorage", "cold", wall=10), row("recipe", "cold", wall=40)]
    assert verdicts(runs)["cold: the recipe's time by ours"] == "reached"
    runs[0]["wall"] = 10.1
    assert verdicts(runs)["cold: the recipe's time by ours"] == "**not reached**"


def test_the_median_counts() -> None:
    ours = [row("anchorage", "unchanged", wall=wall) for wall in (1, 2, 90)]
    floor = "unchanged: our time by that of one `ping` task"
    assert verdicts([*ours, row("ping", "unchanged", wall=2)])[floor] == "reached"
    assert verdicts([*ours, row("ping", "unchanged", wall=1.9)])[floor] == "**not reached**"


def test_a_side_that_failed_once_counts_for_nothing() -> None:
    runs = [row("anchorage", "cold", wall=10), row("recipe", "cold", wall=50), row("recipe", "cold", "failed", wall=1)]
    assert verdicts(runs)["cold: the recipe's time by ours"] == "not measured"
    figures = {"runs": runs, "settings": {"hosts": 50}}
    assert "| recipe of `community.crypto`, fresh hosts | failed | failed |" in report.costs(figures)


def test_a_look_is_compared_without_the_start_of_a_playbook() -> None:
    runs = [row("anchorage", "unchanged", wall=2), row("before", "unchanged", wall=4), row("start", "empty", wall=1)]
    text = "unchanged: our time by that of the same inspection by modules, less a playbook's start"
    assert verdicts(runs)[text] == "reached"
    runs[1]["wall"] = 3.9
    assert verdicts(runs)[text] == "**not reached**"


def test_growth_is_compared_by_size() -> None:
    grown = [row("anchorage", "unchanged", hosts=hosts, wall=wall) for hosts, wall in [(10, 1), (50, 2), (200, 9)]]
    ledger = [
        {"certificates": 100, "peak_memory": [60], "query": [1]},
        {"certificates": 9, "peak_memory": [61], "query": [3]},
    ]
    found = verdicts([], growth=grown, ledger=ledger)
    assert found["unchanged: the time of 200 hosts by that of 50"] == "**not reached**"
    assert found["memory of the largest process with 100,000 certificates by that with 100"] == "reached"
    assert found["the ledger's answer for one host among 100,000 certificates by that among 100"] == "**not reached**"


def test_what_is_extrapolated_is_a_straight_line_and_says_so() -> None:
    cpu = {10: 1.0, 50: 12.0, 200: 48.0}
    grown = [
        row(side, "unchanged", hosts=n, controller_cpu=s) for side in ("anchorage", "ping") for n, s in cpu.items()
    ]
    heading, _line, ours, _ping = report.extrapolation({"growth": grown, "machine": {"cores": 2}}).splitlines()
    assert "**extrapolated** from 50 and 200 hosts: 10,000 unchanged hosts" in heading
    assert ours.split(" | ")[1:3] == ["40.0", "20.0"]
    assert "extrapolated" not in report.growth({"growth": grown})


def test_what_was_not_measured_is_neither() -> None:
    assert set(verdicts([]).values()) == {"not measured"}
