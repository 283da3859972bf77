# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook refresh_staples in real runs: who is contacted, with which keys, and who is named.

The hosts are this machine, each with a folder of its own. A staple is aged in the ledger.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.tests.playbooks.authorities import make_authority, make_due
from ansible_collections.anchorage.pki.tests.playbooks.fleets import Fleet
from ansible_collections.anchorage.pki.tests.playbooks.plays import Run, away
from ansible_collections.anchorage.pki.tests.unit.exposition import read_metrics

#: What a verbose run writes for each time that the host half is sent to a host.
CALL = re.compile(r"^Using module file \S+/leaf_deployment\.py", re.MULTILINE)


class RefreshedFleet(Fleet):
    """One whose staples can be made due."""

    def refresh(self, *options: str, hosts: int = 2, **variables: object) -> Run:
        return self.run("refresh_staples", "-vvv", *options, hosts=hosts, **variables)

    def generation(self, host: str) -> str:
        """The one in use."""
        return (self.folder / host / "site" / "current").readlink().name

    def age(self, *hosts: str) -> None:
        """Make the staples that hosts have due."""
        make_due(self.authority, *hosts)

    def due(self) -> set[str]:
        with open_ledger(self.authority / "ledger.sqlite3", read_only=True) as ledger:
            return {place.host for place in ledger.due_staples(datetime.now(timezone.utc))}


def calls(run: Run) -> int:
    """How often a host was called."""
    return len(CALL.findall(run.output))


@pytest.fixture
def fleet(folder_with_leaves: Path) -> RefreshedFleet:
    return RefreshedFleet(folder_with_leaves)


def test_only_hosts_whose_staple_is_due_are_contacted_and_with_the_responders_key_alone(fleet: RefreshedFleet) -> None:
    quiet = fleet.refresh()
    assert (quiet.status, calls(quiet)) == (0, 0), quiet.output
    assert "host1" not in quiet.output
    assert "WARNING" not in quiet.errors
    fleet.age("host1")
    for key in ("root/1/key.pem", "issuing/1/key.pem"):
        (fleet.authority / key).rename(fleet.folder / key.replace("/", "-"))
    checked = fleet.refresh("--check", "--diff")
    assert (checked.status, calls(checked)) == (0, 1), checked.output
    assert "+site: generation 2, the same leaf with a new staple (half of the staple's lifetime is over" in checked.text
    assert (fleet.due(), fleet.generation("host1")) == ({"host1"}, "v1")
    done = fleet.refresh()
    assert (done.status, calls(done)) == (0, 2), done.output
    assert [fleet.generation(host) for host in ("host1", "host2")] == ["v2", "v1"]
    assert "host2" not in done.output
    assert "WARNING" not in done.errors
    again = fleet.refresh()
    assert (again.status, calls(again)) == (0, 0), again.output


def test_a_host_that_cannot_be_reached_stays_due(fleet: RefreshedFleet) -> None:
    fleet.age("host1", "host2")
    for _run in range(2):
        run = fleet.refresh(**away("host1"))
        assert (run.status, fleet.due()) == (4, {"host1"}), run.output
        assert "unreachable=1" in run.output
        assert fleet.generation("host2") == "v2"
    assert fleet.refresh().status == 0
    assert fleet.due() == set()


def test_what_the_inventory_does_not_know_is_named_and_left_alone(fleet: RefreshedFleet) -> None:
    fleet.age("host1", "host2")
    run = fleet.refresh(hosts=1, leaf_certificate_certificates=[{"name": "other", "names": ["other.test"]}])
    assert (run.status, calls(run)) == (0, 0), run.output
    assert f"due, on hosts that are not in the inventory: {fleet.folder}/host2/site on host2" in run.text
    assert (
        "host1: staples are due of leaf certificates that the inventory does not name. If a play of your own"
        in run.text
    )
    assert f"state absent: {fleet.folder}/host1/site" in run.text
    assert fleet.due() == {"host1", "host2"}


def test_a_part_of_the_hosts_can_be_chosen(fleet: RefreshedFleet) -> None:
    fleet.age("host1", "host2")
    run = fleet.refresh(anchorage_hosts="host2")
    assert (run.status, fleet.due()) == (0, {"host1"}), run.output
    assert "not in the inventory" not in run.output


