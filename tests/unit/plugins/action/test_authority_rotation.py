# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action authority_rotation from a task's arguments to the ledger and back: each step, twice, and in check mode."""

from __future__ import annotations

import getpass
import os
import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.anchorage.pki.plugins.action.authority_rotation import ActionModule
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proofs import Proof
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import carry_out, plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PassphraseError, PkiError
from ansible_collections.anchorage.pki.tests.unit.rotations import follow, rotated

OPEN = Passphrases()
PASSPHRASES = {"passphrase": "of the root and issuing", "responder_passphrase": "of the OCSP responder"}
STATES = [state for state in State if state is not State.ABORTED]


def make(folder: Path, passphrases: Passphrases = OPEN) -> Authority:
    now = datetime.now(timezone.utc)
    folder.mkdir(mode=0o700)
    return carry_out(plan_provisioning(folder, {}, "Rotated authority", now), passphrases, now)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return make(tmp_path / "authority")


def run(authority: Authority, check_mode: bool = False, **arguments: Any) -> dict[str, Any]:
    action = ActionModule.__new__(ActionModule)
    arguments["authority"] = str(authority.folder)
    mode = {"check_mode": check_mode, "diff": True}
    action._task = SimpleNamespace(args=arguments, async_val=0, environment=None, **mode)
    given = action.validate_argument_spec(action.ARGUMENT_SPEC, **action.CONDITIONS)[1]
    return action.act(given, {"inventory_hostname": "localhost"})


def prove(authority: Authority, host: str, states: dict[int, str]) -> None:
    """Have the ledger know what a host showed of the roots with these numbers."""
    now, roots = datetime.now(timezone.utc), {root.number: root for root in read_authority(authority.folder).roots}
    proofs = [Proof(roots[number].sha256, "system", "debian", state, "0" * 64) for number, state in states.items()]
    with open_ledger(authority.ledger_path) as ledger, ledger.transaction():
        ledger.proofs.enter(host, ledger.proofs.difference(host, proofs, ("system",), now), now)


def said(authority: Authority) -> dict[str, bytes]:
    """Every file of the authority, to see that nothing is written."""
    files = [path for path in authority.folder.rglob("*") if path.is_file() and "sqlite3-" not in path.name]
    return {str(path.relative_to(authority.folder)): path.read_bytes() for path in files}


def test_without_a_rotation_it_says_how_to_begin_one(authority: Authority) -> None:
    before = said(authority)
    result = run(authority)
    assert (result["state"], result["changed"], result["steps"], result["blockers"]) == ("none", False, [], [])
    assert "no rotation of it has begun" in result["lines"][0]
    assert "-i INVENTORY anchorage.pki.rotate_authority -e anchorage_rotate_step=begin" in result["lines"][1]
    with pytest.raises(PkiError, match=r"has begun. Begin one first"):
        run(authority, step="continue")
    for step, more in (("abort", {}), ("leave_out", {"host": "web1", "reason": "gone"})):
        with pytest.raises(PkiError, match=r"No rotation of the root .* is on its way"):
            run(authority, step=step, **more)
    (authority.folder / "lock").unlink()
    assert said(authority) == before


