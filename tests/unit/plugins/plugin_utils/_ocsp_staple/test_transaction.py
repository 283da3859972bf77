# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The staples of a host from the first question to the last, with a host that is a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.messages import Answer, Question
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import HostFailedError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.fetching import Fetching
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.plan import Action
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.transaction import StapleTransaction
from ansible_collections.anchorage.pki.tests.unit.foreign_authority import DAY, ForeignAuthority
from ansible_collections.anchorage.pki.tests.unit.staple_host import StapleHost
from cryptography import x509

BY_HOST = Fetching(by_controller=False, allow_private=False, digest="sha1")
MINUTE = timedelta(minutes=1)


def nobody(questions: Sequence[Question]) -> Sequence[Answer]:
    raise AssertionError(f"the controller asks {questions}")


@pytest.fixture
def leaves(foreign: ForeignAuthority) -> dict[str, x509.Certificate]:
    return {"a": foreign.leaf("a.test", serial=1000), "b": foreign.leaf("b.test", serial=2000)}


@pytest.fixture
def host(foreign: ForeignAuthority, leaves) -> StapleHost:
    """One whose certificates have a responder that answers."""
    files = {f"/etc/ssl/{name}.pem": (leaf, foreign.certificate) for name, leaf in leaves.items()}
    return StapleHost(files, lambda question: foreign.answer(question, *leaves.values()))


@pytest.fixture
def transaction(host: StapleHost, tmp_path: Path, now: datetime) -> Callable[..., StapleTransaction]:
    """A function that begins a transaction with the host."""

    def begin(at: datetime = now, fetching: Fetching = BY_HOST, client: Any = nobody) -> StapleTransaction:
        run = tmp_path / str(len(host.calls))  # another one each time
        run.mkdir()
        return StapleTransaction(host, None, fetching, run, at, client)

    return begin


def carried_out(transaction: StapleTransaction, requests) -> list[tuple[Action, str]]:
    plans, _inspection = transaction.plan(requests)
    plans = transaction.obtain(plans)
    transaction.carry_out(plans)
    transaction.activate_again(plans)
    return [(plan.decision.action, plan.decision.reason) for plan in plans]


def actions(transaction: StapleTransaction, requests) -> list[Action]:
    return [action for action, _reason in carried_out(transaction, requests)]


def test_a_first_run_takes_three_calls_and_the_next_one(transaction, host, request_staple, leaves, now) -> None:
    requests = [request_staple("a"), request_staple("b")]
    assert carried_out(transaction(), requests) == [(Action.STAPLE, "nothing is deployed yet")] * 2
    assert host.calls == ["inspect", "fetch", "deploy"]
    assert [delivery.path for delivery in host.deliveries] == ["/etc/ssl/a.pem", "/etc/ssl/b.pem"]
    assert actions(transaction(), requests) == [Action.NONE] * 2
    assert host.calls[3:] == ["inspect"]
    # Half of the lifetime later, all over again.
    assert actions(transaction(now + 4 * DAY), requests) == [Action.NOTE] * 2  # the responder has nothing newer
    assert host.calls[4:] == ["inspect", "fetch", "deploy"]


def test_a_dead_responder_takes_no_staple_away_before_its_end(
    transaction, host, request_staple, foreign, leaves, now
) -> None:
    requests = [request_staple("a")]
    assert actions(transaction(), requests) == [Action.STAPLE]
    host.responder = lambda question: Answer(question.name, failure="it is down", transient=True)
    at, runs = now + 4 * DAY, 0
    while at < now + 6.99 * DAY:  # in every run that there is, an hour apart and more
        assert actions(transaction(at), requests) == [Action.NOTE]
        assert host.staples["a"].staple
        assert actions(transaction(at + timedelta(seconds=30)), requests) == [Action.NONE]  # in a pause
        at, runs = at + timedelta(hours=2), runs + 1
    assert host.staples["a"].failures == runs == len(host.questions) - 1
    assert actions(transaction(now + 7 * DAY), requests) == [Action.UNSTAPLE]
    assert host.staples["a"].staple == b""
    # It comes back.
    host.responder = lambda question: Answer(question.name, foreign.response(leaves["a"], 7 * DAY, 14 * DAY))
    assert actions(transaction(now + 8 * DAY), requests) == [Action.STAPLE]
    assert (host.staples["a"].failures, host.staples["a"].failure) == (0, "")


def test_a_renewed_certificate_gets_its_own_staple(transaction, host, request_staple, foreign, leaves) -> None:
    requests = [request_staple("a")]
    actions(transaction(), requests)
    host.files["/etc/ssl/a.pem"] = (leaves["b"], foreign.certificate)
    assert carried_out(transaction(), requests) == [(Action.STAPLE, "the certificate was replaced")]
    host.files["/etc/ssl/a.pem"] = (foreign.leaf(urls=[]), foreign.certificate)
    assert actions(transaction(), requests) == [Action.UNSTAPLE]
    assert host.staples["a"].staple == b""


