# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What site says at its end, and writes as JSON, in real runs with hosts that change, stay, fail and are lost.

The hosts are this machine, each with a folder of its own. Their trust stores are left alone.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.tests.playbooks.plays import Controller, Run

#: Variables by which a host is out of reach.
GONE = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
FAILING = {"leaf_certificate_owner": "no-such-user"}
#: Refused by the task that takes it.
WRONG = {"leaf_certificate_certificates": 7}

#: A Python that answers whatever it is asked with a failure in words for a terminal.
HOSTILE = """#!/bin/sh
cat >/dev/null
printf '%s\\n' '{"failed": true, "changed": false, "msg": "\\u001b[2J\\u009b31m one\\r\\ntwo \\u202e"}'
exit 1
"""


class Fleet:
    """Hosts, each with variables of its own, and a controller, with all that is made in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.controller = Controller(folder)
        self.file = folder / "report.json"
        self.variables: dict[str, object] = {
            "ansible_become": False,
            "anchorage_authority": str(folder / "authority"),
            "leaf_certificate_destination": f"{folder}/{{{{ inventory_hostname }}}}",
            "leaf_certificate_withdrawal": "off",  # no unit of systemd may stay on this machine
        }

    def site(self, *options: str, tags: str = "authority,issue", **hosts: dict[str, object]) -> Run:
        """Run it on these hosts by their names, without a look at this machine's trust stores."""
        (self.folder / "host_vars").mkdir(exist_ok=True)
        for host, variables in hosts.items():
            own = {"leaf_certificate_certificates": [{"name": "site", "names": ["site.test"]}], **variables}
            kept = {name: value for name, value in own.items() if value is not None}
            (self.folder / "host_vars" / f"{host}.json").write_text(json.dumps(kept))
        extra = f"--extra-vars={json.dumps(self.variables)}"
        # A wrong variable is to fail on its host, not before.
        skipped = ("--skip-tags=anchorage.pki.variables", f"--tags={tags}")
        return self.controller.run("anchorage.pki.site", extra, *skipped, *options, hosts=len(hosts))

    def report(self) -> Any:
        return json.loads(self.file.read_text(encoding="utf-8"))


def told(run: Run) -> list[str]:
    """What a run says at its end."""
    summary = run.output.partition("TASK [Show it, and write the report]")[2].partition("\n\n")[2]
    return summary.partition("\nok: [")[0].splitlines()


def outcomes(report: Any) -> dict[str, str]:
    return {name: host["outcome"] for name, host in report["hosts"].items()}


@pytest.fixture
def fleet(private_folder: Path) -> Fleet:
    return Fleet(private_folder)


def test_every_host_is_in_the_report_also_those_that_failed(fleet: Fleet) -> None:
    fleet.variables["anchorage_report_file"] = str(fleet.file)
    hosts = {"host1": {}, "host2": FAILING, "host3": GONE, "host4": WRONG}
    first = fleet.site(**hosts)
    assert first.status != 0
    count, _space, heading, *rows = told(first)
    assert count == "4 hosts: 2 failed, 1 changed, 1 unreachable."
    assert heading.split()[:3] == ["HOST", "TRUST", "LEAVES"]
    assert [row.split()[:3] for row in rows] == [
        ["host3", "-", "unreachable"],
        ["host2", "-", "failed"],
        ["host4", "-", "failed"],
        ["host1", "-", "changed"],
    ]
    assert "Connection refused" in rows[0]
    assert "there is no user 'no-such-user' on this host" in rows[1]
    assert rows[3].endswith("site: new leaf, since nothing is deployed yet")

    report = fleet.report()
    assert (report["schema"], report["complete"]) == (1, True)
    assert outcomes(report) == {"host1": "changed", "host2": "failed", "host3": "unreachable", "host4": "failed"}
    leaf = report["hosts"]["host1"]["leaves"]["certificates"][0]
    assert (leaf["name"], leaf["generation"], leaf["names"]) == ("site", 1, ["site.test"])
    assert leaf["not_after"] > leaf["staple"]["next_update"] > report["written"]
    assert "no-such-user" in report["hosts"]["host2"]["leaves"]["message"]
    assert fleet.file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in fleet.folder.glob("*report*")] == ["report.json"]

    second = fleet.site(**{**hosts, "host2": {}, "host4": {}}, tags="issue")
    assert told(second)[0] == "4 hosts: 2 changed, 1 unchanged, 1 unreachable."
    assert "host1" not in "".join(told(second))