def test_each_step_twice_and_before_that_in_check_mode(authority: Authority) -> None:
    hosts = ["web1", "web2"]

    def steps(step: str, **options: Any) -> tuple[list[str], dict[str, Any]]:
        before = said(authority)
        checked = run(authority, True, step=step, hosts=hosts, **options)
        assert said(authority) == before
        done = run(authority, step=step, hosts=hosts, **options)
        assert [checked[key] for key in ("steps", "changed", "removed_keys")] == [
            done[key] for key in ("steps", "changed", "removed_keys")
        ]
        assert checked["diff"] == done["diff"]
        again = run(authority, step=step, hosts=hosts, **options)
        assert (again["changed"], again["steps"]) == (False, [])
        assert {key: again[key] for key in ("state", "blockers", "counted", "lines")} == {
            key: done[key] for key in ("state", "blockers", "counted", "lines")
        }
        return done["steps"], done

    assert steps("begin", reason="it ends soon")[0] == ["planned"]
    taken, done = steps("continue")
    assert (taken, done["next_state"]) == (["made", "distributing"], "switching")
    assert done["blockers"] == [{"host": host, "reason": "it has not shown yet what it trusts"} for host in hosts]
    prove(authority, "web1", {1: "trusted", 2: "trusted"})
    _taken, done = steps("leave_out", host="web2", reason="scrapped")
    assert done["changed"]
    assert done["exceptions"] == [{"host": "web2", "reason": "scrapped"}]
    assert steps("continue", overlap_days=0)[0] == ["switching", "draining", "purging"]
    with pytest.raises(PkiError, match=r"is purging: .* only goes forward"):
        run(authority, step="abort", hosts=hosts)
    prove(authority, "web1", {1: "absent", 2: "trusted"})
    taken, done = steps("continue")
    assert taken == ["done"]
    old = authority.folder
    assert done["removed_keys"] == [
        str(old / path / "key.pem") for path in ("root/1", "issuing/1", "issuing/1/responder/1")
    ]
    assert all((Path(path).with_name("certificate.pem")).exists() for path in done["removed_keys"])
    assert not any(Path(path).exists() for path in done["removed_keys"])
    assert done["diff"]["before"].startswith("state: purging\nprivate key: ")
    assert done["diff"]["after"] == "state: done\n"
    assert done["still_trusting"] == ["web2"]
    assert steps("begin", reason="once more")[0] == ["planned"]


def test_it_begins_with_what_the_new_root_is_to_bring(authority: Authority) -> None:
    wide = {"permitted_domains": ["localhost", "local", "test", "internal", "home.arpa", "corp.example"]}
    before = said(authority)
    for options, words in (
        ({"permitted_domains": ["corp.example"]}, "no longer permits localhost, local"),
        ({"unconstrained": False, "permitted_networks": ["10.0.0.0/8"]}, "mutually exclusive"),
    ):
        with pytest.raises((PkiError, AnsibleActionFail), match=words):
            run(authority, step="begin", **options)
    assert run(authority, True, step="begin", **wide)["steps"] == ["planned"]
    (authority.folder / "lock").unlink()
    assert said(authority) == before
    result = run(authority, step="begin", **wide)
    assert set(result["brings"]["permitted_domains"]) == set(wide["permitted_domains"])
    assert (
        "Brings: permitted_domains: localhost, local, test, internal, home.arpa, corp.example, from switching on"
        in (result["lines"])
    )
    assert not run(authority, step="begin", **wide)["changed"]
    for check_mode in (True, False):
        with pytest.raises(PkiError, match="does not bring what the options ask for"):
            run(authority, check_mode, step="begin", unconstrained=True)
    assert run(authority, step="continue", **wide)["state"] == "distributing"
    follow(authority, datetime.now(timezone.utc))
    assert run(authority, step="continue", **wide, hosts=["web1"])["brings"] is None
    after = read_authority(authority.folder)
    assert after.policy.constraints is not None
    assert set(after.policy.constraints.domains) == set(wide["permitted_domains"])
    assert not (authority.folder / "policy.next.json").exists()


@pytest.mark.parametrize("state", STATES)
def test_status_and_check_mode_write_nothing(authority: Authority, state: State) -> None:
    now = datetime.now(timezone.utc)
    rotating = rotated(authority, state, now)
    before = said(rotating)
    assert run(rotating)["state"] == state.value
    checked = run(rotating, True, step="continue", hosts=["web1"])
    assert (checked["state"], said(rotating)) == (state.value, before)
    foreseen = {State.PLANNED: ["made", "distributing"], State.MADE: ["distributing"], State.SWITCHING: ["draining"]}
    assert checked["steps"] == foreseen.get(state, [])


