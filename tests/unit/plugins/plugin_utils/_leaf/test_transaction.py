# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The leaves of a host from the first question to the ledger's last entry, with a host that is a function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import (
    DeployedLeaf,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger, open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import carry_out, plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import AuthorityDueError, HostFailedError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import Action
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import LeafRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.transaction import LeafTransaction
from ansible_collections.anchorage.pki.tests.unit.function_host import Host, sha256
from cryptography.hazmat.primitives import serialization

DAY = timedelta(days=1)

RequestLeaf = Callable[..., LeafRequest]


def place(name: str = "app", host: str = "web1") -> LeafPlace:
    return LeafPlace(host, "/etc/pki/anchorage", name)


@pytest.fixture
def ledger(own_authority: Authority) -> Iterator[Ledger]:
    with open_ledger(own_authority.ledger_path) as opened:
        yield opened


@pytest.fixture
def start(own_authority: Authority, ledger: Ledger, now: datetime) -> Callable[..., LeafTransaction]:
    """A function that begins a transaction with a host."""

    def begin(host: Host, at: datetime = now) -> LeafTransaction:
        return LeafTransaction(own_authority, Passphrases(), ledger, host, None, at)

    return begin


def test_a_first_run_takes_two_calls_and_the_next_one(start, ledger: Ledger, request_leaf: RequestLeaf) -> None:
    host = Host()
    transaction = start(host)
    requests, places = [request_leaf("a"), request_leaf("b")], [place("a"), place("b")]
    plans, _served = transaction.plan(requests, places)
    assert [plan.decision.reason for plan in plans] == ["nothing is deployed yet"] * 2
    signed, deployment = transaction.carry_out(plans)
    assert [leaf.plan.request.name for leaf in signed] == ["a", "b"]
    assert [(leaf.name, leaf.generation) for leaf in deployment.certificates] == [("a", 1), ("b", 1)]
    assert ledger.leaf_counts() == {"deployed": 2}
    assert host.calls == ["inspect", "deploy"]

    plans, _served = transaction.plan(requests, places)
    assert [plan.decision.action for plan in plans] == [Action.NONE] * 2
    assert transaction.carry_out(plans) == ([], None)
    assert host.calls == ["inspect", "deploy", "inspect"]


def test_a_host_is_asked_for_keys_where_a_leaf_is_issued_for_one(start, ledger: Ledger, request_leaf) -> None:
    host = Host()
    transaction = start(host)
    requests = [request_leaf("a"), request_leaf("b", private_key="host"), request_leaf("c", private_key="host")]
    places = [place("a"), place("b"), place("c")]
    transaction.carry_out(transaction.plan(requests, places)[0])
    assert host.calls == ["inspect", "request", "deploy"]
    assert host.keys == {}
    assert ledger.leaf_counts() == {"deployed": 3}

    assert transaction.carry_out(transaction.plan(requests, places)[0]) == ([], None)
    host.leaves["b"] = replace(host.leaves["b"], drift=("b has another mode",))
    transaction.carry_out(transaction.plan(requests, places)[0])
    assert host.calls[3:] == ["inspect", "inspect", "deploy"]
    host.leaves["c"] = replace(host.leaves["c"], damage="cert.pem is altered")
    transaction.carry_out(transaction.plan(requests, places)[0])
    assert host.calls[6:] == ["inspect", "request", "deploy"]


def test_a_key_that_is_pending_since_a_run_that_failed_is_used(start, ledger: Ledger, request_leaf) -> None:
    host = Host(loses="deploy")
    transaction = start(host)
    for lost, kept in (("request", set()), ("deploy", {"app"})):
        host.loses = lost
        with pytest.raises(HostFailedError, match="the connection was lost"):
            transaction.carry_out(transaction.plan([request_leaf(private_key="host")], [place()])[0])
        assert set(host.keys) == kept
    assert ledger.leaf_counts() == {"signed": 1}
    pending, host.loses = host.keys["app"], ""
    (signed,), _deployment = transaction.carry_out(transaction.plan([request_leaf(private_key="host")], [place()])[0])
    assert signed.certificate.public_key() == pending.public_key()


