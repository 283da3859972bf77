# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An OCSP responder for tests, which misbehaves as it is told, and counts who connects to it.

It is an HTTP server of a few lines, so that it can answer what no library would: byte by byte, cut off, or nonsense.
"""

from __future__ import annotations

import base64
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import unquote

#: OCSPResponses without content (RFC 6960, section 4.2.1), by their responseStatus.
MALFORMED_REQUEST, INTERNAL_ERROR, TRY_LATER, SIG_REQUIRED, UNAUTHORIZED = (
    bytes([0x30, 0x03, 0x0A, 0x01, status]) for status in (1, 2, 3, 5, 6)
)
#: One that says it is successful, and has nothing in it.
HOLLOW = bytes([0x30, 0x03, 0x0A, 0x01, 0])
OCSP = "application/ocsp-response"
#: Seconds after which a test that hangs is over.
LIMIT = 30


@dataclass(frozen=True)
class Seen:
    """A request that came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def ocsp_request(self) -> bytes:
        """The OCSPRequest in it, by whichever method."""
        return self.body or base64.b64decode(unquote(self.target.rpartition("/")[2]), validate=True)


@dataclass(frozen=True)
class Reply:
    """What is answered to a request, well-behaved unless told otherwise.

    ``delay`` is how many seconds pass before it, ``pause`` how many between two bytes of it. It is cut off after
    ``only`` bytes. ``raw`` is sent in its place. ``length`` is what the answer says of its length, None for nothing.
    With ``tunnel``, all that comes after it goes to that port of this machine, as through a proxy.
    """

    content: bytes = HOLLOW
    status: int = 200
    content_type: str = OCSP
    headers: Mapping[str, str] = field(default_factory=dict)
    chunked: bool = False
    length: int | None = -1
    delay: float = 0
    pause: float = 0
    only: int | None = None
    raw: bytes | None = None
    tunnel: int = 0

    def encode(self) -> bytes:
        """The bytes on the wire."""
        if self.raw is not None:
            return self.raw
        headers = {"Content-Type": self.content_type, **self.headers}
        content = self.content
        if self.chunked:
            headers["Transfer-Encoding"] = "chunked"
            content = b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content)
        elif self.length is not None:
            headers["Content-Length"] = str(len(content) if self.length < 0 else self.length)
        head = [f"HTTP/1.1 {self.status} Whatever", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(head).encode("latin-1") + content


def redirect(url: str, status: int = 302) -> Reply:
    """A reply that sends the client to another URL."""
    return Reply(b"", status, "text/plain", {"Location": url})


class Responder:
    """A responder that is listening. Of the replies, each request gets the next one, and the last is for all others."""

    def __init__(self, listener: socket.socket, replies: tuple[Reply | Callable[[Seen], Reply], ...]) -> None:
        self._listener = listener
        self._replies = replies
        self._lock = threading.Lock()
        self._accepted: list[int] = []
        self._own = 0
        self._over = threading.Event()
        #: What came, in order.
        self.requests: list[Seen] = []
        self.address, self.port = listener.getsockname()[:2]

    @property
    def place(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.place}"

    @property
    def connections(self) -> int:
        """How many connections clients have made by now, whether they sent anything or not.

        The kernel hands them out in order: with one of its own, this sees that all those before it are counted.
        """
        known, deadline = len(self._accepted), time.monotonic() + LIMIT
        with socket.create_connection((self.address, self.port), LIMIT) as own:
            while own.getsockname()[1] not in self._accepted[known:]:
                assert time.monotonic() < deadline, "the responder does not accept connections"
                time.sleep(0.001)
            self._own += 1
            return len(self._accepted) - self._own

    def accept(self, tls: ssl.SSLContext | None) -> None:
        """Answer until the listener is closed."""
        with suppress(OSError):
            while True:
                connection, client = self._listener.accept()
                self._accepted.append(client[1])
                threading.Thread(target=self._serve, args=(connection, tls), daemon=True).start()

    def stop(self) -> None:
        """End what still waits."""
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)  # closing alone wakes nobody who waits in accept()
        self._listener.close()

    def _serve(self, connection: socket.socket, tls: ssl.SSLContext | None) -> None:
        connection.settimeout(LIMIT)
        with suppress(OSError), connection:
            if tls:
                with tls.wrap_socket(connection, server_side=True) as encrypted:
                    self._answer(encrypted)
            else:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            method, _space, rest = stream.readline().decode("latin-1").strip().partition(" ")
            if not method:
                return
            headers = {}
            while line := stream.readline().decode("latin-1").strip():
                name, _colon, value = line.partition(":")
                headers[name] = value.strip()
            seen = Seen(method, rest.partition(" ")[0], headers, stream.read(int(headers.get("Content-Length", 0))))
        with self._lock:
            reply = self._replies[min(len(self.requests), len(self._replies) - 1)]
            self.requests.append(seen)
        if callable(reply):
            reply = reply(seen)
        self._over.wait(reply.delay)
        content = reply.encode()[: reply.only]
        for part in [content] if not reply.pause else [content[at : at + 1] for at in range(len(content))]:
            connection.sendall(part)
            self._over.wait(reply.pause)
        if reply.tunnel:
            _join(connection, reply.tunnel)


def _join(client: socket.socket, port: int) -> None:
    """Pass on what a client and a port of this machine say to each other, until either hangs up."""
    with socket.create_connection(("127.0.0.1", port), LIMIT) as server, selectors.DefaultSelector() as ready:
        ready.register(client, selectors.EVENT_READ, server)
        ready.register(server, selectors.EVENT_READ, client)
        while True:
            for key, _events in ready.select(LIMIT):
                received = key.fileobj.recv(65536)  # type: ignore[union-attr]
                if not received:
                    return
                key.data.sendall(received)


@contextmanager
def responder(
    *replies: Reply | Callable[[Seen], Reply],
    address: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Responder]:
    """A responder at an address of this machine, which answers ``replies``; a good one unless there are any."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(128)
    running = Responder(listener, replies or (Reply(),))
    thread = threading.Thread(target=running.accept, args=(tls,))
    thread.start()
    try:
        yield running
    finally:
        running.stop()
        thread.join()
