# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook rotate_authority in real runs: from its begin to its end, each state looked at, killed, checked, left.

The hosts are this machine, each with a folder of its own. Where their trust matters, it is that of a copy of the
machine's store; elsewhere no store is looked at, and the test enters what hosts have shown.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import IO

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.tests.playbooks.ansible_playbook import PROGRAM
from ansible_collections.anchorage.pki.tests.playbooks.authorities import make_authority
from ansible_collections.anchorage.pki.tests.playbooks.copied_stores import MountingController, can_copy_stores
from ansible_collections.anchorage.pki.tests.playbooks.plays import Controller, Run, away
from ansible_collections.anchorage.pki.tests.playbooks.rotating_fleets import HOSTS, RotatingFleet

pytestmark = pytest.mark.long

AT_ONCE = {"anchorage_rotate_overlap_days": 0}
ON_ITS_WAY = [state for state in State if state not in (State.DONE, State.ABORTED)]
OF_0_2_0 = Path(__file__).resolve().parents[1] / "unit" / "authority_0_2_0" / "authority"
with_stores = pytest.mark.skipif(
    not can_copy_stores(), reason="needs root, mount namespaces and Debian's package ca-certificates"
)


class KilledController(Controller):
    """A controller whose run is killed, as by the kernel, once it writes certain words."""

    words = ""

    def execute(
        self, arguments: list[str | Path], environment: dict[str, str], output: IO[str], errors: IO[str]
    ) -> int:
        if not self.words:
            return super().execute(arguments, environment, output, errors)
        command = [PROGRAM, *arguments]
        with subprocess.Popen(
            command,
            env=environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        ) as run:
            assert run.stdout is not None
            for line in run.stdout:
                output.write(line)
                if self.words in line:
                    os.killpg(run.pid, signal.SIGKILL)
        return run.returncode


@pytest.fixture
def fleet(private_folder: Path) -> RotatingFleet:
    """Hosts that have no store to be looked at, and no leaf yet."""
    made = RotatingFleet(private_folder, KilledController)
    make_authority(made.authority)
    made.variables |= {"trust_anchor_stores": []}
    return made


@pytest.fixture
def leafy(folder_with_leaves: Path) -> RotatingFleet:
    """Hosts that have leaves besides."""
    made = RotatingFleet(folder_with_leaves, KilledController)
    made.variables |= {"trust_anchor_stores": []}
    return made


@pytest.fixture
def trusting(private_folder: Path) -> RotatingFleet:
    """Hosts that have leaves, and trust the authority, all in one copy of this machine's store."""
    made = RotatingFleet(private_folder, MountingController)
    make_authority(made.authority)
    made.variables |= {"trust_anchor_stores": ["system"]}
    for playbook in ("trust", "issue"):
        run = made.run(playbook)
        assert run.status == 0, run.output
    return made


def unchanged(run: Run) -> bool:
    return run.status == 0 and run.output.count("changed=0 ") == run.output.count(" changed=")


def trusted(fleet: RotatingFleet) -> list[int]:
    """The numbers of the authority's roots that the copied store has."""
    bundle = next(fleet.folder.glob("store*/certs/ca-certificates.crt")).read_text()
    roots = fleet.read().roots
    pems = {root.number: (root.folder / "certificate.pem").read_text().strip() for root in roots}
    return [number for number, pem in pems.items() if pem in bundle]


