# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetches from a responder that may misbehave: what comes back, and in how many connections."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable
from email.utils import formatdate

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.client import (
    AT_ONCE,
    MOST_REDIRECTS,
    PAUSES,
    TIME_LIMIT,
    fetch,
    fetch_all,
)
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.messages import (
    LARGEST_REQUEST,
    LARGEST_RESPONSE,
    Answer,
    Answers,
    Question,
)
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.system import System
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import decode, encode
from ansible_collections.anchorage.pki.tests.unit.leaves import free_port
from ansible_collections.anchorage.pki.tests.unit.ocsp_responder import (
    HOLLOW,
    INTERNAL_ERROR,
    MALFORMED_REQUEST,
    SIG_REQUIRED,
    TRY_LATER,
    UNAUTHORIZED,
    Reply,
    Seen,
    redirect,
    responder,
)
from ansible_collections.anchorage.pki.tests.unit.scratch_network import NOW, PUBLIC, Network
from hypothesis import example, given
from hypothesis import strategies as st

#: Its base64 has each of the characters that have to be escaped.
REQUEST = bytes.fromhex("fbeffffb")
LONG_REQUEST = REQUEST * 50


def ask(url: str, request: bytes = REQUEST, allow_private: bool = True) -> Question:
    return Question("app", url, request, allow_private)


# --- The request -----------------------------------------------------------------------------------------------------


def test_a_short_request_goes_by_get(network: Network) -> None:
    with responder() as running:
        assert fetch(ask(f"{running.url}/ocsp/"), network.system) == Answer("app", HOLLOW)
        (seen,) = running.requests
    assert (seen.method, seen.target) == ("GET", "/ocsp/%2B%2B%2F%2F%2Bw%3D%3D")
    assert (seen.headers["Accept"], seen.headers["Host"]) == ("application/ocsp-response", running.place)
    assert (seen.ocsp_request, seen.body) == (REQUEST, b"")


@pytest.mark.parametrize(("path", "request_"), [("/ocsp", LONG_REQUEST), ("/ocsp?ca=1", REQUEST)])
def test_a_long_request_and_one_to_a_query_go_by_post(network: Network, path: str, request_: bytes) -> None:
    with responder() as running:
        assert fetch(ask(f"{running.url}{path}", request_), network.system).response == HOLLOW
        (seen,) = running.requests
    assert (seen.method, seen.target, seen.ocsp_request) == ("POST", path, request_)
    assert seen.headers["Content-Type"] == "application/ocsp-request"


REFUSALS = [Reply(status=status) for status in (400, 403, 404, 405, 414)]


@pytest.mark.parametrize("refusal", [*REFUSALS, Reply(MALFORMED_REQUEST)], ids=str)
def test_where_get_is_refused_post_is_tried_once(network: Network, refusal: Reply) -> None:
    """Servers in Java refuse paths with an escaped slash, others any GET."""
    with responder(refusal, Reply()) as running:
        assert fetch(ask(f"{running.url}/ocsp"), network.system) == Answer("app", HOLLOW)
        assert [(seen.method, seen.ocsp_request) for seen in running.requests] == [("GET", REQUEST), ("POST", REQUEST)]
        assert running.requests[1].target == "/ocsp"
    assert not network.pauses
    for request, connections in ((REQUEST, 2), (LONG_REQUEST, 1)):
        with responder(refusal) as running:
            answer = fetch(ask(running.url, request), network.system)
            assert (bool(answer.failure), answer.transient, running.connections) == (True, False, connections)


# --- The answer ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        Reply(chunked=True),
        Reply(length=None),
        Reply(content_type="Application/OCSP-Response; charset=binary"),
        Reply(headers={"X": "\x1b[2J"}),
        Reply(raw=b"HTTP/1.0 200 OK\r\nContent-Type: application/ocsp-response\r\n\r\n" + HOLLOW),
        Reply(raw=b"HTTP/1.1 100 Continue\r\n\r\n" + Reply().encode()),
    ],
)
def test_whatever_way_http_has_to_send_it_is_read(network: Network, reply: Reply) -> None:
    with responder(reply) as running:
        assert fetch(ask(running.url), network.system) == Answer("app", HOLLOW)


@pytest.mark.parametrize("how", [Reply(), Reply(chunked=True), Reply(length=None)])
def test_the_largest_answer_is_taken_whole(network: Network, how: Reply) -> None:
    content = b"x" * LARGEST_RESPONSE
    reply = Reply(content, chunked=how.chunked, length=how.length)
    with responder(reply) as running:
        answer = fetch(ask(running.url), network.system)
    assert answer.response == content
    assert decode(Answers, encode(Answers(certificates=(answer,)))).certificates == (answer,)


