# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rotation from its plan to its end, over the authority's ledger: killed anywhere, and from two sides at once."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import DEFAULT_KINDS, KIND_NAMES
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proofs import Proof
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import COMPROMISED, Rotations, State
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.succession import make_successor
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation import transaction as transactions
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.decisions import NO_HOSTS
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.transaction import RotationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.view import terms_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.ledger_proofs import enter_proofs
from ansible_collections.anchorage.pki.tests.unit.interruptions import kill_at
from ansible_collections.anchorage.pki.tests.unit.rotations import follow, rotated
from cryptography import x509

DAY = timedelta(days=1)
OPEN = Passphrases()
APP = LeafPlace("web1", "/etc/pki/anchorage", "app")


@contextmanager
def rotation(authority: Authority, now: datetime, *in_play: str) -> Iterator[RotationTransaction]:
    with open_ledger(authority.ledger_path) as ledger:
        yield RotationTransaction(authority.folder, ledger, in_play, now)


def advance(authority: Authority, now: datetime, *in_play: str) -> State | None:
    with rotation(authority, now, *in_play) as transaction:
        return transaction.advance(OPEN)


def blockers(authority: Authority, now: datetime, *in_play: str) -> list[str]:
    """Who keeps the rotation from its next step, and why: as a look has it, and a step that is not taken."""
    with rotation(authority, now, *in_play) as transaction:
        view, here = transaction.look()
        assert transaction.advance(OPEN) is None
        assert transaction.look()[0] == view
    return [f"{blocker.host}: {blocker.reason}" for blocker in here.blockers]


def prove(authority: Authority, now: datetime, host: str, states: dict[int, str]) -> None:
    """Have the ledger know what a host showed of the roots with these numbers."""
    roots = {root.number: root.sha256 for root in read_authority(authority.folder).roots}
    proofs = [Proof(roots[number], "system", "debian", state, "0" * 64) for number, state in states.items()]
    with open_ledger(authority.ledger_path) as ledger, ledger.transaction():
        ledger.proofs.enter(host, ledger.proofs.difference(host, proofs, ("system",), now), now)


def deploy(
    authority: Authority, leaf: x509.Certificate, issuer_sha256: str, now: datetime, place: LeafPlace = APP
) -> None:
    with open_ledger(authority.ledger_path) as ledger, ledger.transaction():
        ledger.record_leaf(leaf, issuer_sha256, place, ["app.test"], "controller")
        ledger.mark_deployed(place, fingerprint(leaf), "", now)


def test_from_its_plan_to_its_end(
    own_authority: Authority, make_leaf: Callable[..., x509.Certificate], now: datetime
) -> None:
    deploy(own_authority, make_leaf(), own_authority.issuing.sha256, now)
    prove(own_authority, now, "old", {1: "trusted"})
    with rotation(own_authority, now) as transaction:
        assert transaction.begin("the key is old", OPEN) == [State.PLANNED]
        assert transaction.begin("again", OPEN) == []
        assert transaction.look()[0].rotation.reason == "the key is old"
    assert advance(own_authority, now) is State.MADE
    assert advance(own_authority, now) is State.DISTRIBUTING
    unseen = "it has not shown yet what it trusts"
    assert blockers(own_authority, now, "laptop") == [f"{host}: {unseen}" for host in ("laptop", "old", "web1")]
    for host in ("laptop", "web1"):
        prove(own_authority, now, host, {1: "trusted", 2: "trusted"})
    with rotation(own_authority, now, "laptop") as transaction:
        assert transaction.leave_out("old", "scrapped", "ops")
        assert not transaction.leave_out("old", "scrapped", "ops")
        with pytest.raises(PkiError, match=r"does not wait for 'unknown'. The hosts that it counts: laptop, old, web1"):
            transaction.leave_out("unknown", "a slip", "ops")
    assert advance(own_authority, now, "laptop") is State.SWITCHING
    old_leaf = "web1: /etc/pki/anchorage/app is, or may be, a leaf that is not below the new root"
    assert blockers(own_authority, now, "laptop") == [old_leaf]
    deploy(own_authority, make_leaf(), read_authority(own_authority.folder).issuing.sha256, now)
    assert advance(own_authority, now, "laptop") is State.DRAINING
    (wait,) = blockers(own_authority, now + 6 * DAY, "laptop")
    assert wait == ": the old root stays until 2026-06-08 12:00 UTC, for clients that nobody manages"
    later = now + 7 * DAY
    assert advance(own_authority, later, "laptop") is State.PURGING
    for host in ("laptop", "web1"):
        assert f"{host}: the root is trusted, not absent, in debian" in blockers(own_authority, later, "laptop")
        prove(own_authority, later, host, {1: "absent", 2: "trusted"})
    assert advance(own_authority, later, "laptop") is State.DONE
    assert advance(own_authority, later, "laptop") is None


