# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done about a staple: for every state of a host, and for every answer of a responder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.messages import Answer
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.messages import DeployedStaple
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.plan import (
    Action,
    Decision,
    StaplePlan,
    decide,
    settle,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.request import Fetching, StapleRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.subject import identify
from ansible_collections.anchorage.pki.tests.unit.foreign_authority import DAY, ForeignAuthority
from ansible_collections.anchorage.pki.tests.unit.plugins.plugin_utils._ocsp_staple.conftest import ask_for
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
PLAN = Callable[..., StaplePlan]
BY_HOST = Fetching(by_controller=False, allow_private=False, digest="sha1")
BY_SHA256 = replace(BY_HOST, digest="sha256")


@pytest.fixture
def plan(request_staple: Callable[..., StapleRequest], deployed: Callable[..., DeployedStaple], now: datetime) -> PLAN:
    """A function that makes the plan for what a host has."""

    def make(request: StapleRequest | None = None, fetching: Fetching = BY_HOST, **facts: Any) -> StaplePlan:
        request, found = request or request_staple(), deployed(**facts)
        subject = identify(request, found, now)
        return StaplePlan(request, found, subject, decide(request, found, subject, fetching, now))

    return make


@pytest.fixture
def decision(plan: PLAN) -> Callable[..., Decision]:
    return lambda *arguments, **facts: plan(*arguments, **facts).decision


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())


# What is deployed


def test_a_staple_that_is_not_due_stays(decision, foreign: ForeignAuthority, leaf) -> None:
    found = decision(staple=(staple := foreign.response(leaf)))
    assert (found.action, found.asks) == (Action.NONE, False)
    assert found.reason == "the staple is valid until 2026-06-08 12:00 UTC"
    assert found.staple.der == staple


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"generation": 0, "leaf_sha256": "", "staple": b""}, "nothing is deployed yet"),
        ({"damage": "staple.der is missing", "staple": b""}, "staple.der is missing"),
        ({"staple": b"", "leaf_sha256": "ab" * 32}, "the certificate was replaced"),
        ({"leaf_sha256": "ab" * 32, "staple": b"another's"}, "the certificate was replaced"),
        ({"staple": b""}, "there is no staple"),
        ({"staple": b"", "withdrawn": "2026-05-31T11:55:00Z"}, "the staple was withdrawn at 2026-05-31T11:55:00Z, "),
        ({"staple": b"no response"}, "the deployed staple is no longer good: it is not an OCSP response in DER"),
    ],
)
def test_a_staple_is_asked_for_where_there_is_none_that_serves(decision, facts: dict[str, Any], reason: str) -> None:
    found = decision(**facts)
    assert (found.action, found.asks, found.staple) == (Action.STAPLE, True, None)
    assert found.reason.startswith(reason)


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ({"begins": -8 * DAY, "ends": -DAY}, "the deployed staple is no longer good: it ended at 2026-05-31"),
        ({"ends": 5 * MINUTE}, "the deployed staple is no longer good: it ends at"),
        ({"ends": 6 * MINUTE}, "half of the staple's lifetime is over; it ends at 2026-06-01 12:06 UTC"),
        ({"begins": HOUR}, "the deployed staple is no longer good: it is valid from 2026-06-01 13:00 UTC on only"),
        (
            {"begins": -7 * DAY, "ends": 7 * DAY},
            "half of the staple's lifetime is over; it ends at 2026-06-08 12:00 UTC",
        ),
    ],
)
def test_a_staple_is_asked_for_by_the_time(decision, foreign, leaf, times: dict[str, Any], reason: str) -> None:
    found = decision(staple=foreign.response(leaf, **times))
    assert (found.action, found.asks) == (Action.STAPLE, True)
    assert found.reason.startswith(reason)


def test_a_staple_by_the_former_issuer_or_digest_does_not_stay(decision, foreign, leaf) -> None:
    by_sha256 = foreign.response(leaf, certificate_id=hashes.SHA256())
    assert decision(staple=by_sha256, fetching=BY_SHA256).action is Action.NONE
    assert "no longer good: it does not name its certificate by the digest" in decision(fetching=BY_SHA256).reason
    assert "no longer good: it does not name its certificate by the digest" in decision(staple=by_sha256).reason
    other = foreign.response(foreign.leaf())
    assert decision(staple=other).reason == "the deployed staple is no longer good: it is about another certificate"