@pytest.mark.parametrize(
    "make_reply",
    [
        lambda: Reply(b"x" * (LARGEST_RESPONSE + 1)),
        lambda: Reply(b"x" * (LARGEST_RESPONSE + 1), chunked=True),
        lambda: Reply(b"x" * (LARGEST_RESPONSE + 1), length=None),
        lambda: Reply(HOLLOW, length=10**12),
        lambda: Reply(b"x" * 10_000_000, length=None),
        lambda: Reply(headers={f"X-{number}": "x" * 60_000 for number in range(5)}),
    ],
)
def test_a_larger_answer_is_refused(network: Network, make_reply: Callable[[], Reply]) -> None:
    with responder(make_reply()) as running:
        answer = fetch(ask(running.url), network.system)
        assert answer == Answer("app", b"", f"{running.place} sent more than 65536 bytes")
        assert running.connections == 1


def test_a_length_that_is_too_large_is_refused_before_anything_is_read(network: Network) -> None:
    """This one never sends what it announces, and nobody waits for that."""
    head = Reply(b"", length=LARGEST_RESPONSE + 1).encode()
    with responder(Reply(raw=head + b"x", pause=0.001), Reply()) as running:
        assert "sent more than" in fetch(ask(running.url), network.system).failure


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (Reply(status=400), "answered with HTTP status 400"),
        (Reply(status=401), "answered with HTTP status 401"),
        (Reply(status=404), "answered with HTTP status 404"),
        (Reply(status=206), "answered with HTTP status 206"),
        (Reply(status=204), "answered with HTTP status 204"),
        (Reply(status=303, headers={"Location": "/"}), "answered with HTTP status 303"),
        (Reply(status=304), "answered with HTTP status 304"),
        (Reply(content_type="text/html"), "answered with something else than application/ocsp-response"),
        (Reply(content_type="application/ocsp-response2"), "answered with something else than"),
        (Reply(content_type="\x1b[2J"), "answered with something else than"),
        (Reply(raw=b"HTTP/1.1 200 OK\r\n\r\n" + HOLLOW), "answered with something else than"),
        (Reply(raw=b"220 mail ESMTP\r\n"), "does not answer in HTTP"),
        (Reply(raw=b"HTTP/1.1 two OK\r\n\r\n"), "does not answer in HTTP"),
        (Reply(raw=b"HTTP/1.1 200 " + b"x" * 70_000), "does not answer in HTTP"),
        (Reply(headers={f"X-{number}": "x" for number in range(200)}), "does not answer in HTTP"),
    ],
)
def test_a_wrong_answer_is_final(network: Network, reply: Reply, failure: str) -> None:
    with responder(reply) as running:
        answer = fetch(ask(running.url), network.system)
        assert answer.failure.startswith(f"{running.place} {failure}")
        assert answer.failure.isprintable()
        requests = 1 + (reply.status in (400, 404))  # the second one is no attempt, but another method
        assert (answer.response, answer.transient, running.connections) == (b"", False, requests)
    assert not network.pauses


#: What may stand in an answer, in any order.
PIECES = [
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 302 Found\r\n",
    b"Content-Type: application/ocsp-response\r\n",
    b"Content-Length: ",
    b"Transfer-Encoding: chunked\r\n",
    b"Location: ",
    b"Retry-After: ",
    b"http://",
    b"//[",
    b"5",
    b"-1",
    b"99999999999",
    b" ",
    b"\r\n",
    b"\r\n\r\n",
    HOLLOW,
]


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=20)).map(b"".join))
@example(Reply(chunked=True).encode().replace(b"5\r\n", b"-5\r\n"))
@example(Reply(chunked=True).encode().replace(b"5\r\n", b"x\r\n"))
@example(Reply(headers={"Content-Length": "9" * 5000}, length=None).encode())
def test_whatever_comes_there_is_an_answer(content: bytes) -> None:
    def connect(_address: str, _port: int, _seconds: float) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            theirs.sendall(content)
            theirs.shutdown(socket.SHUT_WR)
            return _Deaf(fileno=ours.detach())

    system = System(connect=connect, resolve=lambda _host: [PUBLIC], proxies=dict, sleep=lambda _seconds: None)
    answer = fetch(ask("http://127.0.0.1/"), system)
    assert answer.failure.isprintable()
    assert decode(Answer, encode(answer)) == answer


class _Deaf(socket.socket):
    """A connection whose other end has said everything, and does not listen."""

    def sendall(self, _content: bytes, _flags: int = 0) -> None:
        """Send nothing."""