@pytest.mark.parametrize("state", [State.PLANNED, State.MADE, State.DISTRIBUTING])
def test_what_is_given_up_leaves_no_key(authority: Authority, state: State) -> None:
    rotating = rotated(authority, state, datetime.now(timezone.utc))
    coming = list(rotating.folder.glob("*/2/**/key.pem"))
    assert len(coming) == (0 if state is State.PLANNED else 3)
    given_up = run(rotating, step="abort")
    assert (given_up["steps"], sorted(given_up["removed_keys"])) == (["aborted"], sorted(map(str, coming)))
    assert not any(path.exists() for path in coming)
    assert not run(rotating, step="abort")["changed"]
    assert not run(rotating, step="continue")["changed"]
    # All else goes on without the keys.
    assert not plan_provisioning(rotating.folder, {}, "", datetime.now(timezone.utc)).steps
    assert run(rotating, step="begin")["steps"] == ["planned"]
    assert run(rotating, step="continue", hosts=["web1"])["state"] == "distributing"


def test_keys_that_a_killed_run_left_are_removed_by_the_next(authority: Authority) -> None:
    rotating = rotated(authority, State.DISTRIBUTING, datetime.now(timezone.utc))
    kept = rotating.folder / "kept"
    shutil.copytree(rotating.folder / "root" / "2", kept)
    run(rotating, step="abort")
    left = rotating.folder / "root" / "2" / "key.pem"
    (kept / "key.pem").rename(left)
    named = run(rotating)["lines"]
    at = named.index("Private keys that nothing needs any more:")
    assert named[at + 1] == f"  {left}"
    assert named[at + 2].startswith("Remove these keys: ansible-playbook ")
    assert named[at + 2].endswith(" -e anchorage_rotate_step=continue")
    again = run(rotating, step="abort")
    assert (again["changed"], again["removed_keys"]) == (True, [str(left)])
    assert "Private keys that nothing needs any more:" not in again["lines"]


def test_keys_whose_last_leaf_has_ended_since_are_named_and_removed(authority: Authority) -> None:
    rotating = rotated(authority, State.DONE, datetime.now(timezone.utc))
    left = [rotating.folder / name / "key.pem" for name in ("root/1", "issuing/1", "issuing/1/responder/1")]
    lines = run(rotating)["lines"]
    assert [f"  {key}" for key in left] == [line for line in lines if line.endswith("key.pem")]
    assert run(rotating, step="continue")["removed_keys"] == [str(key) for key in left]
    assert "Private keys that nothing needs any more:" not in run(rotating)["lines"]


def test_an_emergency_lists_what_it_skips_and_who_trusts_the_old_root(authority: Authority) -> None:
    prove(authority, "web1", {1: "trusted"})
    begun = run(authority, step="begin", compromised=True, hosts=["web1", "web2"])
    assert (begun["emergency"], begun["cross_certificate"]) == (True, False)
    (authority.root.folder / "key.pem").unlink()  # it is in other hands, and nobody needs it
    went_on = run(authority, step="continue", hosts=["web1", "web2"])
    assert went_on["steps"] == ["made", "switching", "purging"]
    assert went_on["still_trusting"] == ["web1", "web2"]
    lines = "\n".join(went_on["lines"])
    for line in (
        "as an emergency: the old root's key may be in other hands",
        "There is no cross certificate",
        "distributing: No host is waited for",
        "draining: The old root does not stay",
        "  web1: trusts it, as far as is known",
        "  web2: has not shown yet whether it trusts it",
    ):
        assert line in lines


def test_a_rotation_that_is_on_its_way_becomes_no_emergency_silently(authority: Authority) -> None:
    run(authority, step="begin")
    with pytest.raises(PkiError, match=r"is planned already, .* Abort it, then begin again with compromised"):
        run(authority, step="begin", compromised=True)
    run(authority, step="continue")
    follow(authority, datetime.now(timezone.utc))
    assert run(authority, step="continue", hosts=["web1"])["state"] == "draining"
    with pytest.raises(PkiError, match=r"is draining already, .* overlap_days 0"):
        run(authority, step="begin", compromised=True)


