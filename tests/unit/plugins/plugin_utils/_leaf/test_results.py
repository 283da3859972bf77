# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leaves in words: results and diffs, which show reasons and no secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import (
    ActivationOutcome,
    DeployedLeaf,
    Inspection,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import DeployedGeneration, Deployment
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger, open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.issuance import SignedLeaf, issue
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import Action, Decision, LeafPlan
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import LeafRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.results import (
    deployed_result,
    leaf_diff,
    plan_result,
    planned_result,
    signed_result,
    staple_warnings,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType

DESTINATION = "/etc/pki/anchorage"
ACTIVATION = {"tested": True, "reloaded": True, "probes": []}
NOTHING = DeployedLeaf("app")
SEEN = Inspection(ActivationOutcome(), withdrawal="installed")

RequestLeaf = Callable[..., LeafRequest]


@pytest.fixture
def ledger(own_authority: Authority) -> Iterator[Ledger]:
    with open_ledger(own_authority.ledger_path) as opened:
        yield opened


@pytest.fixture
def new(request_leaf: RequestLeaf) -> LeafPlan:
    """The plan of a leaf on a host that has none."""
    place = LeafPlace("web1", DESTINATION, "app")
    return LeafPlan(request_leaf(), NOTHING, None, Decision(Action.LEAF, "nothing is deployed yet"), place)


@pytest.fixture
def signed(new: LeafPlan, own_authority: Authority, ledger: Ledger, now: datetime) -> SignedLeaf:
    (made,) = issue([new], own_authority, Passphrases(), ledger, now)
    return made


@pytest.fixture
def kept(new: LeafPlan, signed: SignedLeaf, ledger: Ledger) -> LeafPlan:
    """The plan of a leaf that is left alone."""
    sha256 = fingerprint(signed.certificate)
    assert signed.staple is not None
    deployed = replace(NOTHING, generation=1, leaf_sha256=sha256, staple_sha256=signed.staple.sha256)
    record = ledger.leaf(new.place, sha256)
    return replace(new, deployed=deployed, record=record, decision=Decision(Action.NONE, "valid until 2026-08-30"))


def lines(plan: LeafPlan) -> tuple[str, str]:
    """A leaf's line before and after, without its name."""
    diff = leaf_diff([plan], DESTINATION)
    before, after = diff["before"], diff["after"]
    assert before.startswith("app: ")
    assert before.endswith("\n")
    return before[5:-1], after[5:-1]


def test_a_planned_leaf_is_told_with_its_reason(new: LeafPlan) -> None:
    assert plan_result(new, "installed") == {
        "name": "app",
        "action": "leaf",
        "reason": "nothing is deployed yet",
        "changed": True,
        "path": "/etc/pki/anchorage/app",
        "names": ["app.test"],
        "withheld": None,
        "generation": 0,
        "withdrawal": "installed",
    }


def test_a_leaf_that_is_left_alone_is_told_with_its_certificate_and_its_staple(kept: LeafPlan, signed) -> None:
    result = plan_result(kept, "installed")
    assert (result["action"], result["changed"], result["generation"]) == ("none", False, 1)
    assert result["subject"] == "CN=app.test"
    assert result["sha256"] == fingerprint(signed.certificate)
    assert result["serial_number"] == f"{signed.certificate.serial_number:x}"
    assert (result["not_before"], result["not_after"]) == ("2026-06-01T11:55:00Z", "2026-08-30T11:54:59Z")
    assert result["staple"] == {"this_update": "2026-06-01T11:55:00Z", "next_update": "2026-06-08T11:55:00Z"}


def test_a_leaf_without_a_staple_says_so(kept: LeafPlan) -> None:
    assert plan_result(replace(kept, deployed=replace(kept.deployed, staple_sha256="")), "installed")["staple"] is None


def test_a_withdrawn_staple_is_told_in_the_diff_alone(kept: LeafPlan) -> None:
    withdrawn = replace(kept.deployed, staple_sha256="", withdrawn="2026-06-08T11:50:00Z")
    decided = Decision(Action.STAPLE, "the staple was withdrawn")
    plan = replace(kept, deployed=withdrawn, decision=decided)
    assert plan_result(plan, "installed")["staple"] is None
    before, after = lines(plan)
    assert before.endswith(", staple withdrawn at 2026-06-08T11:50:00Z")
    assert after == "generation 2, the same leaf with a new staple (the staple was withdrawn)"


def test_a_delivered_leaf_is_told_as_it_is_now(signed: SignedLeaf) -> None:
    result = signed_result(signed, 1, "installed")
    assert (result["action"], result["changed"], result["generation"]) == ("leaf", True, 1)
    assert result["sha256"] == fingerprint(signed.certificate)
    assert result["staple"] == {"this_update": "2026-06-01T11:55:00Z", "next_update": "2026-06-08T11:55:00Z"}


def test_a_repair_keeps_the_staple_that_is_there(kept: LeafPlan, own_authority: Authority, ledger, now) -> None:
    repair = replace(kept, decision=Decision(Action.REPAIR, "a mode"))
    (repaired,) = issue([repair], own_authority, Passphrases(), ledger, now)
    result = signed_result(repaired, 1, "installed")
    assert (result["action"], result["changed"]) == ("repair", True)
    assert result["staple"]["next_update"] == "2026-06-08T11:55:00Z"


def test_a_staple_taken_away_is_gone_from_the_result(kept, own_authority, ledger, request_leaf, now) -> None:
    unwanted = replace(
        kept, request=request_leaf(staple=False), decision=Decision(Action.STAPLE, "no staple is wanted")
    )
    (delivered,) = issue([unwanted], own_authority, Passphrases(), ledger, now)
    result = signed_result(delivered, 2, "installed")
    assert (result["staple"], result["withdrawal"]) == (None, "not needed")


def test_a_task_that_leaves_every_leaf_alone_is_unchanged(kept: LeafPlan) -> None:
    assert planned_result([kept], SEEN, []) == {
        "changed": False,
        "certificates": [plan_result(kept, "installed")],
        "activation": {"tested": False, "reloaded": False, "probes": []},
        "others": [],
    }


def test_a_task_is_changed_where_one_of_its_leaves_is(kept: LeafPlan, new: LeafPlan) -> None:
    assert planned_result([kept, new], SEEN, [])["changed"] is True


def test_a_leaf_that_no_browser_accepts_is_warned_about(new: LeafPlan, request_leaf: RequestLeaf) -> None:
    plan = replace(new, request=request_leaf(key_type=KeyType.ED25519))
    (warning,) = planned_result([plan], SEEN, [])["warnings"]
    assert "no browser accepts" in warning


@pytest.mark.parametrize(
    ("server", "staple", "warned"), [("caddy", True, True), ("caddy", False, False), ("apache", True, False)]
)
def test_staples_that_no_client_would_see_are_warned_about(
    request_leaf: RequestLeaf, server: str, staple: bool, warned: bool
) -> None:
    warnings = staple_warnings([request_leaf("a", staple=staple), request_leaf("b", staple=False)], server)
    assert ["nothing is stapled" in warning for warning in warnings] == [True] * warned


def test_what_a_host_notices_of_its_servers_is_a_warning(kept: LeafPlan) -> None:
    inspection = Inspection(ActivationOutcome(), notices=("server is apache, which is not on this host yet",))
    assert planned_result([kept], inspection, [])["warnings"] == list(inspection.notices)


def test_a_deployment_tells_all_its_leaves_in_their_order(kept: LeafPlan, signed: SignedLeaf, request_leaf) -> None:
    alone = replace(kept, request=request_leaf("alone"))
    confirmed = DeployedGeneration("app", 7, *signed.shown)
    deployment = Deployment(
        True, ActivationOutcome(True, True), (confirmed,), ("an old generation stays",), "unavailable"
    )
    plans = [alone, signed.plan]
    result = deployed_result(planned_result(plans, SEEN, []), [signed], deployment)
    told = [(entry["name"], entry["generation"], entry["withdrawal"]) for entry in result["certificates"]]
    assert told == [("alone", 1, "installed"), ("app", 7, "unavailable")]
    assert result["activation"] == ACTIVATION
    assert result["warnings"] == ["an old generation stays"]


def test_no_result_and_no_diff_shows_a_secret(signed: SignedLeaf) -> None:
    key_lines = signed.delivery.private_key.splitlines()
    told = repr(signed_result(signed, 1, "installed")) + repr(leaf_diff([signed.plan], DESTINATION))
    assert not [line for line in key_lines if line in told]


def test_the_diff_of_a_new_leaf(new: LeafPlan) -> None:
    assert leaf_diff([new], DESTINATION)["before_header"] == f"leaf certificates in {DESTINATION}"
    assert lines(new) == (
        "nothing",
        "generation 1, a new ecdsa-p256 server leaf for app.test (nothing is deployed yet)",
    )


def test_the_diff_of_a_leaf_that_is_left_alone_is_none(kept: LeafPlan, signed: SignedLeaf) -> None:
    before, after = lines(kept)
    assert before == after
    assert before == (
        f"generation 1, leaf {fingerprint(signed.certificate)[:16]} for app.test until 2026-08-30T11:54:59Z, "
        "staple until 2026-06-08T11:55:00Z"
    )


def test_the_diff_of_a_foreign_leaf(new: LeafPlan) -> None:
    foreign = replace(new, deployed=replace(NOTHING, generation=3), decision=Decision(Action.LEAF, "unknown"))
    assert lines(foreign) == (
        "generation 3, a leaf that the ledger does not know",
        "generation 4, a new ecdsa-p256 server leaf for app.test (unknown)",
    )


def test_the_diff_of_a_damaged_leaf(kept: LeafPlan) -> None:
    damaged = replace(kept, deployed=replace(kept.deployed, damage="cert.pem is altered"))
    before, after = lines(replace(damaged, decision=Decision(Action.LEAF, "cert.pem is altered")))
    assert before == "generation 1, damaged"
    assert after.endswith("(cert.pem is altered)")


@pytest.mark.parametrize(
    ("wanted", "after"),
    [
        (True, "generation 2, the same leaf with a new staple (a reason)"),
        (False, "generation 2, the same leaf with no staple (a reason)"),
    ],
)
def test_the_diff_of_a_staple(kept: LeafPlan, request_leaf: RequestLeaf, wanted: bool, after: str) -> None:
    plan = replace(kept, request=request_leaf(staple=wanted), decision=Decision(Action.STAPLE, "a reason"))
    assert lines(plan)[1] == after


def test_the_diff_of_a_repair(kept: LeafPlan) -> None:
    before, after = lines(replace(kept, decision=Decision(Action.REPAIR, "a mode is 0644")))
    assert after == f"{before}, repaired (a mode is 0644)"


def test_the_diff_says_where_a_staple_is_missing(kept: LeafPlan) -> None:
    bare = replace(kept, deployed=replace(kept.deployed, staple_sha256=""))
    assert lines(bare)[0].endswith(", no staple of this authority")


def test_the_diff_has_a_line_for_each_leaf(new: LeafPlan, request_leaf: RequestLeaf) -> None:
    other = replace(new, request=request_leaf("other"))
    diff = leaf_diff([new, other], DESTINATION)
    assert [line.partition(":")[0] for line in diff["after"].splitlines()] == ["app", "other"]
    assert diff["before"] == "app: nothing\nother: nothing\n"


def test_a_leaf_that_is_needed_and_not_issued_is_a_warning(kept: LeafPlan) -> None:
    decision = Decision(Action.NONE, "valid until 2026-08-30", "bundle.p12 is wanted")
    result = planned_result([replace(kept, decision=decision)], SEEN, [])
    assert result["warnings"] == [
        "app on web1 needs another leaf, and this task issues none: bundle.p12 is wanted. Run the playbook "
        "anchorage.pki.issue."
    ]
    assert "warnings" not in planned_result([kept], SEEN, [])