def test_what_the_user_has_to_put_right_is_said_before_anything_is_done(transaction, host, request_staple) -> None:
    started = transaction()
    plans, _inspection = started.plan([request_staple("a"), request_staple("missing")])
    assert [plan.subject is None for plan in plans] == [False, True]
    with pytest.raises(PkiError, match=r"^'missing': /etc/ssl/missing.pem: there is no such file"):
        started.obtain(plans)
    assert host.calls == ["inspect"]


def test_an_issuer_may_be_in_a_file_of_its_own(transaction, host, request_staple, foreign, leaves) -> None:
    host.files |= {"/etc/ssl/a.pem": (leaves["a"],), "/etc/ssl/chain.pem": (foreign.certificate,)}
    assert actions(transaction(), [request_staple("a", issuer="/etc/ssl/chain.pem")]) == [Action.STAPLE]


def test_the_controller_asks_where_the_play_says_so_and_nowhere_else(
    transaction, host, request_staple, foreign, leaves
) -> None:
    """Whatever URL the host's certificate has, which is the host's to choose."""
    asked: list[Question] = []

    def client(questions: Sequence[Question]) -> list[Answer]:
        asked.extend(questions)
        return [foreign.answer(question, *leaves.values()) for question in questions]

    by_controller = replace(BY_HOST, by_controller=True)
    named = request_staple("a", responder_url="http://play.test/")
    known = request_staple("b", src=(leaves["b"], foreign.certificate))
    assert actions(transaction(fetching=by_controller, client=client), [named, known]) == [Action.STAPLE] * 2
    assert [question.url for question in asked] == ["http://play.test/", "http://ocsp.corporate.test/"]
    assert host.calls == ["inspect", "deploy"]
    host.files["/etc/ssl/b.pem"] = (foreign.leaf(urls=["http://evil.test/"]), foreign.certificate)
    started = transaction(fetching=by_controller, client=nobody)
    with pytest.raises(PkiError, match="is another certificate than src"):
        started.obtain(started.plan([known])[0])


def test_a_given_response_takes_no_request(transaction, host, request_staple, foreign, leaves) -> None:
    given = foreign.response(leaves["a"])
    assert actions(transaction(), [request_staple("a", response=given)]) == [Action.STAPLE]
    assert (host.calls, host.staples["a"].staple) == (["inspect", "deploy"], given)


def test_repair_and_activation_are_two_calls(transaction, host, request_staple) -> None:
    requests = [request_staple("a"), request_staple("b")]
    actions(transaction(), requests)
    failed = {"failures": 2, "failure": "it was down", "next_attempt": 5}
    host.staples["a"] = replace(host.staples["a"], drift=("a mode",), **failed)
    host.staples["b"] = replace(host.staples["b"], unserved=("another certificate",))
    assert carried_out(transaction(), requests) == [(Action.REPAIR, "a mode"), (Action.ACTIVATE, "another certificate")]
    assert host.calls[3:] == ["inspect", "deploy", "deploy"]
    repair, activate = host.deliveries[2:]
    assert (repair.name, repair.action, repair.staple) == ("a", "repair", b"")
    assert {name: getattr(repair, name) for name in failed} == failed
    assert (activate.name, activate.action) == ("b", "repair")


@pytest.mark.parametrize("operation", ["inspect", "fetch", "deploy"])
def test_a_host_that_fails_ends_the_task(transaction, host, request_staple, operation: str) -> None:
    host.loses = operation
    with pytest.raises(HostFailedError, match="does not come back"):
        actions(transaction(), [request_staple("a")])
    assert host.calls[-1] == operation


def test_a_host_answers_what_it_was_asked(transaction, host: StapleHost, request_staple) -> None:
    host.responder = lambda question: Answer("another")
    with pytest.raises(PkiError, match="it is about other certificates than this task"):
        actions(transaction(), [request_staple("a")])


def test_nothing_that_a_host_makes_up_is_deployed(
    transaction, host: StapleHost, request_staple, foreign, leaves
) -> None:
    for lie in (
        b"no response",
        foreign.response(leaves["b"]),
        foreign.response(leaves["a"], ends=-DAY, begins=-2 * DAY),
    ):
        host.responder = lambda question, lie=lie: Answer(question.name, lie)
        assert actions(transaction(), [request_staple("a")]) in ([Action.STAPLE], [Action.NOTE])
        assert {delivery.staple for delivery in host.deliveries} == {b""}
        host.staples["a"] = replace(host.staples["a"], next_attempt=0)


def test_no_certificate_may_be_named(transaction, host: StapleHost) -> None:
    started = transaction()
    plans, inspection = started.plan([])
    assert (plans, inspection.others) == ([], ("left-over",))
    assert started.obtain(plans) == []
    assert started.carry_out(plans) == ([], None)
    assert host.calls == ["inspect"]