@pytest.mark.parametrize("state", [state for state in State if state not in (State.DONE, State.ABORTED)])
def test_it_can_be_given_up_before_the_switch(own_authority: Authority, now: datetime, state: State) -> None:
    authority = rotated(own_authority, state, now)
    with rotation(authority, now) as transaction:
        if state in (State.PLANNED, State.MADE, State.DISTRIBUTING):
            assert transaction.abort() == [State.ABORTED]
            assert transaction.abort() == []
        else:
            with pytest.raises(PkiError, match=f"is {state.value}: .* only goes forward"):
                transaction.abort()
            return
        assert transaction.begin("another one", OPEN) == [State.PLANNED]
    after = read_authority(authority.folder)
    assert (after.root, after.anchors()) == (own_authority.root, (own_authority.root,))
    assert advance(authority, now) is State.MADE
    assert read_authority(authority.folder).epochs[-1].root.sha256 != authority.epochs[-1].root.sha256


@pytest.mark.parametrize("state", [state for state in State if state not in (State.DONE, State.ABORTED)])
def test_it_keeps_whether_hosts_were_to_trust_the_new_root(
    own_authority: Authority, now: datetime, state: State
) -> None:
    rotated(own_authority, state, now)
    introduced = state not in (State.PLANNED, State.MADE)
    with rotation(own_authority, now) as transaction:
        assert transaction.look()[0].rotation.introduced is introduced
        if state in (State.PLANNED, State.MADE, State.DISTRIBUTING):
            transaction.abort()
            assert transaction.look()[0].rotation.introduced is introduced


@pytest.mark.parametrize("state", [State.SWITCHING, State.DRAINING, State.PURGING])
def test_a_leaf_of_an_issuing_authority_that_is_kept_elsewhere_counts(
    own_authority: Authority, make_leaf: Callable[..., x509.Certificate], now: datetime, state: State
) -> None:
    deploy(own_authority, make_leaf(), "f" * 64, now)
    rotated(own_authority, state, now)
    later = now + 8 * DAY
    assert "web1: /etc/pki/anchorage/app is, or may be, a leaf that is not below the new root" in blockers(
        own_authority, later, "web1"
    )


def test_in_an_emergency_hosts_lose_the_old_root_at_once(
    own_authority: Authority, make_leaf: Callable[..., x509.Certificate], now: datetime
) -> None:
    prove(own_authority, now, "web1", {1: "trusted"})
    with rotation(own_authority, now) as transaction:
        transaction.begin(COMPROMISED, OPEN)
    assert advance(own_authority, now) is State.MADE
    assert advance(own_authority, now) is State.SWITCHING
    authority = read_authority(own_authority.folder)
    assert [anchor.number for anchor in authority.anchors()] == [2]
    assert [root.number for root in authority.superseded()] == [1]
    assert authority.chain(authority.issuing, make_leaf()) == (authority.issuing.certificate,)
    with rotation(authority, now) as transaction:
        assert transaction.look()[0].still_trusting == {"web1"}
    assert advance(authority, now) is State.PURGING
    trusts = "web1: the root is trusted, not absent, in debian"
    assert blockers(authority, now, "web1") == [trusts]
    # Without an inventory, nothing is over, even if nobody else is known to trust it.
    assert blockers(authority, now) == [f": {NO_HOSTS}", trusts]
    prove(own_authority, now, "web1", {1: "absent"})
    assert blockers(authority, now) == [f": {NO_HOSTS}"]
    assert advance(authority, now, "web1") is State.DONE


