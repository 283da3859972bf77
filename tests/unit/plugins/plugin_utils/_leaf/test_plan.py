# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done about each leaf, for every situation that a host can be in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import DeployedLeaf, Inquiry
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.standing import MARGIN
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafRecord, StapleRecord
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import (
    Action,
    Decision,
    decide,
    inquiry,
    outdated,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import LeafRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Profile
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType
from cryptography import x509

DAY = timedelta(days=1)
STAPLE = "8" * 64
OTHER = "9" * 64
WITHDRAWN = {"staple_sha256": "", "withdrawn": "2026-06-08T11:50:00Z"}

RequestLeaf = Callable[..., LeafRequest]


@dataclass(frozen=True)
class Situation:
    """What is deployed, and what the ledger knows of it: at first all as it should be."""

    deployed: DeployedLeaf
    record: LeafRecord | None


@pytest.fixture
def leaf(make_leaf: Callable[..., x509.Certificate]) -> x509.Certificate:
    return make_leaf("app.test")


@pytest.fixture
def good(authority: Authority, leaf: x509.Certificate, now: datetime) -> Situation:
    chain = hashlib.sha256(to_pem(authority.issuing.certificate).encode()).hexdigest()
    deployed = DeployedLeaf("app", 4, fingerprint(leaf), chain, STAPLE)
    staple = StapleRecord(STAPLE, now, now + 7 * DAY, now + 3 * DAY)
    record = LeafRecord(fingerprint(leaf), leaf, authority.issuing.sha256, "controller", "deployed", (staple,))
    return Situation(deployed, record)


def decision(situation: Situation, request: LeafRequest, authority: Authority, now: datetime) -> Decision:
    return decide(request, situation.deployed, situation.record, authority, now)


def test_what_is_as_it_should_be_is_left_alone(good: Situation, request_leaf: RequestLeaf, authority, now) -> None:
    assert decision(good, request_leaf(), authority, now) == Decision(Action.NONE, "valid until 2026-08-30")


@pytest.mark.parametrize(
    ("deployed", "record", "wanted", "action", "reason"),
    [
        ({"generation": 0}, {}, {}, Action.LEAF, "nothing is deployed yet"),
        ({"damage": "privkey.pem is missing"}, {}, {}, Action.LEAF, "privkey.pem is missing"),
        ({}, None, {}, Action.LEAF, "not in the authority's ledger for this host"),
        ({}, {"status": "revoked"}, {}, Action.LEAF, "the deployed leaf is revoked"),
        ({}, {"issuer_sha256": OTHER}, {}, Action.LEAF, "issuer of the deployed leaf is no longer part"),
        ({}, {}, {"names": ("app.test", "10.0.0.1")}, Action.LEAF, "from [app.test] to [app.test, 10.0.0.1]"),
        ({}, {}, {"names": ("other.test",)}, Action.LEAF, "the names change from [app.test] to [other.test]"),
        ({}, {}, {"profile": Profile.PEER}, Action.LEAF, "the profile becomes peer"),
        ({}, {}, {"key_type": KeyType.RSA_3072}, Action.LEAF, "the key type becomes rsa-3072"),
        ({}, {}, {"must_staple": True}, Action.LEAF, "must-staple is wanted"),
        ({}, {}, {"private_key": "host"}, Action.LEAF, "the private key is to be made on the host"),
        ({}, {"private_key": "host"}, {}, Action.LEAF, "the private key is to be made on the controller"),
        ({"chain_sha256": OTHER}, {}, {}, Action.LEAF, "chain.pem is not the chain of the leaf's issuer"),
        ({"pkcs12": True}, {}, {}, Action.LEAF, "bundle.p12 is no longer wanted"),
        ({}, {}, {"pkcs12_passphrase": "words"}, Action.LEAF, "bundle.p12 is wanted"),
        ({"staple_sha256": ""}, {}, {}, Action.STAPLE, "there is no staple"),
        ({"staple_sha256": OTHER}, {}, {}, Action.STAPLE, "the deployed staple is not in the authority's ledger"),
        ({}, {}, {"staple": False}, Action.STAPLE, "no staple is wanted"),
        ({"staple_sha256": ""}, {}, {"staple": False}, Action.NONE, "valid until"),
        (WITHDRAWN, {}, {}, Action.STAPLE, "the staple was withdrawn at 2026-06-08T11:50:00Z, before it ended"),
        ({**WITHDRAWN, "drift": ("a mode is 0644",)}, {}, {}, Action.STAPLE, "the staple was withdrawn at"),
        (WITHDRAWN, {}, {"staple": False}, Action.STAPLE, "no staple is wanted"),
        (WITHDRAWN, {}, {"names": ("other.test",)}, Action.LEAF, "the names change from [app.test] to [other.test]"),
        ({"drift": ("a mode is 0644", "an owner is www")}, {}, {}, Action.REPAIR, "a mode is 0644; an owner is www"),
        ({}, {"status": "signed"}, {}, Action.NONE, "valid until"),
        ({}, {"status": "superseded"}, {}, Action.NONE, "valid until"),
        ({"drift": ("a mode is 0644",)}, {}, {"staple": False}, Action.STAPLE, "no staple is wanted"),
        ({"drift": ("a mode is 0644",), "generation": 0}, {}, {}, Action.LEAF, "nothing is deployed yet"),
    ],
)
def test_every_situation_has_its_decision_and_its_reason(
    good: Situation,
    request_leaf: RequestLeaf,
    authority: Authority,
    now: datetime,
    deployed: dict[str, Any],
    record: dict[str, Any] | None,
    wanted: dict[str, Any],
    action: Action,
    reason: str,
) -> None:
    assert good.record is not None
    known = None if record is None else replace(good.record, **record)
    situation = Situation(replace(good.deployed, **deployed), known)
    decided = decision(situation, request_leaf(**wanted), authority, now)
    assert decided.action is action
    assert reason in decided.reason


def test_the_order_of_the_names_is_no_reason(make_leaf, good: Situation, request_leaf, authority, now) -> None:
    leaf = make_leaf("a.test", "b.test")
    assert good.record is not None
    situation = replace(good, record=replace(good.record, certificate=leaf, sha256=fingerprint(leaf)))
    assert decision(situation, request_leaf(names=("b.test", "a.test")), authority, now).action is Action.NONE


@pytest.mark.parametrize(("days", "policy"), [(10, 90), (30, 90), (89, 90), (None, 20), (20, 60), (None, 91)])
def test_another_lifetime_is_a_new_leaf(
    good: Situation, request_leaf: RequestLeaf, authority: Authority, now: datetime, days: int | None, policy: int
) -> None:
    """Be it that of the task, or where that names none, that of the authority."""
    told = with_lifetimes(authority, leaf=policy)
    assert decision(good, request_leaf(lifetime=days), told, now) == Decision(
        Action.LEAF, f"the lifetime becomes {days or policy} days"
    )


@pytest.mark.parametrize(("days", "policy"), [(90, 90), (None, 90), (90, 180)])
def test_the_same_lifetime_is_no_reason(
    good: Situation, request_leaf: RequestLeaf, authority: Authority, now: datetime, days: int | None, policy: int
) -> None:
    told = with_lifetimes(authority, leaf=policy)
    assert decision(good, request_leaf(lifetime=days), told, now).action is Action.NONE


def test_a_longer_lifetime_that_the_issuing_authority_cannot_give_is_no_reason(
    good: Situation, request_leaf: RequestLeaf, authority: Authority
) -> None:
    ends = authority.issuing.certificate.not_valid_after_utc
    told, longer = with_lifetimes(authority, leaf=180), request_leaf(lifetime=180)
    record = good.record
    assert record is not None
    late = [ends - 181 * DAY, ends - 180 * DAY, ends - 179 * DAY]
    reasons = [outdated(longer, record, told, at) for at in late]
    assert [reason == "the lifetime becomes 180 days" for reason in reasons] == [True, True, False]
    assert outdated(request_leaf(lifetime=10), record, told, late[-1]) == "the lifetime becomes 10 days"


def test_a_staple_that_promises_for_longer_than_the_policy_is_replaced(
    good: Situation, request_leaf: RequestLeaf, authority: Authority, now: datetime
) -> None:
    shorter, longer = with_lifetimes(authority, staple=2), with_lifetimes(authority, staple=14)
    assert decision(good, request_leaf(), shorter, now) == Decision(
        Action.STAPLE, "the staple's lifetime becomes 2 days"
    )
    assert decision(good, request_leaf(), longer, now).action is Action.NONE


def with_lifetimes(authority: Authority, **days: int) -> Authority:
    """The authority after a task that asked it for other lifetimes."""
    policy = authority.policy
    return replace(authority, policy=replace(policy, lifetimes=replace(policy.lifetimes, **days)))


def test_a_leaf_is_replaced_in_the_last_third_of_its_lifetime(
    good: Situation, request_leaf: RequestLeaf, authority: Authority, leaf: x509.Certificate
) -> None:
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    third = leaf.not_valid_after_utc - life / 3
    assert good.record is not None
    fresh = replace(good.record, staples=(StapleRecord(STAPLE, third - DAY, third + 6 * DAY, third + 2 * DAY),))
    situation = replace(good, record=fresh)
    assert decision(situation, request_leaf(), authority, third - timedelta(seconds=1)).action is Action.NONE
    for at in (third, leaf.not_valid_after_utc + 100 * DAY):
        decided = decision(situation, request_leaf(), authority, at)
        assert decided.action is Action.LEAF
        assert decided.reason == "the last third of its lifetime has begun; it ends on 2026-08-30"


def test_a_staple_is_replaced_when_that_is_due(good, request_leaf: RequestLeaf, authority, now) -> None:
    assert decision(good, request_leaf(), authority, now + 3 * DAY - timedelta(seconds=1)).action is Action.NONE
    decided = decision(good, request_leaf(), authority, now + 3 * DAY)
    assert decided.action is Action.STAPLE
    assert decided.reason == "half of the staple's lifetime is over; it ends at 2026-06-08 12:00 UTC"


def test_a_leaf_of_an_old_issuing_authority_is_kept_with_its_own_chain(
    good: Situation, request_leaf: RequestLeaf, make_authority, own_authority: Authority, now: datetime
) -> None:
    assert good.record is not None
    renewed = make_authority(own_authority.folder, at=now + 1010 * DAY)
    assert renewed.issuing.number == 2
    assert decision(good, request_leaf(), renewed, now).action is Action.NONE
    newer = hashlib.sha256(to_pem(renewed.issuing.certificate).encode()).hexdigest()
    with_newer_chain = replace(good, deployed=replace(good.deployed, chain_sha256=newer))
    assert "chain.pem" in decision(with_newer_chain, request_leaf(), renewed, now).reason


# Where no leaf is issued


@pytest.mark.parametrize(
    ("deployed", "record", "wanted", "reason"),
    [
        ({"generation": 0}, None, {}, "nothing is deployed yet"),
        ({"damage": "privkey.pem is missing"}, None, {}, "privkey.pem is missing"),
        ({"damage": "privkey.pem is missing"}, {}, {}, "privkey.pem is missing"),
        ({"staple_sha256": ""}, None, {}, "the deployed leaf is not in the authority's ledger for this host"),
        ({"staple_sha256": ""}, {"status": "revoked"}, {}, "the deployed leaf is revoked"),
        ({"drift": ("a mode is 0644",)}, {"issuer_sha256": OTHER}, {}, "the issuer of the deployed leaf is no longer"),
    ],
)
def test_a_leaf_that_is_of_no_use_is_left_alone(
    good: Situation, request_leaf: RequestLeaf, authority, now, deployed, record, wanted, reason: str
) -> None:
    known = None if record is None else replace(good.record, **record)
    decided = decide(request_leaf(**wanted), replace(good.deployed, **deployed), known, authority, now, issue=False)
    assert decided.action is Action.NONE
    assert decided.reason.startswith(f"no leaf is issued here, though {reason}")
    assert decided.withheld.startswith(reason)


@pytest.mark.parametrize(
    ("deployed", "wanted", "withheld"),
    [
        ({}, {"names": ("other.test",)}, "the names change from [app.test] to [other.test]"),
        ({}, {"key_type": KeyType.RSA_3072}, "the key type becomes rsa-3072"),
        ({}, {"private_key": "host"}, "the private key is to be made on the host"),
        ({"chain_sha256": OTHER}, {}, "chain.pem is not the chain of the leaf's issuer"),
        ({}, {"pkcs12_passphrase": "words"}, "bundle.p12 is wanted"),
        ({}, {}, ""),
    ],
)
def test_a_leaf_that_should_be_another_is_kept_stapled_repaired_and_served(
    good: Situation, request_leaf: RequestLeaf, authority, now: datetime, deployed, wanted, withheld: str
) -> None:
    def decided(at: datetime = now, **more: Any) -> Decision:
        there = replace(good.deployed, **{**deployed, **more})
        return decide(request_leaf(**wanted), there, good.record, authority, at, issue=False)

    assert decided() == Decision(Action.NONE, "valid until 2026-08-30", withheld)
    assert decided(drift=("a mode is 0644",)) == Decision(Action.REPAIR, "a mode is 0644", withheld)
    assert decided(unserved=("not activated",)) == Decision(Action.ACTIVATE, "not activated", withheld)
    for due in (decided(now + 3 * DAY), decided(staple_sha256="")):
        assert (due.action, due.withheld) == (Action.STAPLE, withheld)


def test_a_leaf_in_its_last_third_is_stapled_until_no_staple_would_last(
    good: Situation, request_leaf: RequestLeaf, authority: Authority, leaf: x509.Certificate
) -> None:
    end = leaf.not_valid_after_utc

    def decided(at: datetime) -> Decision:
        return decide(request_leaf(), good.deployed, good.record, authority, at, issue=False)

    reason = "the last third of its lifetime has begun; it ends on 2026-08-30"
    for left in (20 * DAY, timedelta(minutes=11)):
        assert (decided(end - left).action, decided(end - left).withheld) == (Action.STAPLE, reason)
    for left in (timedelta(minutes=10), -DAY):
        assert decided(end - left) == Decision(Action.NONE, f"no leaf is issued here, though {reason}", reason)


def test_a_host_makes_no_key_where_no_leaf_is_issued(good: Situation, request_leaf, authority, now) -> None:
    request = request_leaf(names=("other.test",), private_key="host")
    assert inquiry(request, None, authority, now, issue=False).host_key is False
    asked = inquiry(request, good.record, authority, now, issue=False)
    assert (asked.host_key, asked.keep) == (False, good.record.sha256)


# What a host is asked


def test_a_host_is_asked_about_the_leaf_that_would_be_kept(good: Situation, request_leaf, authority, now) -> None:
    def keep(record: LeafRecord | None, *, at: datetime = now, **wanted: Any) -> str:
        return inquiry(request_leaf(**wanted), record, authority, at).keep

    assert good.record is not None
    assert keep(None) == ""
    assert keep(good.record) == good.record.sha256
    assert keep(good.record, names=("other.test",)) == ""
    assert keep(good.record, private_key="host") == ""
    assert keep(good.record, at=now + 80 * DAY) == ""


def test_the_question_says_when_the_last_staple_has_to_be_withdrawn(
    good: Situation, request_leaf: RequestLeaf, authority: Authority, now: datetime
) -> None:
    def asked(staples: tuple[StapleRecord, ...], **wanted: Any) -> int:
        assert good.record is not None
        record = replace(good.record, staples=staples)
        return inquiry(request_leaf(**wanted), record, authority, now).withdraw_at

    assert good.record is not None
    (staple,) = good.record.staples
    moment = int(staple.next_update.timestamp()) - MARGIN
    unseen = replace(staple, sha256="b" * 64, next_update=staple.next_update + DAY, in_use=False)
    assert asked((staple,)) == moment
    assert asked((staple, unseen)) == asked((unseen, staple)) == moment + 86400
    assert asked(()) == 0
    assert asked((staple,), names=("other.test",)) == 0  # another leaf is wanted


def test_the_staple_of_a_leaf_that_clients_refuse_without_is_never_withdrawn(
    good: Situation, make_leaf: Callable[..., x509.Certificate], request_leaf: RequestLeaf, authority, now
) -> None:
    assert good.record is not None
    leaf = make_leaf("app.test", must_staple=True)
    record = replace(good.record, certificate=leaf, sha256=fingerprint(leaf))
    asked = inquiry(request_leaf(must_staple=True), record, authority, now)
    assert (asked.keep, asked.withdraw_at) == (record.sha256, 0)


def test_the_question_says_what_a_host_needs_for_a_key_and_no_more(request_leaf, authority, now) -> None:
    request = request_leaf(private_key="host", key_type=KeyType.RSA_3072, pkcs12_passphrase="hidden words")
    assert inquiry(request, None, authority, now) == Inquiry("app", True, "", "", True, True)


def test_what_a_clock_that_was_ahead_signed_is_replaced(
    good: Situation, request_leaf: RequestLeaf, authority: Authority, now: datetime
) -> None:
    decision = decide(request_leaf(), good.deployed, good.record, authority, now - 60 * DAY)
    assert decision.action is Action.LEAF
    assert "not valid yet" in decision.reason