def test_what_is_there_is_repaired_or_activated(decision) -> None:
    assert decision(drift=("a", "b"), unserved=("c",)).reason == "a; b"
    assert decision(drift=("a", "b"), unserved=("c",)).action is Action.REPAIR
    assert decision(unserved=("c",)).action is Action.ACTIVATE
    assert decision(unserved=("c",)).staple is not None


def test_a_good_staple_of_a_damaged_generation_is_deployed_again_without_a_request(decision) -> None:
    found = decision(damage="cert.pem is missing")
    assert (found.action, found.reason, found.asks) == (Action.STAPLE, "cert.pem is missing", False)
    assert found.staple is not None


# Nothing to staple


def test_a_certificate_without_a_responder_gets_a_generation_without_a_staple_once(decision, foreign) -> None:
    silent = {"about": foreign.leaf(urls=[]), "staple": b""}
    reason = "the certificate has no OCSP URL, so that there is nothing to staple"
    first = decision(**silent, generation=0, leaf_sha256="")
    assert (first.action, first.reason, first.asks) == (Action.STAPLE, f"nothing is deployed yet; {reason}", False)
    assert (decision(**silent).action, decision(**silent).reason) == (Action.NONE, reason)
    # It was renewed: no server has to be reloaded for that.
    assert decision(**silent, leaf_sha256="ab" * 32).action is Action.NONE
    assert decision(**silent, drift=("a",)).action is Action.REPAIR
    assert decision(**silent, unserved=("a",)).action is Action.ACTIVATE
    assert decision(**silent, damage="a").reason == f"a; {reason}"


@pytest.mark.parametrize("facts", [{}, {"leaf_sha256": "ab" * 32}, {"staple": b"of a former certificate"}])
def test_the_staple_of_an_expired_certificate_is_taken_away(decision, foreign, facts: dict[str, Any]) -> None:
    found = decision(about=foreign.leaf(ends=-HOUR), **facts)
    assert (found.action, found.staple, found.asks) == (Action.UNSTAPLE, None, False)
    assert found.reason == "the certificate ends at 2026-06-01 11:00 UTC"


def test_a_withdrawn_staple_that_is_not_wanted_any_more_leaves_no_mark(decision, foreign) -> None:
    found = decision(about=foreign.leaf(ends=-HOUR), staple=b"", withdrawn="2026-05-31T11:55:00Z")
    assert (found.action, found.staple) == (Action.STAPLE, None)


def test_former_failures_say_nothing_about_what_is_not_asked_for(decision, foreign) -> None:
    failed = {"failures": 3, "failure": "it is down", "next_attempt": seconds(foreign.now + HOUR)}
    for facts in ({"about": foreign.leaf(urls=[])}, {"leaf_sha256": "ab" * 32}):
        assert decision(**failed, **facts).attempts.failures == 0


# Pauses


@pytest.fixture
def way(plan: PLAN, now: datetime) -> str:
    """How a host keeps the way in which the responder is asked."""
    failed = settle(plan(staple=b""), Answer("app", failure="it is down", transient=True), BY_HOST, now)
    return failed.delivery.failure.removeprefix("it is down")


def test_a_responder_is_left_alone_until_its_pause_is_over(decision, now: datetime, way: str) -> None:
    failed = {"failures": 3, "failure": f"connection refused{way}", "staple": b""}
    found = decision(**failed, next_attempt=seconds(now + MINUTE))
    assert (found.action, found.asks) == (Action.NONE, False)
    assert found.reason == "its responder is asked again from 2026-06-01 12:01 UTC on: connection refused"
    assert (found.attempts.failures, found.attempts.next_attempt) == (3, seconds(now + MINUTE))
    assert decision(**failed, next_attempt=seconds(now)).asks
    assert decision(**failed, next_attempt=0).asks
    assert decision(**failed, next_attempt=seconds(now + 30 * DAY)).asks  # by a clock that was ahead


@pytest.mark.parametrize(
    "mended",
    [
        {"fetching": replace(BY_HOST, allow_private=True)},
        {"fetching": replace(BY_HOST, by_controller=True)},
        {"fetching": BY_SHA256},
        {"request": ask_for(responder_url="http://mended.test/")},
    ],
    ids=["private addresses", "by the controller", "digest", "URL"],
)
def test_a_task_that_was_mended_has_no_pause(decision, now, way: str, mended: dict[str, Any]) -> None:
    pause = {"failures": 1, "failure": f"it is down{way}", "next_attempt": seconds(now + MINUTE), "staple": b""}
    assert not decision(**pause).asks
    found = decision(**pause, **mended)
    assert (found.asks, found.attempts.failures, found.attempts.failure) == (True, 1, "it is down")


