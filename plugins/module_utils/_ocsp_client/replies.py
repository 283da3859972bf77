# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a responder answers to one request, as far as HTTP goes."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from email.utils import mktime_tz, parsedate_tz

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.connection import connected
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.deadline import Deadline
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.errors import FetchError, RefusedError
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.http_messages import (
    HttpRequest,
    TooLargeError,
    exchange,
    talk_with,
)
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.messages import LARGEST_RESPONSE, LONGEST_WAIT
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.proxies import proxy_for
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.system import System
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.urls import HTTPS, Target

# Seconds to resolve the name, to connect and for the handshake of TLS, of one request.
CONNECT_LIMIT = 5.0
REQUEST_TYPE = "application/ocsp-request"
RESPONSE_TYPE = "application/ocsp-response"

_OK, _TOO_MANY_REQUESTS, _SERVER_ERRORS = 200, 429, range(500, 600)
# By which servers refuse a method or a path: Tomcat answers 400 to any that has an escaped slash in it, Apache 404.
_REFUSALS = (400, 403, 404, 405, 414)
# Those that keep the method. 303 means another thing than the answer to the request.
_REDIRECTS = (301, 302, 307, 308)


class Reply(NamedTuple):
    """The content of an answer, or where a redirect leads to: a ``location`` which others wrote, None of no redirect.

    ``retry_after`` is in seconds.
    """

    response: bytes
    location: str | None
    retry_after: int


def ask(target: Target, body: bytes, allow_private: bool, system: System, deadline: Deadline) -> Reply:
    """The reply to GET, or where there is a ``body``, to POST of that. Raises FetchError."""
    proxy = proxy_for(target, system.proxies())
    headers = {"Host": target.place, "Accept": RESPONSE_TYPE}
    if body:
        headers["Content-Type"] = REQUEST_TYPE
    path, place = target.path, target.place
    if proxy and target.scheme != HTTPS:
        path, place = target.url, f"{place} (through {proxy.place})"
        headers.update(proxy.headers)
    request = HttpRequest("POST" if body else "GET", path, headers, body)
    ready = connected(target, proxy, allow_private, system, deadline.within(CONNECT_LIMIT))
    with ready as connection, talk_with(place), exchange(connection, request, deadline) as answer:
        return _read(answer, place, system.now)


def _read(answer: http.client.HTTPResponse, place: str, now: Callable[[], float]) -> Reply:
    retry_after = seconds_of(answer.headers.get("Retry-After", ""), now)
    if answer.status in _REDIRECTS:
        return Reply(b"", answer.headers.get("Location", ""), retry_after)
    if answer.status in _REFUSALS:
        raise RefusedError(f"{place} answered with HTTP status {answer.status}")
    if answer.status != _OK:
        transient = answer.status == _TOO_MANY_REQUESTS or answer.status in _SERVER_ERRORS
        raise FetchError(f"{place} answered with HTTP status {answer.status}", transient, retry_after)
    if answer.headers.get_content_type() != RESPONSE_TYPE:
        raise FetchError(f"{place} answered with something else than {RESPONSE_TYPE}")
    return Reply(_read_content(answer), None, retry_after)


def _read_content(answer: http.client.HTTPResponse) -> bytes:
    """All of the content. Raises TooLargeError, and where the length says so, before any of it is read."""
    length = answer.length
    if length is not None and length > LARGEST_RESPONSE:
        raise TooLargeError
    content = answer.read(LARGEST_RESPONSE + 1)
    if len(content) > LARGEST_RESPONSE:
        raise TooLargeError
    if length is not None and len(content) < length:
        raise http.client.IncompleteRead(content)
    return content


def seconds_of(retry_after: str, now: Callable[[], float]) -> int:
    """The seconds that a Retry-After header (RFC 9110, section 10.2.3) asks for, 0 where there is none to be read."""
    if retry_after.isascii() and retry_after.isdigit():
        digits = retry_after.lstrip("0")
        return min(int(digits or 0), LONGEST_WAIT) if len(digits) < 10 else LONGEST_WAIT
    try:
        date = parsedate_tz(retry_after)
        wait = mktime_tz(date) - now() if date else 0.0
    except (ValueError, OverflowError):
        return 0
    return int(min(max(wait, 0), LONGEST_WAIT))