def test_passphrases_are_tried_before_anything_is_planned(tmp_path: Path) -> None:
    sealed = make(tmp_path / "sealed", Passphrases(*PASSPHRASES.values()))
    for wrong in ({}, {**PASSPHRASES, "passphrase": "another passphrase"}, {"passphrase": PASSPHRASES["passphrase"]}):
        with pytest.raises(PkiError):
            run(sealed, step="begin", **wrong)
    assert run(sealed)["state"] == "none"
    run(sealed, step="begin", **PASSPHRASES)
    with pytest.raises(PassphraseError):
        run(sealed, True, step="continue", **{**PASSPHRASES, "passphrase": "another passphrase"})
    result = run(sealed, step="continue", hosts=["web1"], **PASSPHRASES)
    assert result["state"] == "distributing"
    assert not any(secret in str(result) for secret in PASSPHRASES.values())
    assert b"ENCRYPTED" in (sealed.folder / "root" / "2" / "key.pem").read_bytes()
    run(sealed, step="abort")
    now = datetime.now(timezone.utc)
    plan = plan_provisioning(sealed.folder, {}, "", now + timedelta(days=29))
    assert [step.issuer for step in plan.steps] == [1]
    carry_out(plan, Passphrases(*PASSPHRASES.values()), now)


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ({"step": "continue", "compromised": True}, "compromised: goes with step=begin"),
        ({"reason": "why"}, "reason: goes with step=begin or step=leave_out"),
        ({"step": "begin", "host": "web1"}, "host: goes with step=leave_out or step=wait_for"),
        ({"step": "begin", "compromised": True, "reason": "stolen"}, "compromised is the reason already"),
        ({"step": "begin", "reason": "compromised"}, "Say compromised=true"),
        ({"step": "leave_out", "host": "web1", "reason": " "}, "reason: is empty. Say why the host is not waited for"),
        ({"step": "begin", "overlap_days": -1}, "overlap_days: is -1; give 0 to 3650 days"),
        ({"proof_days": 5000}, "proof_days: is 5000"),
        ({"proof_days": 1}, "proof_days: is 1; give 2 to 3650 days"),
        ({"overlap_days": 30}, "overlap_days: goes with step=begin or step=continue"),
        ({"step": "abort", "overlap_days": 0}, "overlap_days: goes with step=begin or step=continue"),
    ],
)
def test_options_that_make_no_sense_are_refused(authority: Authority, options: dict[str, Any], refusal: str) -> None:
    with pytest.raises(PkiError, match=refusal):
        run(authority, **options)