@with_stores
def test_the_whole_way(trusting: RotatingFleet) -> None:
    status = trusting.rotate(None)
    assert unchanged(status), status.output
    assert (
        "no rotation of it has begun. Begin: ansible-playbook -i INVENTORY anchorage.pki.rotate_authority"
        in status.text
    )
    refused = trusting.rotate("continue")
    assert (refused.status, "has begun. Begin one first." in refused.text) == (2, True), refused.output

    begun = trusting.rotate("begin", anchorage_rotate_reason="it is old")
    assert (begun.status, trusting.state) == (0, "planned"), begun.output
    assert "Counted: 2 hosts: host1, host2" in begun.text
    assert unchanged(trusting.rotate("begin"))

    went_on = trusting.rotate("continue")
    assert (went_on.status, trusting.state, trusted(trusting)) == (0, "draining", [1, 2]), went_on.output
    assert "Next: purging, once the old root has stayed until" in went_on.text
    assert [trusting.is_below(host) for host in HOSTS] == [2, 2]
    assert [trusting.accepting(host) for host in HOSTS] == [["old", "new", "both"]] * 2
    waits = trusting.rotate("continue")
    assert unchanged(waits), waits.output
    late = trusting.rotate("abort")
    assert (late.status, trusting.state) == (2, "draining"), late.output
    assert "leaves below the new root are in use, and it only goes forward" in late.text

    ended = trusting.rotate("continue", **AT_ONCE)
    assert (ended.status, trusting.state, trusted(trusting)) == (0, "done", [2]), ended.output
    assert "-private key: " in ended.output
    assert not (trusting.authority / "root" / "1" / "key.pem").exists()
    assert "The keys of issuing authority 1 stay until its last leaf has ended" in ended.text
    for again in (trusting.rotate("continue"), trusting.rotate(None), trusting.run("trust"), trusting.run("issue")):
        assert unchanged(again), again.output


@with_stores
def test_what_is_given_up_goes_from_the_hosts(trusting: RotatingFleet) -> None:
    assert trusting.rotate("begin").status == 0
    halted = trusting.rotate("continue", **away("host2"))
    assert (halted.status, trusting.state, trusted(trusting)) == (2, "distributing", [1, 2]), halted.output
    assert "host2 did not follow: it was not reached. Mend that, and run the same command again, or have" in halted.text
    assert "Waits for 1 host: host2: it has not shown yet what it trusts" in halted.text
    assert trusting.accepting("host1") == ["old", "both"]
    off = trusting.rotate("abort", **away("host1"))
    assert (off.status, trusting.state) == (2, "aborted"), off.output
    assert "host1 did not follow: it was not reached. Mend that, and run the same command again." in off.text
    assert "Who trusts the new root still, as far as is known: host1" in off.text
    again = trusting.rotate("abort")
    assert (again.status, trusted(trusting)) == (0, [1]), again.output
    assert "Who trusts the new root still" not in again.text
    assert unchanged(trusting.rotate("abort"))
    former = trusting.serial("host1")
    issued = trusting.run("issue", leaf_certificate_certificates=[{"name": "site", "names": ["site.test", "new.test"]}])
    assert (issued.status, trusting.accepting("host1")) == (0, ["old", "both"]), issued.output
    assert trusting.serial("host1") != former


@with_stores
def test_an_emergency(trusting: RotatingFleet) -> None:
    begun = trusting.rotate("begin", anchorage_rotate_compromised=True)
    assert begun.status == 0, begun.output
    for word in ("host1: trusts it, as far as is known", "Skipped in an emergency: There is no cross certificate"):
        assert word in begun.text
    halted = trusting.rotate("continue", **away("host2"))
    assert (halted.status, trusting.state, trusted(trusting)) == (2, "switching", [2]), halted.output
    assert [trusting.is_below(host) for host in HOSTS] == [2, 1]
    # Clients of the old root alone are refused by each host that has followed, which is said before and after.
    assert [trusting.accepting(host) for host in HOSTS] == [["new", "both"], ["old", "both"]]
    for said in (begun, halted):
        assert "clients that know the old root alone refuse leaves of the new one" in said.text
    assert "Who trusts the old root still, or may: host2: trusts it" in halted.text
    assert "host1: trusts it" not in halted.text
    ended = trusting.rotate("continue")
    assert (ended.status, trusting.state, trusting.is_below("host2")) == (0, "done", 2), ended.output
    assert trusting.accepting("host2") == ["new", "both"]
    assert not (trusting.authority / "root" / "2" / "cross.pem").exists()