@pytest.mark.parametrize(
    ("content", "failure", "transient"),
    [
        (UNAUTHORIZED, "unauthorized", False),
        (MALFORMED_REQUEST, "malformedRequest", False),
        (SIG_REQUIRED, "sigRequired", False),
        (TRY_LATER, "tryLater", True),
        (INTERNAL_ERROR, "internalError", True),
        (b"<html>", "with something that is no OCSP response", False),
        (b"", "with something that is no OCSP response", False),
        (HOLLOW[:-1], "with something that is no OCSP response", False),
    ],
)
def test_a_response_that_is_no_answer_comes_back_and_is_not_asked_for_again(
    network: Network, content: bytes, failure: str, transient: bool
) -> None:
    with responder(Reply(content)) as running:
        answer = fetch(ask(running.url), network.system)
        assert answer == Answer("app", content, f"{running.place} answered {failure}", transient)
        assert running.connections == 1 + (content == MALFORMED_REQUEST)


def test_a_responder_says_when_to_try_later(network: Network) -> None:
    with responder(Reply(TRY_LATER, headers={"Retry-After": "3600"})) as running:
        assert fetch(ask(running.url), network.system).retry_after == 3600


# --- Attempts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "failure"),
    [
        (Reply(status=500), "answered with HTTP status 500"),
        (Reply(status=503), "answered with HTTP status 503"),
        (Reply(status=429), "answered with HTTP status 429"),
        (Reply(only=0), "cut the connection"),
        (Reply(only=10), "cut the connection"),
        (Reply(only=25), "cut the connection"),
        (Reply(only=60), "cut the connection"),
        (Reply(only=-1), "cut the connection"),
        (Reply(chunked=True, only=-6), "cut the connection"),
    ],
)
def test_what_is_transient_is_tried_again(network: Network, bad: Reply, failure: str) -> None:
    with responder(bad, bad, Reply()) as running:
        assert fetch(ask(running.url), network.system) == Answer("app", HOLLOW)
        assert running.connections == 3
    with responder(bad) as running:
        answer = fetch(ask(running.url), network.system)
        assert answer == Answer("app", b"", f"{running.place} {failure}", True)
        assert running.connections == len(PAUSES) + 1


def test_a_responder_that_is_not_there_is_tried_again(network: Network) -> None:
    port = free_port()
    answer = fetch(ask(f"http://127.0.0.1:{port}/"), network.system)
    assert answer == Answer("app", b"", f"127.0.0.1:{port} refused the connection", True)
    assert network.connected == [("127.0.0.1", port)] * (len(PAUSES) + 1)


def test_pauses_double_and_differ_by_chance(network: Network) -> None:
    with responder(Reply(status=500)) as running:
        fetch(ask(running.url), network.system)
    assert network.pauses == [0.375, 0.75, 1.5]
    for chance in (0.0, 0.999):
        pauses: list[float] = []
        system = System(connect=_refuse, sleep=pauses.append, chance=lambda chance=chance: chance)
        fetch(ask("http://127.0.0.1/"), system)
        assert all(pause / 2 < slept <= pause for pause, slept in zip(PAUSES, pauses, strict=True))


def _refuse(_address: str, _port: int, _seconds: float) -> socket.socket:
    raise ConnectionRefusedError


def test_a_wish_for_a_later_attempt_is_honoured_where_there_is_time(network: Network) -> None:
    with responder(Reply(status=503, headers={"Retry-After": "4"}), Reply()) as running:
        assert fetch(ask(running.url), network.system) == Answer("app", HOLLOW)
    assert network.pauses == [4]


@pytest.mark.parametrize("seconds", [30, 3600])
def test_a_wish_for_more_time_than_there_is_ends_the_fetch(network: Network, seconds: int) -> None:
    for wish in (str(seconds), formatdate(NOW + seconds, usegmt=True)):
        with responder(Reply(status=503, headers={"Retry-After": wish})) as running:
            answer = fetch(ask(running.url), network.system)
            assert (answer.transient, answer.retry_after, running.connections) == (True, seconds, 1)
    assert not network.pauses


# --- Time ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "slow",
    [
        Reply(delay=25),
        Reply(pause=0.01, headers={"X": "x" * 2000}),
        Reply(b"x" * 5000, pause=0.01),
        Reply(b"x" * 5000, pause=0.01, chunked=True),
        Reply(raw=b"HTTP/1.1 100 Continue\r\n\r\n" * 200, pause=0.01),
    ],
)
def test_no_answer_takes_longer_than_the_time_limit(network: Network, slow: Reply) -> None:
    """However the seconds pass: with nothing at all, or a byte now and then."""
    network.haste = 40
    with responder(slow) as running:
        answer = fetch(ask(running.url), network.system)
        assert answer == Answer("app", b"", f"{running.place} did not answer in time", True)
        assert running.connections == 1


def test_a_second_attempt_has_the_time_that_is_left(network: Network) -> None:
    with responder(Reply(status=503, headers={"Retry-After": "9"}), Reply(delay=25)) as running:
        network.haste = 5
        answer = fetch(ask(running.url), network.system)
        assert answer.failure == f"{running.place} did not answer in time"
        assert running.connections == 2
    assert network.pauses == [9]