def test_a_leaf_that_would_have_to_be_new_stays_and_is_named(fleet: RefreshedFleet) -> None:
    fleet.age("host1")
    run = fleet.refresh(leaf_certificate_certificates=[{"name": "site", "names": ["changed.test"]}])
    assert (run.status, fleet.due(), fleet.generation("host1")) == (0, set(), "v2"), run.output
    assert "site on host1 needs another leaf, and this task issues none: the names change from [site.test]" in " ".join(
        run.errors.split()
    )
    assert "Run the playbook anchorage.pki.issue." in run.text


def test_without_an_authority_nothing_is_said_to_be_fine(fleet: RefreshedFleet) -> None:
    run = fleet.refresh(anchorage_authority=str(fleet.folder / "elsewhere"))
    assert run.status == 2
    assert f"There is no authority in {fleet.folder}/elsewhere." in run.text


def test_from_two_weeks_before_the_responder_ends_runs_warn(private_folder: Path) -> None:
    """While they still renew staples."""
    fleet = RefreshedFleet(private_folder)
    make_authority(fleet.authority, made=datetime.now(timezone.utc) - timedelta(days=17))
    warning = "The OCSP responder of issuing authority 1 ends on 20"
    issued = fleet.run("issue", hosts=1)
    assert (issued.status, warning in issued.text) == (0, True), issued.errors
    quiet = fleet.refresh(hosts=1)
    assert (quiet.status, calls(quiet)) == (0, 0), quiet.output
    assert warning in quiet.text
    assert "Run certificate_authority, which renews it; that needs the key" in quiet.text
    fleet.age("host1")
    assert fleet.refresh(hosts=1).status == 0
    assert fleet.due() == set()


def failures(metrics: Path) -> dict[str, tuple[int, int]]:
    """By host, whether the file says that the last run failed, and how many in a row have."""
    read = read_metrics(metrics.read_text(encoding="utf-8"))
    in_a_row = read["anchorage_staple_refresh_consecutive_failures"]
    return {
        dict(labels)["host"]: (failed, in_a_row[labels])
        for labels, failed in read["anchorage_staple_refresh_failed"].items()
    }


def test_metrics_say_what_was_renewed_and_what_failed(fleet: RefreshedFleet) -> None:
    metrics = fleet.folder / "metrics.prom"
    fleet.variables["anchorage_metrics_file"] = str(metrics)
    quiet = fleet.refresh()
    assert quiet.status == 0, quiet.output
    assert quiet.output.count("changed=0 ") == 1
    assert failures(metrics) == {"host1": (0, 0), "host2": (0, 0)}
    assert metrics.stat().st_mode & 0o777 == 0o644
    fleet.age("host1", "host2")
    before = metrics.read_bytes()
    assert fleet.refresh("--check").status == 0
    assert metrics.read_bytes() == before

    assert fleet.refresh(**away("host1", "host2")).status == 4
    assert failures(metrics) == {"host1": (1, 1), "host2": (1, 1)}
    assert fleet.refresh(**away("host1")).status == 4
    assert failures(metrics) == {"host1": (1, 2), "host2": (0, 0)}
    assert fleet.refresh(anchorage_hosts="host2").status == 0
    assert failures(metrics) == {"host1": (1, 2), "host2": (0, 0)}
    assert fleet.refresh(leaf_certificate_owner="no-such-user").status == 2
    assert failures(metrics) == {"host1": (1, 3), "host2": (0, 0)}
    assert fleet.refresh().status == 0
    assert failures(metrics) == {"host1": (0, 0), "host2": (0, 0)}
    assert [path.name for path in fleet.folder.glob("metrics*")] == ["metrics.prom"]


def test_metrics_that_cannot_be_written_end_the_run(fleet: RefreshedFleet) -> None:
    run = fleet.refresh(anchorage_metrics_file=str(fleet.folder / "nowhere" / "metrics.prom"))
    assert run.status == 2
    assert f"{fleet.folder}/nowhere" in run.output


def test_a_limit_that_leaves_out_the_ledger_is_a_failure(fleet: RefreshedFleet) -> None:
    fleet.age("host1")
    limited = fleet.refresh("--limit=host1")
    assert (limited.status, calls(limited)) == (2, 0), limited.output
    assert "name localhost too, as in --limit host1,localhost" in limited.text
    both = fleet.refresh("--limit=host1,localhost", "--check")
    assert (both.status, calls(both)) == (0, 1), both.output