@with_stores
def test_a_development_machine_follows(private_folder: Path) -> None:
    """Without an inventory. What is there for the user stays so, whatever the machine has besides."""
    machine = RotatingFleet(private_folder, MountingController)
    machine.variables = {
        "anchorage_authority": str(machine.authority),
        "trust_anchor_stores": ["system"],
        "dev_machine_destination": str(private_folder / "localhost"),
        "dev_machine_name": "site",
        "dev_machine_names": ["mine.localhost"],
        "dev_machine_renewal": False,
    }
    made = machine.run("dev_machine", hosts=0)
    assert (made.status, trusted(machine), machine.is_below("localhost")) == (0, [1], 1), made.output
    begun = machine.rotate("begin", hosts=0)
    assert begun.status == 0, begun.output
    assert "Counted: 1 host: localhost" in begun.text
    went_on = machine.rotate("continue", hosts=0)
    assert (went_on.status, machine.state, trusted(machine)) == (0, "draining", [1, 2]), went_on.output
    assert machine.is_below("localhost") == 2
    assert unchanged(machine.run("dev_machine", hosts=0))
    ended = machine.rotate("continue", hosts=0, **AT_ONCE)
    assert (ended.status, machine.state, trusted(machine)) == (0, "done", [2]), ended.output


def test_without_an_inventory_no_machine_is_visited_that_is_not_for_development(leafy: RotatingFleet) -> None:
    """As where one is forgotten: that the controller trusts the root was never asked for."""
    leafy.have(State.SWITCHING)
    forgotten = leafy.rotate("continue", hosts=0)
    assert (forgotten.status, leafy.state) == (0, "switching"), forgotten.output
    assert "Counted: 2 hosts: host1, host2" in forgotten.text
    assert [leafy.is_below(host) for host in HOSTS] == [1, 1]
    assert "TASK [anchorage.pki.trust_anchor : " not in forgotten.output


def test_a_development_machine_that_does_not_follow_is_named(private_folder: Path) -> None:
    machine = RotatingFleet(private_folder)
    make_authority(machine.authority)
    machine.variables = {
        "anchorage_authority": str(machine.authority),
        "trust_anchor_stores": [],
        "dev_machine_destination": str(private_folder / "localhost"),
        "dev_machine_name": "site",
        "dev_machine_renewal": False,
    }
    assert machine.run("dev_machine", "--skip-tags=trust", hosts=0).status == 0
    machine.have(State.SWITCHING)
    failed = machine.rotate("continue", hosts=0, dev_machine_names=["www.example.org"])
    assert (failed.status, machine.state) == (2, "switching"), failed.output
    assert "localhost did not follow: " in failed.text


@with_stores
def test_the_doctor_shows_both_roots_and_one_that_should_be_gone(trusting: RotatingFleet) -> None:
    trusting.have(State.SWITCHING)
    lacking = trusting.run("doctor", hosts=1)
    old = trusting.read().roots[0].certificate.subject.rfc4514_string()
    assert f"To be trusted as well: {old} (" in lacking.text
    assert "host1 debian absent " in lacking.text
    assert f"host1 debian, {old} trusted " in lacking.text
    with open_ledger(trusting.authority / "ledger.sqlite3") as ledger, ledger.transaction():
        ledger.rotations.move(ledger.rotations.all()[-1], State.PURGING, datetime.now(timezone.utc))
    remedy = "run the playbook anchorage.pki.trust with trust_anchor_purge_superseded=true"
    trusted_both = trusting.run("trust", hosts=1)
    assert (trusted_both.status, trusted(trusting)) == (0, [1, 2]), trusted_both.output
    assert f"is still installed: {remedy}." in trusted_both.text
    shown = trusting.run("doctor", hosts=1)
    assert f"To be trusted no more: {old} (" in shown.text
    assert f"host1 debian, {old} superseded " in shown.text
    purged = trusting.run("trust", hosts=1, trust_anchor_purge_superseded=True)
    assert (purged.status, trusted(trusting)) == (0, [2]), purged.output
    for gone in (purged, trusting.run("doctor", hosts=1)):
        assert remedy not in gone.text