def before_the_commit() -> None:
    """Called once a step is in the ledger's transaction, which is still open."""


@pytest.mark.parametrize("state", [State.MADE, State.DISTRIBUTING, State.SWITCHING, State.DRAINING, State.PURGING])
def test_a_run_that_is_killed_leaves_one_state_or_the_next(
    own_authority: Authority, now: datetime, monkeypatch: pytest.MonkeyPatch, state: State
) -> None:
    authority, later, enter = rotated(own_authority, state, now), now + 8 * DAY, Rotations.move

    def entered(*arguments: Any) -> None:
        enter(*arguments)
        before_the_commit()

    monkeypatch.setattr(Rotations, "move", entered)
    follow(authority, later)
    with rotation(authority, later, "web1") as transaction:
        following = transaction.look()[1].next_state
    where = [(transactions, "read_view"), (Rotations, "move"), (sys.modules[__name__], "before_the_commit")]
    for step in range(1, 4):
        assert kill_at(step, monkeypatch, where, partial(advance, authority, later, "web1"))
        assert read_authority(authority.folder) == authority
        with open_ledger(authority.ledger_path) as ledger:
            assert ledger.rotations.all()[-1].state is state
    assert not kill_at(4, monkeypatch, where, partial(advance, authority, later, "web1"))
    with open_ledger(authority.ledger_path) as ledger:
        assert ledger.rotations.all()[-1].state is following


def _advance(authority: Authority, now: datetime, answers) -> None:
    state = advance(authority, now, "web1")
    answers.put(state.value if state else "")


def test_of_many_runs_at_once_each_step_is_taken_by_one(own_authority: Authority, now: datetime) -> None:
    authority = rotated(own_authority, State.MADE, now)
    follow(authority, now)
    fork = multiprocessing.get_context("fork")
    answers = fork.SimpleQueue()
    runs = [fork.Process(target=_advance, args=(authority, now, answers)) for _run in range(10)]
    for run in runs:
        run.start()
    told = sorted(answers.get() for _run in runs)
    for run in runs:
        run.join()
    # The one host has followed, so that nothing but the overlap keeps them.
    assert told == [""] * 7 + ["distributing", "draining", "switching"]


def test_an_authority_of_0_2_0_goes_all_the_way(folder_of_0_2_0: Path, now: datetime) -> None:
    authority, later = read_authority(folder_of_0_2_0), now + 365 * DAY  # its leaves have ended
    with rotation(authority, later) as transaction:
        transaction.begin("its root has path length 1", OPEN)
    assert advance(authority, later) is State.MADE
    follow(authority, later)
    states = [advance(authority, later, "web1") for _step in range(3)]
    assert states == [State.DISTRIBUTING, State.SWITCHING, State.DRAINING]
    later += 7 * DAY
    follow(authority, later)
    assert [advance(authority, later, "web1") for _step in range(2)] == [State.PURGING, State.DONE]


LOCAL = LeafPlace("localhost", "/home/me/certificates", "dev")


@pytest.mark.parametrize("compromised", [False, True])
def test_a_forgotten_inventory_ends_no_rotation(own_authority: Authority, now: datetime, compromised: bool) -> None:
    """The hosts only trust the authority, and the ledger does not know them yet."""
    with rotation(own_authority, now) as transaction:
        transaction.begin(COMPROMISED if compromised else "it is old", OPEN)
        taken = transaction.go_on(OPEN)
    assert taken[-1] is (State.PURGING if compromised else State.DISTRIBUTING)
    assert blockers(own_authority, now + 365 * DAY) == [f": {NO_HOSTS}"]
    assert advance(own_authority, now, "web1") is None
    follow(own_authority, now)
    assert advance(own_authority, now, "web1") is (State.DONE if compromised else State.SWITCHING)


