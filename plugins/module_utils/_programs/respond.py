# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The responder of a host's own: it hands out staples that were signed elsewhere, to servers that take none from files.

systemd gives it its socket, see sd_listen_fds(3). It has no rights and no keys. A staple that is of no use to a client,
or soon will not be, is as if it were not there.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import os
import socket
import sys
import time
from contextlib import suppress
from urllib.parse import unquote_to_bytes

from ansible_collections.anchorage.pki.plugins.module_utils._host.regular_files import read_regular_file
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import DerError
from ansible_collections.anchorage.pki.plugins.module_utils._x509.staple import read_staple

# Seconds before its end at which a staple is no longer handed out: what asks for it keeps it for a while.
MARGIN = 300
# Seconds for a request and its answer together.
TIME_LIMIT = 5.0
# Bytes. A request for one certificate has about a hundred, and a client may add a nonce of 128.
LARGEST_REQUEST = 4096
_LARGEST_FILE = 64 * 1024
_PHRASES = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 413: "Content Too Large"}
_FIRST_DESCRIPTOR = 3


class _RefusedError(Exception):
    """The request cannot be answered; ``status`` is what HTTP says of that."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def main() -> int:
    """Answer requests from the socket that systemd passed, by the places in the folder that is the second argument."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        sys.stderr.write("Started by anchorage-respond.socket of systemd alone.\n")
        return 2
    asyncio.run(serve(socket.socket(fileno=_FIRST_DESCRIPTOR), sys.argv[2]))
    return 0


async def serve(listener: socket.socket, places: str) -> None:
    """Answer requests from ``listener`` for ever."""

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.TimeoutError, asyncio.IncompleteReadError, OSError):
            await asyncio.wait_for(_converse(reader, writer, places), TIME_LIMIT)
        writer.transport.abort()  # nothing is left to send, or the time is over

    async with await asyncio.start_server(visit, sock=listener, limit=LARGEST_REQUEST) as server:
        await server.serve_forever()


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, places: str) -> None:
    try:
        staple = find_staple(places, await _read_request(reader), time.time())
        status, body = (404, b"") if staple is None else (200, staple)
    except _RefusedError as error:
        status, body = error.status, b""
    head = [
        f"HTTP/1.1 {status} {_PHRASES[status]}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        "Cache-Control: no-store",  # it is this host's own to say for how long
        *(["Content-Type: application/ocsp-response"] if body else []),
    ]
    writer.transport.set_write_buffer_limits(high=0)  # drain() then returns when all of it is sent
    writer.write("\r\n".join([*head, "", ""]).encode("ascii") + body)
    await writer.drain()
    writer.write_eof()
    await reader.read(1)  # until the client has closed, so that none of the answer is lost


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    """The OCSP request of an HTTP request, see RFC 6960, appendix A. Raises _RefusedError, IncompleteReadError."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise _RefusedError(413) from None
    first, *fields = head.decode("latin-1").split("\r\n")
    method, _space, rest = first.partition(" ")
    if method == "POST":
        return await reader.readexactly(_content_length(fields))
    if method != "GET":
        raise _RefusedError(405)
    try:
        # Not all clients escape what base64 has in common with paths.
        return base64.b64decode(unquote_to_bytes(rest.partition(" ")[0].lstrip("/")), validate=True)
    except binascii.Error:
        raise _RefusedError(400) from None


def _content_length(fields: list[str]) -> int:
    values = [value.strip() for name, _colon, value in (field.partition(":") for field in fields) if _is_length(name)]
    if len(values) != 1 or not (values[0].isascii() and values[0].isdigit()):
        raise _RefusedError(400)
    if len(values[0]) > len(str(LARGEST_REQUEST)) or int(values[0]) > LARGEST_REQUEST:
        raise _RefusedError(413)
    return int(values[0])


def _is_length(name: str) -> bool:
    return name.strip().lower() == "content-length"


def find_staple(places: str, request: bytes, now: float) -> bytes | None:
    """The staple of a certificate that ``request`` asks for, read anew each time: a deployment needs to tell nobody."""
    with suppress(OSError):
        for name in sorted(os.listdir(places)):
            staple = _usable_staple(os.path.join(places, name), request, now)
            if staple is not None:
                return staple
    return None


def _usable_staple(place: str, request: bytes, now: float) -> bytes | None:
    try:
        leaf = json.loads(read_regular_file(place, _LARGEST_FILE))["path"]
        staple = read_regular_file(os.path.join(leaf, "current", "staple.der"), _LARGEST_FILE)
        facts = read_staple(staple)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, DerError):
        return None
    usable = facts.good and facts.this_update <= now < facts.end - MARGIN
    return staple if usable and facts.certificate_id in request else None