def test_a_given_response_that_failed_is_no_pause_of_the_responder(plan, decision, request_staple, now) -> None:
    given = plan(request_staple(response=b"no response"), staple=b"")
    failed = settle(given, Answer("app", b"no response"), BY_HOST, now).decision.attempts
    assert (failed.failures, failed.next_attempt) == (1, 0)
    assert decision(staple=b"", **failed.record).asks


def test_the_longest_failure_is_kept_with_its_pause(plan: PLAN, now: datetime) -> None:
    failed = settle(plan(staple=b""), Answer("app", failure="x" * 500), BY_HOST, now)
    assert len(failed.delivery.failure) == 500
    assert not plan(staple=b"", **failed.decision.attempts.record).decision.asks


def test_in_a_pause_the_good_stays_and_the_bad_goes(decision, foreign, leaf, now, way: str) -> None:
    pause = {"failures": 1, "failure": f"it is down{way}", "next_attempt": seconds(now + MINUTE)}
    due = foreign.response(leaf, begins=-7 * DAY)
    kept = decision(**pause, staple=due)
    assert (kept.action, kept.staple.der) == (Action.NONE, due)
    assert kept.reason.startswith("the staple is valid until 2026-06-08 12:00 UTC; its responder is asked again from")
    assert decision(**pause, staple=due, drift=("a",)).action is Action.REPAIR
    gone = decision(**pause, staple=foreign.response(leaf, begins=-DAY, ends=-HOUR))
    assert (gone.action, gone.staple, gone.asks) == (Action.UNSTAPLE, None, False)
    assert "it ended at 2026-06-01 11:00 UTC; its responder is asked again" in gone.reason


def test_a_replaced_certificate_has_no_pause(decision, now: datetime) -> None:
    pause = {"failures": 1, "failure": "it is down", "next_attempt": seconds(now + MINUTE)}
    found = decision(**pause, staple=b"of the former", leaf_sha256="ab" * 32)
    assert (found.asks, found.attempts.failures) == (True, 0)


def test_a_pause_leaves_time_for_another_attempt_before_the_staple_ends(plan: PLAN, foreign, leaf, now) -> None:
    made = plan(staple=foreign.response(leaf, begins=-7 * DAY, ends=2 * HOUR))
    asked = Answer("app", failure="tryLater", transient=True, retry_after=24 * 3600)
    for answer in (asked, Answer("app", made.deployed.staple), Answer("app", failure="HTTP status 404")):
        done = settle(made, answer, BY_HOST, now).decision.attempts
        assert done.next_attempt == seconds(now + HOUR)
    soon = plan(staple=foreign.response(leaf, begins=-7 * DAY, ends=40 * MINUTE))
    again = settle(soon, Answer("app", soon.deployed.staple), BY_HOST, now).decision.attempts
    assert again.next_attempt == seconds(now + 20 * MINUTE)


def test_nothing_newer_is_no_pause_where_there_is_no_staple(plan: PLAN, decision, foreign, leaf, now) -> None:
    due = foreign.response(leaf, begins=-7 * DAY)
    waiting = settle(plan(staple=due), Answer("app", due), BY_HOST, now).decision.attempts
    assert not decision(staple=due, **waiting.record).asks
    assert decision(staple=b"", **waiting.record).asks


def test_a_time_beyond_all_calendars_is_none(decision, way: str) -> None:
    found = decision(failures=1, failure=f"it is down{way}", next_attempt=10**12, staple=b"")
    assert (found.asks, found.attempts.next_attempt) == (True, 0)
    assert decision(next_attempt=10**12).attempts.next_attempt == 0


# A response of the user's own