def test_a_host_that_is_off_is_named_and_left_out(leafy: RotatingFleet) -> None:
    leafy.have(State.DISTRIBUTING)
    leafy.prove({1: "trusted", 2: "trusted"}, "host1")
    for _run in range(2):
        halted = leafy.rotate("continue", **away("host2"))
        assert (halted.status, leafy.state) == (2, "distributing"), halted.output
        assert "host2 did not follow: it was not reached." in halted.text
        assert "Leave a host out: ansible-playbook" in halted.text
    unknown = leafy.rotate("leave_out", anchorage_rotate_host="host3", anchorage_rotate_reason="a slip")
    assert unknown.status == 2
    assert "does not wait for 'host3'. The hosts that it counts: host1, host2." in unknown.text
    named = {"anchorage_rotate_host": "host2", "anchorage_rotate_reason": "scrapped in May"}
    left = leafy.rotate("leave_out", **named)
    assert left.status == 0, left.output
    assert "Left out, not waited for: host2: scrapped in May" in left.text
    assert unchanged(leafy.rotate("leave_out", **named))

    went_on = leafy.rotate("continue", **AT_ONCE, **away("host2"))
    assert (went_on.status, leafy.state) == (0, "purging"), went_on.output
    assert "host2 did not follow, and is not waited for: it was not reached." in went_on.text
    assert [leafy.is_below(host) for host in HOSTS] == [2, 1]
    back = leafy.rotate("continue", **AT_ONCE)
    assert (back.status, leafy.state) == (0, "purging"), back.output
    assert [leafy.is_below(host) for host in HOSTS] == [2, 2]
    leafy.prove({1: "absent"}, "host1")
    ended = leafy.rotate("continue", **AT_ONCE)
    assert (ended.status, leafy.state) == (0, "done"), ended.output
    assert "host2: has not shown yet whether it trusts it" in ended.text
    assert "ansible-playbook -i INVENTORY anchorage.pki.site -e trust_anchor_purge_superseded=true" in ended.text


@pytest.mark.parametrize("state", [State.DISTRIBUTING, State.PURGING])
def test_a_run_that_names_no_host_ends_nothing(fleet: RotatingFleet, state: State) -> None:
    """A misspelled pattern; the hosts have no leaves, so that the ledger knows none of them."""
    fleet.have(state)
    misspelled = fleet.rotate("continue", anchorage_hosts="hsot*")
    assert (misspelled.status, fleet.state) == (0, state.value), misspelled.output
    assert "No host is named that has to follow, as without an inventory" in misspelled.text
    fleet.prove({1: "trusted", 2: "trusted"} if state is State.DISTRIBUTING else {1: "absent"}, *HOSTS)
    assert fleet.rotate("continue").status == 0
    assert fleet.state != state.value


def test_what_was_said_is_kept_or_taken_back(fleet: RotatingFleet) -> None:
    assert fleet.rotate("begin", anchorage_rotate_overlap_days=30).status == 0
    named = {"anchorage_rotate_host": "host2"}
    left = fleet.rotate("leave_out", **named, anchorage_rotate_reason="a slip")
    assert "Wait for one again: ansible-playbook -i INVENTORY" in left.text
    assert "Overlap: 30 days, for which the old root stays" in left.text
    back = fleet.rotate("wait_for", **named)
    assert (back.status, "-not waited for: host2 (a slip)" in back.output) == (0, True), back.output
    assert unchanged(fleet.rotate("wait_for", **named))
    shortened = fleet.rotate("continue", **AT_ONCE)
    assert (shortened.status, fleet.state) == (0, "distributing"), shortened.output
    assert "From now on the old root stays for 0 days" in shortened.text
    assert "\n-overlap: 30 days\n" in shortened.output
    assert "\n+overlap: 0 days\n" in shortened.output
    assert "Overlap: 0 days" in fleet.rotate(None).text


def test_what_would_end_a_run_half_way_is_refused_at_its_beginning(fleet: RotatingFleet) -> None:
    fleet.have(State.SWITCHING)
    for options, variables, refusal in (
        (["--tags=trust"], {}, "limited by --tags trust, and a rotation goes on by the whole playbook alone."),
        ([], {"anchorage_rotate_batch": "ten"}, "anchorage_rotate_batch: give a number of hosts or a percentage"),
        ([], {"anchorage_rotate_batch": [1, "10 %"]}, "anchorage_rotate_batch: give a number of hosts or a percentage"),
    ):
        refused = fleet.rotate("continue", *options, **variables)
        assert (refused.status, fleet.state) == (2, "switching"), refused.output
        assert refusal in refused.text
    went_on = fleet.rotate("continue", "--skip-tags=anchorage.pki.variables", anchorage_rotate_batch=[1, "50%"])
    assert (went_on.status, fleet.state) == (0, "draining"), went_on.output