def test_an_unchanged_fleet_is_one_line(fleet: Fleet) -> None:
    """With hosts that have something to be done, which those without a leaf have not."""
    hosts: dict[str, dict[str, object]] = {"host1": {}, "host2": {}, "host3": {"leaf_certificate_certificates": None}}
    assert fleet.site(**hosts).status == 0
    again = fleet.site("--diff", **hosts)
    assert (again.status, told(again)) == (0, ["2 hosts: 2 unchanged."])
    assert again.output.count("changed=0 ") == 4
    alone = fleet.site(tags="authority", **hosts)
    assert (alone.status, told(alone)) == (0, ["0 hosts: nothing to report."])


def test_check_mode_says_what_would_change_and_leaves_the_report_alone(fleet: Fleet) -> None:
    fleet.file.write_text("former")
    fleet.variables["anchorage_report_file"] = str(fleet.file)
    run = fleet.site("--check", host1={}, host2=GONE)
    assert told(run)[0] == "2 hosts: 1 would change, 1 unreachable."
    assert fleet.file.read_text() == "former"


@pytest.mark.parametrize("outcome", ["unreachable", "failed"])
def test_a_fleet_of_which_nothing_is_left_has_its_rows(fleet: Fleet, outcome: str) -> None:
    fleet.variables["anchorage_report_file"] = str(fleet.file)
    hosts = {"host1": GONE, "host2": GONE} if outcome == "unreachable" else {"host1": WRONG, "host2": FAILING}
    run = fleet.site(**hosts)
    assert run.status == (4 if outcome == "unreachable" else 2)
    count, _space, _heading, *rows = told(run)
    assert count == f"2 hosts: 2 {outcome}."
    assert [row.split()[:3] for row in rows] == [[host, "-", outcome] for host in hosts]
    assert outcomes(fleet.report()) == dict.fromkeys(hosts, outcome)
    assert fleet.report()["complete"]


def test_a_fleet_that_is_lost_in_the_first_part_has_its_rows(fleet: Fleet) -> None:
    """In check mode, in which this machine's own trust stores are safe, whatever the test finds."""
    run = fleet.site("--check", tags="authority,trust,issue", host1=GONE, host2=GONE)
    assert run.status == 4
    count, _space, _heading, *rows = told(run)
    assert count == "2 hosts: 2 unreachable."
    assert [row.split()[:3] for row in rows] == [[host, "unreachable", "-"] for host in ("host1", "host2")]


def test_variables_are_checked_by_the_hosts_and_not_by_localhost_that_does_nothing(fleet: Fleet) -> None:
    """Where localhost came first, the check would be skipped with its tasks."""
    extra = f"--extra-vars={json.dumps({**fleet.variables, 'leaf_certificate_certificates': []})}"
    run = fleet.controller.run("anchorage.pki.site", "--check", extra, "--tags=issue", hosts=2)
    for play in ("Trust the authority", "Issue the hosts' leaf certificates"):
        told_of = run.output.partition(f"PLAY [{play}]")[2].partition("PLAY [")[0]
        checked = told_of.partition("TASK [anchorage.pki.variables")[2].splitlines()
        assert checked[1:2] == ["ok: [host1]"], run.output


