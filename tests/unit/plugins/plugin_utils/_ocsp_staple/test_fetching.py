# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Responses shared by the hosts of a run: asked for once, nobody's lie believed, nobody held up for ever."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.messages import Answer, Question
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple import fetching
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.fetching import Fetching, answers
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.plan import StaplePlan, decide
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.subject import identify
from ansible_collections.anchorage.pki.tests.unit.foreign_authority import ForeignAuthority
from ansible_collections.anchorage.pki.tests.unit.processes import LIMIT, Counter, fork, fork_all
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp

HOST = Fetching(by_controller=False, allow_private=False, digest="sha1")
CONTROLLER = replace(HOST, by_controller=True)
DOWN = Answer("app", failure="it is down", transient=True)


@pytest.fixture
def plan(request_staple, deployed, now: datetime) -> Callable[..., StaplePlan]:
    """A function that makes a plan that asks for a staple."""

    def make(about: x509.Certificate, name: str = "app", failures: int = 0, **options: Any) -> StaplePlan:
        request = request_staple(name, **options)
        found = deployed(name, about=about, staple=b"", failures=failures)
        subject = identify(request, found, now)
        decision = decide(request, found, subject, "sha1", now)
        assert decision.asks
        return StaplePlan(request, found, subject, decision)

    return make


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run."""
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


class Responder:
    """Counts over all processes how often it is asked, and for how much."""

    def __init__(self, folder: Path, authority: ForeignAuthority, *leaves: x509.Certificate) -> None:
        self.calls, self.questions = Counter(folder / "calls"), Counter(folder / "questions")
        self.authority, self.leaves = authority, leaves

    def __call__(self, questions: Sequence[Question]) -> list[Answer]:
        self.calls.add()
        for _question in questions:
            self.questions.add()
        time.sleep(0.1)
        return [self.authority.answer(question, *self.leaves) for question in questions]


@pytest.fixture
def responder(tmp_path: Path, foreign: ForeignAuthority, leaf: x509.Certificate) -> Responder:
    return Responder(tmp_path, foreign, leaf)


def failing(responder: Responder) -> Callable[[Sequence[Question]], list[Answer]]:
    def ask(questions: Sequence[Question]) -> list[Answer]:
        responder(questions)
        return [replace(DOWN, name=question.name) for question in questions]

    return ask


@pytest.mark.parametrize("how", [HOST, CONTROLLER], ids=["host", "controller"])
def test_twenty_hosts_with_one_certificate_make_one_request(plan, leaf, responder, run, now, how) -> None:
    plans = [plan(leaf)]

    def host(number: int) -> None:
        (answer,) = answers(plans, how, responder, run, now)
        assert answer.response

    fork_all(host, 20)
    assert (responder.calls.value, responder.questions.value) == (1, 1)


def test_several_certificates_are_asked_about_in_one_call_and_equal_ones_once(
    plan, foreign, tmp_path, run, now
) -> None:
    first, second = foreign.leaf(), foreign.leaf()
    responder = Responder(tmp_path, foreign, first, second)
    plans = [plan(first, "a"), plan(second, "b"), plan(first, "c")]
    got = answers(plans, HOST, responder, run, now)
    assert [ocsp.load_der_ocsp_response(answer.response).serial_number for answer in got] == [
        plan.subject.leaf.serial_number for plan in plans
    ]
    assert (responder.calls.value, responder.questions.value) == (1, 2)


def test_a_given_response_is_asked_for_nowhere(plan, leaf, tmp_path: Path, now: datetime) -> None:
    def nobody(questions: Sequence[Question]) -> list[Answer]:
        raise AssertionError(questions)

    assert answers([plan(leaf, response=b"given")], HOST, nobody, tmp_path, now) == [Answer("app", b"given")]
    assert answers([], HOST, nobody, tmp_path, now) == []


def test_what_one_host_says_is_for_others_only_where_it_is_good(plan, foreign, leaf, responder, run, now) -> None:
    lies = [
        b"no response",
        foreign.response(foreign.leaf()),
        foreign.response(leaf, status=ocsp.OCSPCertStatus.REVOKED),
    ]
    for lie in lies:
        told = answers([plan(leaf)], HOST, lambda _questions, lie=lie: [Answer("app", lie)], run, now)
        assert told[0].response == lie
    (answer,) = answers([plan(leaf)], HOST, responder, run, now)
    assert answer.response not in lies
    assert answers([plan(leaf)], HOST, failing(responder), run, now) == [answer]
    assert responder.calls.value == 1


def test_a_host_shares_nothing_about_a_certificate_with_those_who_have_another(plan, foreign, leaf, tmp_path, now):
    """Be it of the same name and serial, so that a response for the one looks like one for the other."""
    other = foreign.leaf(serial=leaf.serial_number)
    good = Answer("app", foreign.response(other))
    assert answers([plan(other)], HOST, lambda _questions: [good], tmp_path, now) == [good]
    assert answers([plan(leaf)], HOST, lambda _questions: [DOWN], tmp_path, now) == [DOWN]


def test_after_a_failure_on_one_host_all_others_ask_at_once(
    plan, leaf, responder: Responder, tmp_path, run, now
) -> None:
    """Not one after the other: each takes its own time only, once the first one is through."""
    plans, began = [plan(leaf)], time.monotonic()
    assert answers(plans, HOST, failing(responder), run, now) == [DOWN]

    def host(number: int) -> None:
        def ask(questions: Sequence[Question]) -> list[Answer]:
            arrived.add()
            while arrived.value < 8:  # for ever, if they waited for each other
                assert time.monotonic() < began + LIMIT
                time.sleep(0.01)
            return [DOWN]

        assert answers(plans, HOST, ask, run, now) == [DOWN]

    arrived = Counter(tmp_path / "arrived")
    fork_all(host, 8)
    assert arrived.value == 8


def test_a_failure_of_the_controller_is_one_of_all_hosts(plan, leaf, responder: Responder, run, now) -> None:
    plans = [plan(leaf, responder_url="http://a.test/")]

    def host(number: int) -> None:
        assert answers(plans, CONTROLLER, failing(responder), run, now) == [DOWN]

    fork_all(host, 10)
    assert responder.calls.value == 1
    # At another URL, or where more is allowed, it is no failure yet.
    elsewhere = [plan(leaf, responder_url="http://b.test/")]
    assert answers(elsewhere, CONTROLLER, responder, run, now)[0].response
    assert answers(plans, replace(CONTROLLER, allow_private=True), responder, run, now)[0].response


def test_a_host_that_is_lost_leaves_the_others_to_themselves(plan, leaf, responder, run, now) -> None:
    def lost(questions: Sequence[Question]) -> list[Answer]:
        raise PkiError("the connection was lost")

    with pytest.raises(PkiError, match="the connection was lost"):
        answers([plan(leaf)], HOST, lost, run, now)
    assert answers([plan(leaf)], HOST, responder, run, now)[0].response


def test_a_host_that_hangs_holds_nobody_up_for_ever(plan, leaf, responder, tmp_path, run, now, monkeypatch) -> None:
    started = tmp_path / "started"

    def hang(questions: Sequence[Question]) -> list[Answer]:
        started.touch()
        time.sleep(600)
        return []

    plans = [plan(leaf)]
    holder = fork(lambda number: answers(plans, HOST, hang, run, now), 0)
    deadline = time.monotonic() + LIMIT
    while not started.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    monkeypatch.setattr(fetching, "PATIENCE", 0.1)
    assert answers(plans, HOST, responder, run, now)[0].response
    os.kill(holder.pid or 0, signal.SIGKILL)
    holder.join()


def test_a_question_has_what_the_task_says(plan, foreign, leaf, tmp_path: Path, now: datetime) -> None:
    asked: list[Question] = []

    def ask(questions: Sequence[Question]) -> list[Answer]:
        asked.extend(questions)
        return [DOWN]

    answers([plan(leaf)], Fetching(False, True, "sha256"), ask, tmp_path, now)
    (question,) = asked
    request = ocsp.load_der_ocsp_request(question.request)
    assert (question.name, question.url, question.allow_private) == ("app", "http://ocsp.corporate.test/", True)
    assert (request.serial_number, request.hash_algorithm.name) == (leaf.serial_number, hashes.SHA256().name)


def test_responders_of_a_certificate_take_turns_while_they_fail(plan, foreign, tmp_path: Path, now: datetime) -> None:
    about = foreign.leaf(urls=["http://a.test/", "http://b.test/"])
    urls: list[str] = []

    def ask(questions: Sequence[Question]) -> list[Answer]:
        urls.extend(question.url for question in questions)
        return [DOWN]

    for failures in range(3):
        folder = tmp_path / str(failures)  # of another run each
        folder.mkdir()
        answers([plan(about, failures=failures)], HOST, ask, folder, now)
    assert urls == ["http://a.test/", "http://b.test/", "http://a.test/"]