def test_a_machine_alone_needs_no_inventory(
    own_authority: Authority, make_leaf: Callable[..., x509.Certificate], now: datetime
) -> None:
    authority = rotated(own_authority, State.DISTRIBUTING, now)
    follow(authority, now, "localhost")
    assert blockers(authority, now) == [f": {NO_HOSTS}"]  # a controller, whose hosts have no leaves
    deploy(authority, make_leaf(), own_authority.issuing.sha256, now, LOCAL)
    assert advance(authority, now) is State.SWITCHING


@pytest.mark.parametrize("compromised", [False, True])
def test_a_machine_that_was_not_alone_in_the_beginning_needs_an_inventory(
    own_authority: Authority, make_leaf: Callable[..., x509.Certificate], now: datetime, compromised: bool
) -> None:
    """A controller with a leaf of its own, whose hosts only trust the authority, and were not visited yet."""
    deploy(own_authority, make_leaf(), own_authority.issuing.sha256, now, LOCAL)
    with rotation(own_authority, now, "localhost", "web1") as transaction:
        transaction.begin(COMPROMISED if compromised else "", OPEN)
        transaction.go_on(OPEN)
    follow(own_authority, now, "localhost")
    deploy(own_authority, make_leaf(), read_authority(own_authority.folder).issuing.sha256, now, LOCAL)
    with rotation(own_authority, now) as transaction:
        transaction.go_on(OPEN)
    assert blockers(own_authority, now) == [f": {NO_HOSTS}", "web1: it has not shown yet what it trusts"]


def test_who_counted_once_is_waited_for_by_a_run_that_names_fewer_hosts(
    own_authority: Authority, now: datetime
) -> None:
    unseen = "it has not shown yet what it trusts"
    with rotation(own_authority, now, "web1", "laptop") as transaction:
        replace(transaction, check_mode=True).begin("", OPEN)
        transaction.begin("", OPEN)
    with rotation(own_authority, now, "web1", "phone") as transaction:
        replace(transaction, check_mode=True).go_on(OPEN)
        assert transaction.look()[0].counted == {"web1", "laptop", "phone"}
    with rotation(own_authority, now, "web1") as transaction:
        assert transaction.look()[0].counted == {"web1", "laptop"}  # neither status nor check mode counts anybody
    with rotation(own_authority, now, "web1", "phone") as transaction:
        assert transaction.go_on(OPEN) == [State.MADE, State.DISTRIBUTING]
    prove(own_authority, now, "web1", {1: "trusted", 2: "trusted"})
    assert blockers(own_authority, now, "web1") == [f"laptop: {unseen}", f"phone: {unseen}"]
    with rotation(own_authority, now, "web1") as transaction:
        for host in ("laptop", "phone"):
            assert transaction.leave_out(host, "scrapped", "ops")
        assert transaction.go_on(OPEN)[0] is State.SWITCHING


def test_another_rotation_counts_anew(own_authority: Authority, now: datetime) -> None:
    with rotation(own_authority, now, "web1", "laptop") as transaction:
        transaction.begin("", OPEN)
        transaction.abort()
        assert replace(transaction, in_play=("new",)).go_on(OPEN) == []
    with rotation(own_authority, now, "web1") as transaction:
        transaction.begin("", OPEN)
        assert transaction.look()[0].counted == {"web1"}


def test_stores_that_runs_no_longer_ask_about_are_settled(own_authority: Authority, now: datetime) -> None:
    """A host was uninstalled, which asks about all kinds, and joined again with the usual ones."""
    old, long_ago = own_authority.root.sha256, now - 60 * DAY

    def show(states: dict[str, str], kinds: Sequence[str], time: datetime) -> None:
        proofs = [Proof(old, kind, f"a {kind} store", state, "0" * 64) for kind, state in states.items()]
        assert not enter_proofs(own_authority.ledger_path, "web1", proofs, kinds, time)

    show({"system": "absent", "applications": "absent"}, KIND_NAMES, long_ago)
    show({"system": "trusted"}, DEFAULT_KINDS, long_ago)
    authority = rotated(own_authority, State.PURGING, now)
    show({"system": "absent"}, DEFAULT_KINDS, now)
    assert advance(authority, now + 2 * DAY, "web1") is State.DONE