def test_a_given_response_is_deployed_where_it_is_another_one(decision, request_staple, foreign, leaf, now) -> None:
    given = foreign.response(leaf)
    pause = {"failures": 1, "failure": "it is down", "next_attempt": seconds(now + MINUTE)}
    assert decision(request_staple(response=given), staple=given).action is Action.NONE
    newer = foreign.response(leaf, ends=8 * DAY)
    assert decision(request_staple(response=newer), **pause).reason == "another response is given"
    for no_newer in (given, foreign.response(leaf, begins=-DAY, ends=9 * DAY)):  # signed anew, or older
        found = decision(request_staple(response=no_newer), staple=foreign.response(leaf))
        assert (found.action, found.asks, found.attempts.failures) == (Action.NONE, False, 0)
        assert found.reason.endswith("; the response that is given is no newer")
    assert decision(request_staple(response=given), staple=b"", **pause).asks
    # There is nobody to ask for a newer one.
    old = foreign.response(leaf, begins=-7 * DAY)
    assert decision(request_staple(response=old), staple=old).action is Action.NONE


# Answers


def test_a_good_response_is_deployed_and_failures_are_forgotten(plan: PLAN, foreign, leaf, now: datetime) -> None:
    failed = plan(staple=b"", failures=3, failure="it is down", next_attempt=seconds(now - MINUTE))
    response = foreign.response(leaf)
    done = settle(failed, Answer("app", response), BY_HOST, now).decision
    assert (done.action, done.reason, done.staple.der) == (Action.STAPLE, "there is no staple", response)
    assert (done.attempts.failures, done.attempts.failure, done.attempts.next_attempt) == (0, "", 0)


@pytest.mark.parametrize(
    ("answer", "failure", "pause"),
    [
        (Answer("app", failure="connection refused.", transient=True), "connection refused", MINUTE),
        (Answer("app", failure="it asks for patience", transient=True, retry_after=7200), "it asks", 2 * HOUR),
        (Answer("app", failure="HTTP status 404"), "HTTP status 404", HOUR),
        (Answer("app", b"no response"), "the response is refused: it is not an OCSP response in DER", HOUR),
        (Answer("app"), "the response is refused: it is empty", HOUR),
    ],
)
def test_a_failure_keeps_the_good_staple_and_is_noted(plan: PLAN, foreign, leaf, now, answer, failure, pause) -> None:
    due = foreign.response(leaf, begins=-7 * DAY)
    done = settle(plan(staple=due), answer, BY_HOST, now)
    assert (done.decision.action, done.decision.staple.der) == (Action.NOTE, due)
    assert done.decision.attempts.failure.startswith(failure)
    assert (done.decision.attempts.failures, done.decision.attempts.next_attempt) == (1, seconds(now + pause))
    assert (done.delivery.action, done.delivery.staple, done.delivery.failures) == ("note", b"", 1)


def test_failures_are_counted_and_pauses_grow(plan: PLAN, now: datetime) -> None:
    failed = Answer("app", failure="it is down", transient=True)
    for before, minutes in ((1, 2), (2, 4), (9, 60), (2**31 - 1, 60)):
        done = settle(plan(staple=b"", failures=before), failed, BY_HOST, now).decision.attempts
        assert done.failures == min(before + 1, 2**31 - 1)
        assert done.next_attempt == seconds(now + minutes * MINUTE)


@pytest.mark.parametrize(
    ("facts", "action"),
    [
        ({"generation": 0, "leaf_sha256": "", "staple": b""}, Action.STAPLE),
        ({"damage": "a", "staple": b""}, Action.STAPLE),
        ({"leaf_sha256": "ab" * 32}, Action.STAPLE),
        ({"leaf_sha256": "ab" * 32, "staple": b"another's"}, Action.UNSTAPLE),
        ({"staple": b"no response"}, Action.UNSTAPLE),
        ({"staple": b""}, Action.NOTE),
        ({"staple": b"", "withdrawn": "2026-05-31T11:55:00Z"}, Action.NOTE),
        ({"staple": b"", "drift": ("a",)}, Action.REPAIR),
        ({"staple": b"", "unserved": ("a",)}, Action.ACTIVATE),
    ],
)
def test_a_failure_leaves_nothing_bad_and_changes_nothing_else(plan: PLAN, now, facts, action: Action) -> None:
    made = plan(**{**facts, "staple": facts.get("staple", b"")})
    done = settle(made, Answer("app", failure="it is down", transient=True), BY_HOST, now)
    assert (done.decision.action, done.decision.staple) == (action, None)
    order = {Action.STAPLE: "staple", Action.UNSTAPLE: "staple", Action.NOTE: "note"}.get(action, "repair")
    assert (done.delivery.action, done.delivery.staple) == (order, b"")
    assert (done.delivery.failures, done.decision.attempts.failure) == (1, "it is down")


