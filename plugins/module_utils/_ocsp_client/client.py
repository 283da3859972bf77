# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The OCSP client: a request is sent to a responder, and what it answers comes back, or why it does not.

Nothing is verified here; the controller does that. A fetch takes ten seconds at most, whatever the other side does, and
asks nobody whom it must not ask, whatever names and redirects say. The limits, and what cannot be limited:

- Name servers cannot be told to hurry: a look-up that takes too long is left to itself, in a thread that ends with it.
- With a proxy, the proxy resolves names, so that only addresses that stand in URLs are looked at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from ansible_collections.anchorage.pki.plugins.module_utils._host.text import single_line
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.deadline import Deadline
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.errors import FetchError, RefusedError
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.messages import Answer, Question
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.replies import Reply, ask
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.status import (
    MALFORMED_REQUEST,
    SUCCESSFUL,
    TRANSIENT,
    response_status,
)
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.system import THIS_SYSTEM, System
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.urls import (
    Target,
    parse_url,
    redirected,
    with_request,
)
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import LONGEST_LINE

# Seconds for one question with all that belongs to it: names, connections, redirects, pauses and further attempts.
TIME_LIMIT = 10.0
# Seconds between attempts, at most; up to half of it is left out by chance, so that a fleet does not come back at once.
PAUSES = (0.5, 1.0, 2.0)
MOST_REDIRECTS = 3
# Fetches at a time: most of each is waiting, and a responder that serves a fleet is not to take it for an attack.
AT_ONCE = 16


def fetch(question: Question, system: System = THIS_SYSTEM) -> Answer:
    """Ask, and ask again after what is transient, as long as there is time. Never raises FetchError."""
    deadline = Deadline(system.clock, TIME_LIMIT)
    pauses = iter(PAUSES)
    while True:
        try:
            return _fetch_once(question, system, deadline)
        except FetchError as error:
            wait = max(next(pauses, math.inf) * (1 - system.chance() / 2), error.retry_after)
            if not error.transient or not deadline.allows(wait):
                # What others sent may be in the message.
                reason = single_line(str(error), LONGEST_LINE)
                return Answer(question.name, b"", reason, error.transient, error.retry_after)
        system.sleep(wait)


def fetch_all(questions: Sequence[Question], system: System = THIS_SYSTEM) -> list[Answer]:
    """The answers to all questions, in their order.

    They are asked in threads, AT_ONCE of them: all together takes at most TIME_LIMIT for each AT_ONCE questions begun.
    """
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(lambda question: fetch(question, system), questions))


def _fetch_once(question: Question, system: System, deadline: Deadline) -> Answer:
    """One attempt, redirects included: by GET where that is short, and where that is refused, and else, by POST, which
    every responder takes (RFC 6960, section A.1). Raises FetchError."""
    target = parse_url(question.url)
    by_get = with_request(target, question.request)
    if by_get:
        with suppress(RefusedError):
            answer = _follow(question, by_get, b"", system, deadline)
            if response_status(answer.response) != MALFORMED_REQUEST:
                return answer
    return _follow(question, target, question.request, system, deadline)


def _follow(question: Question, target: Target, body: bytes, system: System, deadline: Deadline) -> Answer:
    """What is answered to GET, or where there is a ``body``, to POST of that, at the end of redirects. Raises
    FetchError."""
    for _request in range(MOST_REDIRECTS + 1):
        reply = ask(target, body, question.allow_private, system, deadline)
        if reply.location is None:
            return _answer(question, target, reply)
        target = redirected(target, reply.location)
    raise FetchError(f"{question.url} is redirected more than {MOST_REDIRECTS} times")


def _answer(question: Question, target: Target, reply: Reply) -> Answer:
    status = response_status(reply.response)
    if status == SUCCESSFUL:
        return Answer(question.name, reply.response)
    failure = f"{target.place} answered {status or 'with something that is no OCSP response'}"
    return Answer(question.name, reply.response, failure, status in TRANSIENT, reply.retry_after)