def test_connecting_takes_half_of_the_time_at_most_and_every_address_has_a_share(network: Network) -> None:
    waits: list[float] = []

    def connect(address: str, _port: int, seconds: float) -> socket.socket:
        waits.append(seconds)
        now[0] += seconds
        raise TimeoutError

    now = [0.0]
    addresses = [PUBLIC, "192.0.2.2"]
    system = System(
        resolve=lambda _host: addresses,
        connect=connect,
        proxies=dict,
        clock=lambda: now[0],
        sleep=lambda seconds: now.__setitem__(0, now[0] + seconds),
        chance=lambda: 0,
    )
    answer = fetch(ask("http://ocsp.test/"), system)
    assert answer == Answer("app", b"", "ocsp.test did not take the connection in time", True)
    assert waits == [2.5, 2.5, 2.25, 2.25]
    assert now[0] == TIME_LIMIT


def test_a_name_server_that_is_silent_holds_nobody_up(network: Network) -> None:
    ended = threading.Event()
    ticks = itertools.count()

    def resolve(_host: str) -> list[str]:
        ended.wait(25)
        return [PUBLIC]

    # On this clock, nearly all of the time to connect is over by each look at it.
    system = System(resolve=resolve, connect=_refuse, proxies=dict, clock=lambda: next(ticks) * 2.45)
    answer = fetch(ask("http://ocsp.test/"), system)
    ended.set()
    assert answer == Answer("app", b"", "the name ocsp.test was not resolved in time", True)


# --- Redirects -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize(("request_", "method"), [(REQUEST, "GET"), (LONG_REQUEST, "POST")])
def test_redirects_are_followed_by_the_same_method(network: Network, status: int, request_: bytes, method: str) -> None:
    with responder() as last, responder(redirect(f"{last.url}/there", status)) as first:
        assert fetch(ask(first.url, request_), network.system) == Answer("app", HOLLOW)
        (seen,) = last.requests
    assert (seen.method, seen.target, seen.headers["Host"]) == (method, "/there", last.place)
    assert seen.body == (request_ if method == "POST" else b"")


def test_three_redirects_are_followed_and_no_more(network: Network) -> None:
    steps = [redirect(f"/{number}") for number in range(MOST_REDIRECTS)]
    with responder(*steps, Reply()) as running:
        assert fetch(ask(running.url), network.system) == Answer("app", HOLLOW)
        assert running.connections == MOST_REDIRECTS + 1
    with responder(redirect("/again")) as running:
        answer = fetch(ask(running.url), network.system)
        assert (answer.failure, answer.transient) == (f"{running.url} is redirected more than 3 times", False)
        assert running.connections == MOST_REDIRECTS + 1


def test_a_redirect_to_nowhere_is_final(network: Network) -> None:
    with responder(Reply(status=302)) as running:
        assert fetch(ask(running.url), network.system).failure == f"{running.place} redirects to no URL"
        assert running.connections == 1


# --- Many ------------------------------------------------------------------------------------------------------------


def test_answers_come_in_order_and_a_failure_is_one_question_s_own(network: Network) -> None:
    def echo(seen: Seen) -> Reply:
        return Reply(seen.ocsp_request, delay=0.001 * (seen.ocsp_request[0] % 3))

    with responder(echo) as running:
        questions = [Question(str(n), running.url, bytes([n, n]), True) for n in range(3 * AT_ONCE)]
        questions[7] = Question("7", "ftp://x/", b"\0")
        questions[9] = Question("9", f"http://127.0.0.1:{free_port()}/", b"\0", True)
        answers = fetch_all(questions, network.system)
    assert [answer.name for answer in answers] == [question.name for question in questions]
    assert [number for number, answer in enumerate(answers) if not answer.response] == [7, 9]
    assert all(answers[n].response == questions[n].request for n in range(3 * AT_ONCE) if n not in (7, 9))


def test_many_are_asked_at_once(network: Network) -> None:
    """None is answered before all of a batch are there."""
    together = threading.Barrier(AT_ONCE, timeout=20)

    def wait(_seen: Seen) -> Reply:
        together.wait()
        return Reply()

    with responder(wait) as running:
        answers = fetch_all([ask(running.url)] * (2 * AT_ONCE), network.system)
    assert answers == [Answer("app", HOLLOW)] * (2 * AT_ONCE)


def test_no_question_has_no_answer(network: Network) -> None:
    assert fetch_all([], network.system) == []


def test_what_is_asked_and_answered_crosses_the_wire() -> None:
    question = Question("app", "http://a/", b"\0" * LARGEST_REQUEST, True)
    assert decode(Question, encode(question)) == question
    answer = Answer("app", b"\1", "why", True, 86400)
    assert decode(Answer, encode(answer)) == answer