def test_nothing_older_replaces_a_good_staple(plan: PLAN, foreign, leaf, now: datetime) -> None:
    due = foreign.response(leaf, begins=-7 * DAY)
    older = Answer("app", foreign.response(leaf, begins=-8 * DAY, ends=30 * DAY))
    done = settle(plan(staple=due), older, BY_HOST, now).decision
    assert (done.action, done.staple.der) == (Action.NOTE, due)
    assert done.attempts.failure == "the response is refused: it is older than the one that is installed"


def test_what_is_no_newer_is_no_failure_but_a_reason_to_wait(plan: PLAN, foreign, leaf, now: datetime) -> None:
    due = foreign.response(leaf, begins=-7 * DAY)
    done = settle(plan(staple=due), Answer("app", due), BY_HOST, now).decision
    assert (done.action, done.staple.der, done.attempts.failures, done.attempts.failure) == (Action.NOTE, due, 0, "")
    assert done.reason.endswith("there is no newer response yet")
    assert done.attempts.next_attempt == seconds(now + HOUR)
    waits = plan(staple=due, **done.attempts.record).decision
    assert (waits.action, waits.asks) == (Action.NONE, False)
    assert waits.reason.endswith("13:00 UTC on: there was no newer response")


def test_a_good_staple_stays_until_the_host_would_withdraw_it(plan: PLAN, foreign, leaf, now: datetime) -> None:
    """It is no reason to take one away that its end is too near for a new one."""
    staple = foreign.response(leaf, ends=6 * MINUTE)
    down = Answer("app", failure="it is down", transient=True)
    done = settle(plan(staple=staple), down, BY_HOST, now).decision
    assert (done.action, done.staple.der) == (Action.NOTE, staple)
    fresh = settle(plan(staple=b""), Answer("app", staple), BY_HOST, now).decision
    assert (fresh.staple, fresh.attempts.failures) == (None, 1)


def test_a_response_may_outlive_its_certificate_and_counts_until_the_end_of_that(plan, foreign, now: datetime) -> None:
    ending = foreign.leaf(serial=1000, ends=2 * DAY)
    response = foreign.response(ending, begins=0 * DAY)
    made = plan(about=ending, staple=b"")
    done = settle(made, Answer("app", response), BY_HOST, now).decision
    assert (done.action, done.staple.der) == (Action.STAPLE, response)
    assert (done.staple.next_update, done.staple.renew_at) == (now + 2 * DAY, now + DAY)
    assert plan(about=ending, staple=response).decision.action is Action.NONE


def test_unknown_never_replaces_good(plan: PLAN, foreign, leaf, now: datetime) -> None:
    due = foreign.response(leaf, begins=-7 * DAY)
    answer = Answer("app", foreign.response(leaf, status=ocsp.OCSPCertStatus.UNKNOWN))
    done = settle(plan(staple=due), answer, BY_HOST, now).decision
    assert (done.action, done.staple.der, done.attempts.revoked) == (Action.NOTE, due, False)


@pytest.mark.parametrize(
    ("facts", "action"),
    [
        ({"begins": -7 * DAY}, Action.UNSTAPLE),
        (None, Action.NOTE),
    ],
)
def test_the_staple_of_a_revoked_certificate_is_taken_away(plan: PLAN, foreign, leaf, now, facts, action) -> None:
    staple = foreign.response(leaf, **facts) if facts else b""
    answer = Answer("app", foreign.response(leaf, status=ocsp.OCSPCertStatus.REVOKED))
    done = settle(plan(staple=staple), answer, BY_HOST, now).decision
    assert (done.action, done.staple, done.attempts.revoked) == (action, None, True)
    assert done.reason == done.attempts.failure == "the certificate was revoked at 2026-05-31 12:00 UTC"
    known = plan(staple=b"", **done.attempts.record).decision
    assert (known.action, known.asks, known.attempts.revoked) == (Action.NONE, False, True)


def test_nobody_but_the_authority_revokes(plan: PLAN, foreign, leaf, now: datetime) -> None:
    due, revoked = foreign.response(leaf, begins=-7 * DAY), foreign.response(leaf, status=ocsp.OCSPCertStatus.REVOKED)
    forged = revoked[:-1] + bytes([revoked[-1] ^ 1])  # the end of the signature
    done = settle(plan(staple=due), Answer("app", forged), BY_HOST, now).decision
    assert (done.action, done.staple.der, done.attempts.revoked) == (Action.NOTE, due, False)