def test_a_host_that_fails_keeps_no_other_one(leafy: RotatingFleet) -> None:
    """In batches of one, the first of which fails as a whole."""
    leafy.have(State.SWITCHING)
    wrong = "{{ 0 if inventory_hostname == 'host1' else 90 }}"
    failed = leafy.rotate("continue", leaf_certificate_lifetime=wrong, anchorage_rotate_batch=1)
    assert (failed.status, leafy.state) == (2, "switching"), failed.output
    assert [leafy.is_below(host) for host in HOSTS] == [1, 2]
    assert "host1 did not follow: " in failed.text
    assert (
        f"Waits for 1 host: host1: {leafy.folder}/host1/site is, or may be, a leaf that is not below the new root"
        in failed.text
    )
    mended = leafy.rotate("continue")
    assert (mended.status, leafy.state) == (0, "draining"), mended.output


def test_a_leaf_counts_whose_issuing_authority_is_kept_elsewhere(leafy: RotatingFleet) -> None:
    leafy.have(State.SWITCHING)
    (leafy.authority / "issuing" / "1").rename(leafy.folder / "elsewhere")
    limited = leafy.rotate("continue", "--limit=host1,localhost")
    assert (limited.status, leafy.state) == (0, "switching"), limited.output
    blocker = f"Waits for 1 host: host2: {leafy.folder}/host2/site is, or may be, a leaf that is not below the new root"
    assert blocker in limited.text
    ended = leafy.rotate("continue")
    assert (ended.status, leafy.state) == (0, "draining"), ended.output
    assert [leafy.is_below(host) for host in HOSTS] == [2, 2]


def test_a_limit_narrows_who_is_visited_and_not_who_counts(leafy: RotatingFleet) -> None:
    leafy.have(State.SWITCHING)
    alone = leafy.rotate("continue", "--limit=host1")
    assert (alone.status, leafy.state) == (2, "switching"), alone.output
    assert "name localhost too, as in --limit host1,localhost" in alone.text
    limited = leafy.rotate("continue", "--limit=host1,localhost")
    assert (limited.status, leafy.state) == (0, "switching"), limited.output
    assert [leafy.is_below(host) for host in HOSTS] == [2, 1]
    assert "Waits for 1 host: host2: " in limited.text
    assert "Counted: 2 hosts: host1, host2" in limited.text


def test_a_run_that_names_fewer_hosts_forgets_none(fleet: RotatingFleet) -> None:
    assert fleet.rotate("begin").status == 0
    narrow = fleet.rotate("continue", anchorage_hosts="host1")
    assert (narrow.status, fleet.state) == (0, "distributing"), narrow.output
    fleet.prove({1: "trusted", 2: "trusted"}, "host1")
    again = fleet.rotate("continue", anchorage_hosts="host1")
    assert (again.status, fleet.state) == (0, "distributing"), again.output
    assert "Waits for 1 host: host2: it has not shown yet what it trusts" in again.text


@pytest.mark.parametrize("state", ON_ITS_WAY)
def test_check_mode_changes_nothing(leafy: RotatingFleet, state: State) -> None:
    leafy.have(state)
    leafy.prove({1: "trusted"} if state is State.PLANNED else {1: "trusted", 2: "trusted"}, *HOSTS)
    before = leafy.kept()
    for step in ("continue", None, "begin"):
        checked = leafy.rotate(step, "--check", "--diff")
        assert checked.status == 0, checked.output
        assert f"State: {state.value} (" in checked.text
    checked = leafy.rotate("continue", "--check")
    foreseen = {State.PLANNED: "distributing", State.MADE: "switching", State.DISTRIBUTING: "switching"}
    if state in foreseen:
        assert f"-state: {state.value}\n+state: {foreseen[state]}" in checked.output
    else:
        assert "state: " not in checked.output.replace("State: ", "")
    assert leafy.kept() == before


