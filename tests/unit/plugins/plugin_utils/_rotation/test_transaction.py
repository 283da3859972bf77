# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rotation from its plan to its end, over the authority's ledger: killed anywhere, and from two sides at once."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proofs import Proof
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import COMPROMISED, Rotations, State
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation import transaction as transactions
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.transaction import RotationTransaction
from ansible_collections.anchorage.pki.tests.unit.interruptions import kill_at
from ansible_collections.anchorage.pki.tests.unit.rotations import rotated
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


def deploy(authority: Authority, leaf: x509.Certificate, issuer_sha256: str, now: datetime) -> None:
    with open_ledger(authority.ledger_path) as ledger, ledger.transaction():
        ledger.record_leaf(leaf, issuer_sha256, APP, ["app.test"], "controller")
        ledger.mark_deployed(APP, fingerprint(leaf), "", now)


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
    old_leaf = "web1: /etc/pki/anchorage/app is, or may be, a leaf below the old root"
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
    assert blockers(authority, now) == ["web1: the root is trusted, not absent, in debian"]
    prove(own_authority, now, "web1", {1: "absent"})
    assert advance(authority, now) is State.DONE


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
    with rotation(authority, later) as transaction:
        following = transaction.look()[1].next_state
    where = [(transactions, "read_view"), (Rotations, "move"), (sys.modules[__name__], "before_the_commit")]
    for step in range(1, 4):
        assert kill_at(step, monkeypatch, where, partial(advance, authority, later))
        assert read_authority(authority.folder) == authority
        with open_ledger(authority.ledger_path) as ledger:
            assert ledger.rotations.all()[-1].state is state
    assert not kill_at(4, monkeypatch, where, partial(advance, authority, later))
    with open_ledger(authority.ledger_path) as ledger:
        assert ledger.rotations.all()[-1].state is following


def _advance(authority: Authority, now: datetime, answers) -> None:
    state = advance(authority, now)
    answers.put(state.value if state else "")


def test_of_many_runs_at_once_each_step_is_taken_by_one(own_authority: Authority, now: datetime) -> None:
    authority = rotated(own_authority, State.MADE, now)
    fork = multiprocessing.get_context("fork")
    answers = fork.SimpleQueue()
    runs = [fork.Process(target=_advance, args=(authority, now, answers)) for _run in range(10)]
    for run in runs:
        run.start()
    told = sorted(answers.get() for _run in runs)
    for run in runs:
        run.join()
    # Nobody trusts anything here, so that nothing but the overlap keeps them.
    assert told == [""] * 7 + ["distributing", "draining", "switching"]


def test_an_authority_of_0_2_0_goes_all_the_way(folder_of_0_2_0: Path, now: datetime) -> None:
    authority, later = read_authority(folder_of_0_2_0), now + 365 * DAY  # its leaves have ended
    with rotation(authority, later) as transaction:
        transaction.begin("its root has path length 1", OPEN)
    states = [advance(authority, later) for _step in range(4)]
    assert states == [State.MADE, State.DISTRIBUTING, State.SWITCHING, State.DRAINING]
    assert [advance(authority, later + 7 * DAY) for _step in range(2)] == [State.PURGING, State.DONE]
