# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that renews what a host has is overtaken by another one, which revokes that and sees to the same host."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import HostFailedError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import Action
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.transaction import LeafTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import NOTHING
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import RevocationTransaction
from ansible_collections.anchorage.pki.tests.unit.function_host import Host

DAY = timedelta(days=1)
PLACE = LeafPlace("web1", "/etc/pki/anchorage", "app")
OVERTAKEN = r"'app' or its issuer was revoked while this task ran\. It may be in use with a good staple"


@pytest.fixture
def revoke(own_authority: Authority, tmp_path: Path) -> Callable[..., None]:
    """A function that does what a task of certificate_revocation does for the leaf on the host."""

    def run(at: datetime, **options: Any) -> None:
        arguments = {**NOTHING, "name": "app", "host": "web1", "reason": "key_compromise", **options}
        with open_ledger(own_authority.ledger_path) as ledger:
            RevocationTransaction(own_authority, Passphrases(), ledger, tmp_path / "public", at).carry_out(arguments)

    return run


@pytest.fixture
def overtake(host: Host) -> Callable[..., None]:
    """A function that has another run do its ``work`` when the next one delivers, before or after the host has it."""

    def run(work: Callable[[], object], arrived: bool) -> None:
        def deploy(arguments: dict[str, Any]) -> dict[str, Any]:
            del host._deploy
            if not arrived:
                work()
                return host._deploy(arguments)
            answer = host._deploy(arguments)
            work()
            return answer

        host._deploy = deploy  # type: ignore[method-assign]

    return run


def state(authority: Authority, at: datetime) -> tuple[bool, bool]:
    """Whether the place is pending, and whether its host is due."""
    with open_ledger(authority.ledger_path) as ledger:
        pending, due = ledger.revocations.pending_places(at), ledger.due_staples(at)
    assert {*pending, *due} <= {PLACE}
    return bool(pending), bool(due)


@pytest.mark.parametrize("visits", [False, True])
@pytest.mark.parametrize("reissue", [False, True])
def test_what_is_confirmed_too_late_is_asked_of_the_host_again(
    own_authority, host: Host, renew, revoke, overtake, now: datetime, reissue: bool, visits: bool
) -> None:
    renew()
    later = now + 4 * DAY

    def another_run() -> None:
        revoke(later, reissue=reissue)
        if visits:
            assert renew(later).decision.action is (Action.LEAF if reissue else Action.STAPLE)

    overtake(another_run, arrived=True)
    with pytest.raises(PkiError, match=OVERTAKEN):
        renew(later)
    assert state(own_authority, later) == (True, True)
    with open_ledger(own_authority.ledger_path) as ledger:
        shown = ledger.leaf(PLACE, host.leaves["app"].leaf_sha256)
        assert shown.status == ("deployed" if reissue and visits else "revoked")
    renew(later)
    assert state(own_authority, later) == (False, False)
    assert bool(host.leaves["app"].staple_sha256) is reissue
    if reissue:
        with open_ledger(own_authority.ledger_path) as ledger:
            shown = ledger.current_leaf(PLACE)
            assert (shown.sha256, shown.status) == (host.leaves["app"].leaf_sha256, "deployed")
            assert shown.staple_in_use.sha256 == host.leaves["app"].staple_sha256


def test_a_first_staple_on_its_way_is_refused_once_the_leaf_was_revoked(
    own_authority, host: Host, renew, revoke, overtake, now: datetime
) -> None:
    renew(staple=False)

    def another_run() -> None:
        revoke(now, reissue=False)
        plan = renew()
        assert plan.decision.action is Action.STAPLE
        assert plan.decision.reason == "a staple on its way is kept away, since the deployed leaf is revoked"
        assert renew().decision.action is Action.NONE

    overtake(another_run, arrived=False)
    with pytest.raises(HostFailedError):
        renew()
    assert host.leaves["app"].staple_sha256 == ""
    assert state(own_authority, now) == (False, False)


def test_a_first_leaf_that_arrives_after_its_place_was_blocked_is_pending(
    own_authority, host: Host, renew, revoke, overtake, now: datetime
) -> None:
    def another_run() -> None:
        revoke(now, reissue=False)
        assert renew().decision.blocked  # nothing is there yet

    overtake(another_run, arrived=False)
    with pytest.raises(PkiError, match=OVERTAKEN):
        renew()
    assert state(own_authority, now) == (True, True)
    assert renew(issues=False).decision.action is Action.STAPLE
    assert host.leaves["app"].staple_sha256 == ""
    assert state(own_authority, now) == (False, False)


def test_the_other_leaves_of_an_overtaken_task_count_as_deployed(
    own_authority, host: Host, request_leaf, revoke, overtake, now: datetime
) -> None:
    requests = [request_leaf(name, names=(f"{name}.test",)) for name in ("app", "api")]
    places = [PLACE, LeafPlace("web1", "/etc/pki/anchorage", "api")]
    with open_ledger(own_authority.ledger_path) as ledger:
        transaction = LeafTransaction(own_authority, Passphrases(), ledger, host, None, now)
        plans, _inspection = transaction.plan(requests, places)
        overtake(lambda: revoke(now), arrived=True)
        with pytest.raises(PkiError, match=OVERTAKEN):
            transaction.carry_out(plans)
        assert ledger.leaf_counts() == {"revoked": 1, "deployed": 1}
        assert set(ledger.staples_in_use()) == {places[1]}


def test_what_an_older_run_saw_is_not_entered_over_what_a_later_one_did(
    own_authority, host: Host, renew, revoke, request_leaf, now: datetime
) -> None:
    renew()
    with open_ledger(own_authority.ledger_path) as ledger:
        with ledger.transaction():
            ledger._connection.execute("UPDATE certificates SET status = 'signed' WHERE kind = 'leaf'")
        transaction = LeafTransaction(own_authority, Passphrases(), ledger, host, None, now)
        plans, _inspection = transaction.plan([request_leaf("app")], [PLACE])
        assert plans[0].decision.action is Action.NONE
        revoke(now)
        renew()
        transaction.carry_out(plans)
        assert ledger.current_leaf(PLACE).sha256 == host.leaves["app"].leaf_sha256
        assert ledger.leaf_counts() == {"revoked": 1, "deployed": 1}
    assert state(own_authority, now) == (False, False)
