# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP/1.1 over a connection that somebody else has made: one request, and what is read of its answer."""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any, NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.deadline import Deadline
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.errors import FetchError
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.messages import LARGEST_RESPONSE

# Bytes. What an answer may have besides its content: the head, and the lengths of chunks.
_LARGEST_REST = 16 * 1024


class TooLargeError(http.client.HTTPException):
    """More comes than any answer has."""


class HttpRequest(NamedTuple):
    """A request: ``target`` is a path, a whole URL for a proxy, or host and port for a tunnel."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    def encode(self) -> bytes:
        """The bytes on the wire. Nothing is escaped: what is in them comes out of a URL that was looked at."""
        headers = {**self.headers, "User-Agent": "anchorage.pki", "Connection": "close"}
        if self.body:
            headers["Content-Length"] = str(len(self.body))
        head = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*head, "", ""]).encode("ascii") + self.body


@contextmanager
def talk_with(place: str) -> Iterator[None]:
    """Turn whatever can go wrong in there into FetchError, about ``place``."""
    try:
        yield
    except socket.timeout as error:
        raise FetchError(f"{place} did not answer in time", transient=True) from error
    except (OSError, http.client.IncompleteRead) as error:
        raise FetchError(f"{place} cut the connection", transient=True) from error
    except TooLargeError as error:
        raise FetchError(f"{place} sent more than {LARGEST_RESPONSE} bytes") from error
    except (http.client.HTTPException, ValueError) as error:  # the latter for a chunk of negative length
        raise FetchError(f"{place} does not answer in HTTP") from error


@contextmanager
def exchange(connection: socket.socket, request: HttpRequest, deadline: Deadline) -> Iterator[http.client.HTTPResponse]:
    """Send the request, and read the head of the answer; its content is read in there, under the same deadline.

    Raises what :func:`talk_with` expects.
    """
    connection.settimeout(deadline.remaining())
    connection.sendall(request.encode())
    incoming = _Incoming(connection, deadline)
    with closing(http.client.HTTPResponse(incoming, method=request.method)) as answer:  # type: ignore[arg-type]
        answer.begin()
        incoming.may_end = True
        yield answer


class _Incoming(io.RawIOBase):
    """What comes over a connection until a deadline, to an end that no honest answer reaches.

    A timeout of a socket alone ends no answer that comes byte by byte, and http.client takes a head that is cut off for
    a whole one: until it ``may_end``, an end is a failure.
    """

    may_end = False

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        super().__init__()
        self._connection = connection
        self._deadline = deadline
        self._left = LARGEST_RESPONSE + _LARGEST_REST

    def makefile(self, _mode: str) -> io.BufferedReader:
        """As of a socket, which http.client takes this for."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._left <= 0:
            raise TooLargeError
        self._connection.settimeout(self._deadline.remaining())
        count = self._connection.recv_into(buffer)
        if not count and not self.may_end:
            raise ConnectionResetError
        self._left -= count
        return count
