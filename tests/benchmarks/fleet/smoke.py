# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The benchmark once on three hosts, as a part of the tests: whether all sides end well, and how often each goes to a
host; and that of a rotation's runs. Of seconds nothing is asked, since the machine may be busy.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import yaml
from benchmarks import rotation
from benchmarks.fleet import __main__ as benchmark
from benchmarks.fleet import report
from benchmarks.fleet.sides import ROOT, sides

HOSTS = 3
#: What an action takes on an unchanged host is said in one place, for the scenario too.
VARIABLES = ROOT / "molecule" / "fleet" / "inventory" / "group_vars" / "all.yml"
ACTIONS = 2


def main() -> None:
    """Run it, and look at its figures."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "bench.json"
        size = ("--hosts", str(HOSTS), "--forks", str(HOSTS), "--rounds", "1", "--small")
        benchmark.main([*size, "--output", str(output)])
        figures = json.loads(output.read_text(encoding="utf-8"))
    look_at_runs(figures)
    look_at_calls(figures["calls"])
    assert "failed" not in report.report(figures)
    look_at_rotation()


def look_at_runs(figures: dict[str, Any]) -> None:
    """See that each side ran in each of its states, and did there what it had to."""
    wanted = [(side.name, state) for side in sides() for state in side.states]
    assert [(row["side"], row["state"]) for row in figures["runs"]] == wanted
    for row in figures["runs"]:
        assert not row["problem"], row
        assert row["hosts"] == HOSTS
        assert min(row["wall"], row["controller_cpu"], row["peak_memory"]) > 0, row
        assert (row["hosts_cpu"] > 0) == (row["state"] != "empty"), row


def look_at_calls(calls: dict[str, dict[str, dict[str, int]]]) -> None:
    """See how often each side goes to an unchanged host."""
    commands = yaml.safe_load(VARIABLES.read_text(encoding="utf-8"))["laboratory_commands"]
    expected = {"anchorage": ACTIONS * commands, "ping": 1, "start": 0}
    for side, number in expected.items():
        assert list(calls[side].values()) == [{"commands": number, "transfers": 0}] * HOSTS, (side, calls[side])
    assert all(each["commands"] > ACTIONS * commands for each in calls["recipe"].values()), calls["recipe"]


def look_at_rotation() -> None:
    """See that runs change nothing on hosts that trust two roots, nor on those that trust one, and that below another
    root every host gets other leaves."""
    ((first, again),) = rotation.measure_issue_runs(HOSTS, 1, 2)
    assert min(first, again) > 0
    for what, seconds in rotation.measure_trust(HOSTS, 1).items():
        assert len(rotation.ratios(seconds)) == 1, what


if __name__ == "__main__":
    main()