def test_nothing_is_asked_of_a_host_for_what_could_not_be_signed(start, own_authority, request_leaf, now) -> None:
    host = Host()
    late = start(host, own_authority.issuing.certificate.not_valid_after_utc)
    plans, _inspection = late.plan([request_leaf(private_key="host")], [place()])
    with pytest.raises(AuthorityDueError):
        late.carry_out(plans)
    assert host.calls == ["inspect"]


def test_a_plan_holds_what_is_deployed_against_the_ledger_of_that_place(
    start: Callable[..., LeafTransaction], ledger: Ledger, own_authority: Authority, request_leaf, make_leaf
) -> None:
    leaf = make_leaf("app.test")
    chain = sha256(own_authority.issuing.certificate.public_bytes(serialization.Encoding.PEM))
    host = Host({"app": DeployedLeaf("app", 4, fingerprint(leaf), chain, "8" * 64)})

    def plan(at: LeafPlace) -> list[str]:
        plans, _served = start(host).plan([request_leaf()], [at])
        return [f"{plan.decision.action.value}: {plan.decision.reason}" for plan in plans]

    unknown = ["leaf: the deployed leaf is not in the authority's ledger for this host"]
    assert plan(place()) == unknown
    with ledger.transaction():
        ledger.record_leaf(leaf, own_authority.issuing.sha256, place(), ["app.test"], "controller")
    assert plan(place()) == ["staple: the deployed staple is not in the authority's ledger"]
    assert plan(place(host="web2")) == unknown


def test_every_request_has_its_own_plan(start, request_leaf: RequestLeaf) -> None:
    host = Host({"b": DeployedLeaf("b", 4, damage="cert.pem is altered")})
    plans, _served = start(host).plan([request_leaf("a"), request_leaf("b")], [place("a"), place("b")])
    assert [(plan.request.name, plan.place.name, plan.decision.reason) for plan in plans] == [
        ("a", "a", "nothing is deployed yet"),
        ("b", "b", "cert.pem is altered"),
    ]


def test_the_host_is_asked_about_the_leaf_that_the_ledger_has_for_it(start, request_leaf: RequestLeaf) -> None:
    host = Host()
    transaction = start(host)
    asked: list[str] = []

    def noting(arguments: dict[str, Any]) -> dict[str, Any]:
        asked.extend(entry["keep"] for entry in arguments.get("inspect", []))
        return host(arguments)

    watched = replace(transaction, call=noting)
    watched.carry_out(watched.plan([request_leaf()], [place()])[0])
    watched.plan([request_leaf()], [place()])
    assert asked == ["", host.leaves["app"].leaf_sha256]


def test_what_a_host_did_not_confirm_is_signed_and_not_deployed(start, ledger: Ledger, request_leaf, now) -> None:
    """It is due again in the next run: what counts is what the host has."""
    host = Host(loses="deploy")
    transaction = start(host)
    with pytest.raises(HostFailedError, match="the connection was lost") as caught:
        transaction.carry_out(transaction.plan([request_leaf()], [place()])[0])
    assert caught.value.result["unreachable"] is True
    assert ledger.leaf_counts() == {"signed": 1}
    assert ledger.current_leaf(place()).staples[0].deployed_at is None

    host.loses = ""
    (plan,), _served = transaction.plan([request_leaf()], [place()])
    assert plan.decision.reason == "nothing is deployed yet"
    transaction.carry_out([plan])
    assert ledger.leaf_counts() == {"deployed": 1, "superseded": 1}
    assert ledger.current_leaf(place()).staples[0].deployed_at == now