@pytest.mark.parametrize("state", ON_ITS_WAY)
def test_it_can_be_given_up_before_the_switch(fleet: RotatingFleet, state: State) -> None:
    fleet.have(state)
    # No host has the new root before it is distributed, and so none is needed.
    early = state in (State.PLANNED, State.MADE)
    hosts = away(*HOSTS) if early else {}
    run = fleet.rotate("abort", **hosts)
    if early or state is State.DISTRIBUTING:
        assert (run.status, fleet.state) == (0, "aborted"), run.output
        assert ("It was given up before any host was to trust another root." in run.text) == early
        assert unchanged(fleet.rotate("abort", **hosts))
        assert unchanged(fleet.run("authority"))
        return
    assert (run.status, fleet.state) == (2, state.value), run.output
    assert f"The rotation is {state.value}: leaves below the new root are in use" in run.text


def words_of(state: State) -> str:
    """What a run writes when it does what the state is about."""
    return {
        State.PLANNED: "TASK [Take the step, or say why",
        State.MADE: "TASK [Take the step, or say why",
        State.DISTRIBUTING: "TASK [anchorage.pki.trust_anchor : Install",
        State.SWITCHING: "TASK [anchorage.pki.leaf_certificate : Issue",
        State.DRAINING: "PLAY [Go on to the end",
        State.PURGING: "PLAY [Have the hosts lose",
    }[state]


@pytest.mark.parametrize("state", ON_ITS_WAY)
def test_a_run_that_is_killed_is_continued_by_the_next(leafy: RotatingFleet, state: State) -> None:
    leafy.have(state)
    assert isinstance(leafy.controller, KilledController)
    leafy.controller.words = words_of(state)
    killed = leafy.rotate("continue", **AT_ONCE)
    assert killed.status == -signal.SIGKILL, killed.output
    leafy.controller.words = ""
    again = leafy.rotate("continue", **AT_ONCE)
    assert again.status == 0, again.output
    leafy.prove({1: "absent", 2: "trusted"}, *HOSTS)
    ended = leafy.rotate("continue", **AT_ONCE)
    assert (ended.status, leafy.state) == (0, "done"), ended.output
    assert [leafy.is_below(host) for host in HOSTS] == [2, 2]
    assert [root.number for root in leafy.read().roots] == [1, 2]


def test_two_runs_at_once(leafy: RotatingFleet) -> None:
    with ThreadPoolExecutor(2) as executor:
        begun = list(executor.map(leafy.rotate, ["begin", "begin"]))
    assert [run.status for run in begun] == [0, 0], [run.output for run in begun]
    with ThreadPoolExecutor(2) as executor:
        made = list(executor.map(leafy.rotate, ["continue", "continue"]))
    assert ([run.status for run in made], leafy.state) == ([0, 0], "distributing"), [run.output for run in made]
    assert [root.number for root in leafy.read().roots] == [1, 2]
    leafy.prove({1: "trusted", 2: "trusted"}, *HOSTS)
    with ThreadPoolExecutor(2) as executor:
        ended = list(executor.map(leafy.rotate, ["continue", "continue"]))
    assert leafy.state == "draining", [run.output for run in ended]
    assert [leafy.is_below(host) for host in HOSTS] == [2, 2]


def test_an_authority_of_0_2_0(fleet: RotatingFleet) -> None:
    shutil.rmtree(fleet.authority)
    shutil.copytree(OF_0_2_0, fleet.authority)
    for path in [fleet.authority, *fleet.authority.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    begun = fleet.rotate("begin")
    assert begun.status == 0, begun.output
    assert "From switching on, clients that know the old root alone refuse leaves of the new one" in begun.text
    made = fleet.rotate("continue")
    assert (made.status, fleet.state) == (0, "distributing"), made.output
    assert "From switching on, clients that know the old root alone refuse" in made.text
    assert not (fleet.authority / "root" / "2" / "cross.pem").exists()
    fleet.prove({1: "trusted", 2: "trusted"}, *HOSTS)
    switched = fleet.rotate("continue")
    assert (switched.status, fleet.state) == (0, "draining"), switched.output
    assert [fleet.is_below(host) for host in HOSTS] == [2, 2]
    assert [fleet.accepting(host) for host in HOSTS] == [["new", "both"]] * 2