def test_the_overlap_is_kept_with_the_rotation(own_authority: Authority, now: datetime) -> None:
    with open_ledger(own_authority.ledger_path) as ledger:

        def run(overlap_days: int | None, check_mode: bool = False) -> RotationTransaction:
            terms = terms_of(ledger, 7, overlap_days)
            return RotationTransaction(own_authority.folder, ledger, ("web1",), now, terms, check_mode)

        assert run(None).keep_overlap() == ()
        run(30).begin("it is old", OPEN)
        assert run(None).terms.overlap == 30 * DAY
        assert run(None).keep_overlap() == ()
        shortened = (30 * DAY, 0 * DAY)
        assert run(0, check_mode=True).keep_overlap() == run(0).keep_overlap() == shortened
        assert run(0).keep_overlap() == ()
        assert run(None).terms.overlap == 0 * DAY
        run(None).abort()
        assert run(None).terms.overlap == 7 * DAY  # the next one begins with what is usual
        run(None).begin(COMPROMISED, OPEN)
        assert run(30).keep_overlap() == ()


def test_a_host_that_was_left_out_by_mistake_is_waited_for_again(own_authority: Authority, now: datetime) -> None:
    authority = rotated(own_authority, State.PURGING, now)
    follow(authority, now)
    with rotation(authority, now, "web1", "web2") as transaction:
        assert transaction.wait_for("web2") is None
        transaction.leave_out("web2", "scrapped", "ops")
        assert not transaction.look()[1].blockers
        assert replace(transaction, check_mode=True).wait_for("web2") == "scrapped"
        assert transaction.wait_for("web2") == "scrapped"
        assert transaction.wait_for("web2") is None
        with pytest.raises(PkiError, match=r"does not wait for 'unknown'. The hosts that it counts: web1, web2"):
            transaction.wait_for("unknown")
    assert blockers(authority, now, "web1", "web2") == ["web2: it has not shown yet what it trusts"]


# Clocks


def test_a_clock_that_is_behind_begins_nothing_and_makes_nothing(own_authority: Authority, now: datetime) -> None:
    behind = now - timedelta(days=400)
    with rotation(own_authority, behind) as early, pytest.raises(PkiError, match=r"Correct the clock\."):
        early.begin("", OPEN)
    with rotation(own_authority, now) as timely:
        timely.begin("", OPEN)
    with (
        rotation(own_authority, behind) as early,
        pytest.raises(PkiError, match=r"is valid from .*Correct the clock\."),
    ):
        early.go_on(OPEN)
    assert read_authority(own_authority.folder) == own_authority
    assert advance(own_authority, now) is State.MADE


def test_a_root_that_has_ended_signs_no_other_one(own_authority: Authority, now: datetime) -> None:
    after = now + timedelta(days=3700)
    with rotation(own_authority, after) as late:
        with pytest.raises(PkiError, match=r"The root ended at .* Renew it first, by the playbook"):
            late.begin("", OPEN)
        assert late.begin(COMPROMISED, OPEN) == [State.PLANNED]


def test_what_a_clock_that_was_behind_made_is_entered_under_the_root_that_signed_it(
    own_authority: Authority, now: datetime
) -> None:
    with open_ledger(own_authority.ledger_path) as ledger:
        RotationTransaction(own_authority.folder, ledger, (), now).begin("", OPEN)
        current = ledger.rotations.current()
        assert current is not None
        made = make_successor(own_authority, current, Passphrases(), ledger, now - timedelta(days=400))
        new = made.epochs[1]
        assert new.cross is not None
        cross, issuing = (ledger.revocations.known(one) for one in (fingerprint(new.cross), new.issuers[0].sha256))
    assert cross is not None
    assert issuing is not None
    assert (cross.issuer_sha256, issuing.issuer_sha256) == (own_authority.root.sha256, new.root.sha256)