def test_localhost_is_left_alone_where_it_is_none_of_the_hosts(fleet: Fleet) -> None:
    fleet.variables["leaf_certificate_certificates"] = [{"name": "site", "names": ["site.test"]}]
    others = fleet.site(host1={})
    assert (others.status, told(others)[0]) == (0, "1 host: 1 changed.")
    assert not (fleet.folder / "localhost").exists()
    fleet.variables["anchorage_hosts"] = ["localhost", "host1"]
    both = fleet.site(host1=GONE)
    assert told(both)[0] == "2 hosts: 1 changed, 1 unreachable."
    assert (fleet.folder / "localhost" / "site" / "v1").is_dir()


def test_a_run_that_ends_early_leaves_a_report_that_says_so(fleet: Fleet) -> None:
    fleet.variables["anchorage_report_file"] = str(fleet.file)
    assert fleet.site(host1={}).status == 0
    assert fleet.report()["complete"]
    assert fleet.site("--limit=host1", host1=GONE).status == 4
    assert (fleet.report()["complete"], fleet.report()["hosts"]) == (False, {})


def test_a_report_that_cannot_be_written_ends_the_run_before_anything_is_made(fleet: Fleet) -> None:
    fleet.variables["anchorage_report_file"] = str(fleet.folder / "nowhere" / "report.json")
    run = fleet.site(host1={})
    assert run.status == 2
    assert f"file: {fleet.folder}/nowhere/report.json cannot be written: No such file or directory" in run.output
    assert not (fleet.folder / "authority").exists()


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_no_file_is_left_alone(fleet: Fleet, kind: str) -> None:
    """Another user's link would have root replace any file, and a device would be gone."""
    kept = fleet.folder / "kept"
    kept.write_text("kept")
    make = {
        "link": lambda: fleet.file.symlink_to(kept),
        "pipe": lambda: os.mkfifo(fleet.file),
        "folder": fleet.file.mkdir,
    }
    make[kind]()
    before = fleet.file.lstat()
    fleet.variables["anchorage_report_file"] = str(fleet.file)
    run = fleet.site(host1={})
    assert run.status == 2
    assert f"file: {fleet.file} is not a regular file." in run.output
    assert os.path.samestat(fleet.file.lstat(), before)
    assert kept.read_text() == "kept"


def test_a_limit_is_kept_with_and_without_localhost_whatever_the_strategy(fleet: Fleet) -> None:
    hosts: dict[str, dict[str, object]] = {"host1": {}, "host2": {}, "host3": GONE, "host4": WRONG}
    fleet.variables["anchorage_report_file"] = "report.json"  # in the current folder
    fleet.controller.settings = {**fleet.controller.settings, "ANSIBLE_STRATEGY": "ansible.builtin.free"}
    both = fleet.site("--limit=localhost,host1,host3", **hosts)
    assert told(both)[0] == "2 hosts: 1 changed, 1 unreachable."
    assert outcomes(fleet.report()) == {"host1": "changed", "host3": "unreachable"}
    alone = fleet.site("--limit=host3,host2", **hosts)
    assert told(alone)[0] == "2 hosts: 1 changed, 1 unreachable."
    assert outcomes(fleet.report()) == {"host2": "changed", "host3": "unreachable"}
    fleet.variables["anchorage_hosts"] = ["host1", "host2"]
    chosen = fleet.site(**hosts)
    assert (chosen.status, told(chosen)) == (0, ["2 hosts: 2 unchanged."])


def test_what_a_hostile_host_says_is_shown_as_text(fleet: Fleet) -> None:
    interpreter = fleet.folder / "python3"
    interpreter.write_text(HOSTILE)
    interpreter.chmod(0o755)
    fleet.variables["anchorage_report_file"] = str(fleet.file)
    run = fleet.site(host1={"ansible_python_interpreter": str(interpreter)}, host2={})
    row = told(run)[3]
    assert row.split()[:3] == ["host1", "-", "failed"]
    assert row.isprintable()
    message = fleet.report()["hosts"]["host1"]["leaves"]["message"]
    assert message.splitlines() == [r"\x1b[2J\x9b31m one\r", r"two \u202e"]
    assert fleet.file.read_text(encoding="utf-8").replace("\n", "").isprintable()