def test_a_staple_whose_host_was_not_reached_is_due_until_it_is(start, ledger: Ledger, request_leaf, now) -> None:
    host, later = Host(), now + 4 * DAY
    first = start(host)
    first.carry_out(first.plan([request_leaf()], [place()])[0])
    assert ledger.due_staples(now) == {}
    before = ledger.due_staples(later)
    assert set(before) == {place()}
    host.loses = "deploy"
    for _run in range(2):
        again = start(host, later)
        plans, _served = again.plan([request_leaf()], [place()])
        assert [plan.decision.action for plan in plans] == [Action.STAPLE]
        with pytest.raises(HostFailedError):
            again.carry_out(plans)
        assert ledger.due_staples(later) == before
    host.loses = ""
    again.carry_out(again.plan([request_leaf()], [place()])[0])
    assert ledger.due_staples(later) == {}


def test_a_withdrawn_staple_stays_due_until_a_new_one_can_be_signed(start, ledger: Ledger, request_leaf, now) -> None:
    """An unchanged run, a run that may not sign, and a renewal: none of them repairs what was withdrawn."""
    host = Host()
    first = start(host)
    first.carry_out(first.plan([request_leaf()], [place()])[0])
    host.leaves["app"] = replace(
        host.leaves["app"],
        staple_sha256="",
        withdrawn="2026-06-08T11:50:00Z",
        unserved=("generation 1 was not activated",),
    )
    reason = "the staple was withdrawn at 2026-06-08T11:50:00Z, before it ended"
    too_late = start(host, now + 31 * DAY)
    plans, _inspection = too_late.plan([request_leaf()], [place()])
    assert [(plan.decision.action, plan.decision.reason) for plan in plans] == [(Action.STAPLE, reason)]
    with pytest.raises(AuthorityDueError, match="The OCSP responder is valid"):
        too_late.carry_out(plans)
    assert host.calls == ["inspect", "deploy", "inspect"]
    assert set(ledger.due_staples(now + 31 * DAY)) == {place()}

    again = start(host, now + 8 * DAY)
    plans, _inspection = again.plan([request_leaf()], [place()])
    assert [plan.decision.reason for plan in plans] == [reason]
    again.carry_out(plans)
    assert (host.leaves["app"].generation, host.leaves["app"].withdrawn) == (2, "")
    assert ledger.due_staples(now + 8 * DAY) == {}


def test_what_somebody_put_back_on_a_host_is_what_counts(start, ledger: Ledger, request_leaf, now: datetime) -> None:
    """Be it the former staple, or the former leaf with its own."""
    host, states = Host(), []

    def run(**wanted: Any) -> list[datetime]:
        transaction = start(host, now + timedelta(hours=1))
        plans, _served = transaction.plan([request_leaf(**wanted)], [place()])
        transaction.carry_out(plans)
        return [times.renew_at for times in ledger.due_staples(now + 8 * DAY).values()]

    first = start(host)
    first.carry_out(first.plan([request_leaf()], [place()])[0])
    (former,) = [times.renew_at for times in ledger.staples_in_use().values()]
    states.append(host.leaves["app"])
    host.leaves["app"] = replace(states[0], staple_sha256="")
    (newer,) = run()
    states.append(host.leaves["app"])
    assert newer > former
    host.leaves["app"] = states[0]
    assert run() == [former]
    host.leaves["app"] = states[1]
    assert run() == [newer]
    run(names=("other.test",))
    host.leaves["app"] = states[0]
    assert run() == [former]
    assert ledger.leaf_counts() == {"deployed": 1, "superseded": 1}


def test_a_staple_alone_travels_when_it_is_due(start, ledger: Ledger, request_leaf: RequestLeaf, now) -> None:
    host = Host()
    first = start(host)
    first.carry_out(first.plan([request_leaf()], [place()])[0])
    leaf_sha256 = host.leaves["app"].leaf_sha256
    later = start(host, now + 4 * DAY)
    (plan,), _served = later.plan([request_leaf()], [place()])
    assert plan.decision.action is Action.STAPLE
    later.carry_out([plan])
    assert (host.leaves["app"].generation, host.leaves["app"].leaf_sha256) == (2, leaf_sha256)
    staples = ledger.current_leaf(place()).staples
    assert [staple.deployed_at for staple in staples] == [now, now + 4 * DAY]
    (plan,), _served = later.plan([request_leaf()], [place()])
    assert plan.decision.action is Action.NONE