def test_who_left_a_host_out_is_entered(authority: Authority) -> None:
    run(authority, step="begin")
    run(authority, step="leave_out", host="web1", reason="scrapped", hosts=["web1"])
    with open_ledger(authority.ledger_path) as ledger:
        (row,) = ledger._connection.execute('SELECT host, reason, "by" FROM exceptions').fetchall()
    assert row == ("web1", "scrapped", getpass.getuser())


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_a_user_without_a_name_leaves_a_host_out(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """As in a container; Python reports it by either of these errors."""

    def nobody() -> str:
        raise error("uid not found")

    monkeypatch.setattr(getpass, "getuser", nobody)
    run(authority, step="begin")
    run(authority, step="leave_out", host="web1", reason="scrapped", hosts=["web1"])
    with open_ledger(authority.ledger_path) as ledger:
        assert ledger._connection.execute('SELECT "by" FROM exceptions').fetchone() == (f"user id {os.getuid()}",)


def test_what_was_said_of_the_overlap_holds_until_another_one_is_said(authority: Authority) -> None:
    begun = run(authority, step="begin", overlap_days=30)
    assert (begun["overlap_days"], "warnings" in begun) == (30, False)
    for step in ("begin", "continue", "status"):
        again = run(authority, step=step)
        assert (again["overlap_days"], "warnings" in again) == (30, False)
    assert "Overlap: 30 days, for which" in "\n".join(again["lines"])
    for check_mode in (True, False):
        shortened = run(authority, check_mode, step="continue", overlap_days=1)
        assert (shortened["changed"], shortened["overlap_days"]) == (True, 1)
        assert shortened["warnings"] == [
            "From now on the old root stays for 1 day once no leaf below it is in use, not for 30 days."
        ]
        assert shortened["diff"]["before"] == "state: distributing\noverlap: 30 days\n"
        assert shortened["diff"]["after"] == "state: distributing\noverlap: 1 day\n"
    assert run(authority)["overlap_days"] == 1


def test_hosts_that_no_earlier_run_named_are_told_and_in_check_mode_before_they_count(authority: Authority) -> None:
    run(authority, step="begin", hosts=["web1"])
    assert "warnings" not in run(authority, step="continue", hosts=["web1"])
    hosts = ["web1", *(f"other{number}" for number in range(10, 22))]
    before = said(authority)
    for check_mode in (True, False):
        wrong = run(authority, check_mode, step="continue", hosts=hosts)
        shown = ", ".join(f"other{number}" for number in range(10, 20))
        assert wrong["changed"]
        assert wrong["warnings"] == [
            f"From now on the rotation counts 12 hosts that no earlier run of it named: {shown} and 2 more. "
            "Leave out each that is not to follow, as after a run with another inventory."
        ]
        assert wrong["diff"]["after"].endswith("counted: other20\ncounted: other21\n")
        assert not check_mode or said(authority) == before
    for step in ("continue", "status"):
        again = run(authority, step=step, hosts=hosts)
        assert (again["changed"], "warnings" in again, len(again["counted"])) == (False, False, 13)


def test_a_host_that_the_ledger_knew_already_is_no_news(authority: Authority) -> None:
    run(authority, step="begin", hosts=["web1"])
    prove(authority, "web2", {1: "trusted"})
    assert "warnings" not in run(authority, step="continue", hosts=["web1", "web2"])
    run(authority, step="abort", hosts=["web1"])
    over = run(authority, step="continue", hosts=["web3"])
    assert (over["changed"], "warnings" in over) == (False, False)


def test_what_is_over_says_the_overlap_that_it_had(authority: Authority) -> None:
    run(authority, step="begin", overlap_days=30)
    assert run(authority, step="abort")["overlap_days"] == run(authority)["overlap_days"] == 30
    assert run(authority, step="begin")["overlap_days"] == 7


def test_a_host_is_waited_for_again(authority: Authority) -> None:
    hosts = ["web1", "web2"]
    run(authority, step="begin")
    run(authority, step="leave_out", host="web2", reason="scrapped", hosts=hosts)
    for check_mode in (True, False):
        back = run(authority, check_mode, step="wait_for", host="web2", hosts=hosts)
        assert back["changed"]
        assert back["diff"]["before"] == "state: planned\nnot waited for: web2 (scrapped)\n"
        assert back["diff"]["after"] == "state: planned\n"
    assert back["exceptions"] == []
    assert not run(authority, step="wait_for", host="web2", hosts=hosts)["changed"]


def test_the_status_has_the_words_of_each_state(authority: Authority) -> None:
    states = {
        State.PLANNED: ("State: planned (1 of 7), since ", "Next:  made, once you go on"),
        State.DISTRIBUTING: ("State: distributing (3 of 7)", "Waits for 1 host:", "Give up:  ansible-playbook"),
        State.DRAINING: ("Next:  purging, once the old root has stayed until ", "not any more"),
    }
    for number, (state, words) in enumerate(states.items()):
        folder = authority.folder.with_name(f"authority-{number}")
        shutil.copytree(authority.folder, folder)
        rotating = rotated(read_authority(folder), state, datetime.now(timezone.utc))
        lines = "\n".join(run(rotating, hosts=["web1"])["lines"])
        for word in words:
            assert word in lines