def test_a_host_that_cannot_be_inspected_has_nothing_signed_for_it(start, ledger: Ledger, request_leaf) -> None:
    with pytest.raises(HostFailedError):
        start(Host(loses="inspect")).plan([request_leaf()], [place()])
    assert ledger.leaf_counts() == {}


def test_a_server_that_does_not_come_back_keeps_no_other_leaf_from_being_renewed(start, ledger, request_leaf) -> None:
    host = Host()
    transaction = start(host)
    requests, places = [request_leaf("a"), request_leaf("b")], [place("a"), place("b")]
    transaction.carry_out(transaction.plan(requests, places)[0])
    host.leaves["a"] = replace(host.leaves["a"], unserved=("127.0.0.1 port 443 does not serve the deployed leaf",))
    host.leaves["b"] = replace(host.leaves["b"], damage="cert.pem is altered")
    plans, _inspection = transaction.plan(requests, places)
    assert [plan.decision.action for plan in plans] == [Action.ACTIVATE, Action.LEAF]
    signed, _deployment = transaction.carry_out(plans)
    assert [leaf.plan.request.name for leaf in signed] == ["b"]
    host.loses = "deploy"
    with pytest.raises(HostFailedError):
        transaction.activate_again(plans)
    assert host.leaves["b"].generation == 2
    assert ledger.leaf_counts() == {"deployed": 2, "superseded": 1}


def test_without_issuing_a_staple_is_renewed_with_the_responders_key_alone(
    start, own_authority: Authority, ledger: Ledger, request_leaf, now: datetime
) -> None:
    host, later = Host(), now + 70 * DAY
    first = start(host)
    first.carry_out(first.plan([request_leaf("a")], [place("a")])[0])
    renewed = make_responder(own_authority, later)
    for key in (renewed.root, renewed.issuing):
        (key.folder / "key.pem").unlink()
    transaction = replace(start(host, later), authority=renewed, issues=False)
    plans, _served = transaction.plan([request_leaf("a"), request_leaf("b")], [place("a"), place("b")])
    assert [(plan.decision.action, plan.decision.withheld[:10]) for plan in plans] == [
        (Action.STAPLE, "the last t"),
        (Action.NONE, "nothing is"),
    ]
    transaction.preflight(plans)
    signed, _deployment = transaction.carry_out(plans)
    assert [leaf.plan.request.name for leaf in signed] == ["a"]
    assert ledger.due_staples(later) == {}
    assert ledger.leaf_counts() == {"deployed": 1}


def make_responder(authority: Authority, at: datetime) -> Authority:
    """The authority with a responder of that time."""
    plan = plan_provisioning(authority.folder, {}, "", at)
    return carry_out(plan, Passphrases(), at)


def test_whoever_has_staples_signed_is_warned_of_the_end_of_their_responder(
    start, own_authority: Authority, request_leaf, now: datetime
) -> None:
    def warned(left: timedelta, **wanted: Any) -> list[str]:
        at = own_authority.issuing.responder.certificate.not_valid_after_utc - left
        transaction = start(Host(), at)
        return transaction.warnings(transaction.plan([request_leaf(**wanted)], [place()])[0])

    assert warned(14 * DAY + timedelta(seconds=1)) == []
    assert warned(14 * DAY) == [
        "The OCSP responder of issuing authority 1 ends on 2026-07-01, and no staple is valid for longer. Run "
        "certificate_authority, which renews it; that needs the key of the issuing authority."
    ]
    assert warned(DAY, staple=False) == []
