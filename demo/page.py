# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One page over HTTPS, served with a leaf and its staple on this machine's loopback interface.

Python's own TLS cannot staple, and ``openssl s_server`` serves one connection at a time, where browsers open several at
once and leave some of them silent. So each connection gets an ``openssl s_server`` of its own for its TLS.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from pathlib import Path

TIME_LIMIT = 20


def tls_server(*options: str) -> list[str]:
    """The command that serves a leaf, its chain and its staple, to be run in the leaf's folder."""
    files = ["-cert", "cert.pem", "-cert_chain", "chain.pem", "-key", "privkey.pem", "-status_file", "staple.der"]
    return ["openssl", "s_server", "-quiet", *files, *options]


def answer_of(page: bytes) -> bytes:
    """The HTTP response that brings a page."""
    head = f"Content-Type: text/html; charset=utf-8\r\nContent-Length: {len(page)}\r\nConnection: close\r\n\r\n"
    return f"HTTP/1.1 200 OK\r\n{head}".encode() + page


async def serve(leaf: Path, port: int, page: bytes, ready: Callable[[], None]) -> None:
    """Serve the page until the task is cancelled, and call ``ready`` once it can be seen.

    Raises OSError where the port cannot be had.
    """

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Python 3.11 would report a visit that Ctrl-C cancels as an error.
        with contextlib.suppress(asyncio.CancelledError):
            await attend(leaf, answer_of(page), reader, writer)

    async with await asyncio.start_server(visit, "127.0.0.1", port) as server:
        ready()
        await server.serve_forever()


async def attend(leaf: Path, response: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request, whatever the client is like."""
    try:
        async with asyncio.timeout(TIME_LIMIT):
            await answer(leaf, response, reader, writer)
    except* (OSError, EOFError, asyncio.LimitOverrunError):
        pass  # a client that stays silent, goes away in the middle of its request, or does not speak HTTPS
    finally:
        writer.close()


async def answer(leaf: Path, response: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request over TLS; return when the client has closed the connection."""
    with tempfile.TemporaryDirectory() as folder:
        address = Path(folder) / "tls"
        command = tls_server("-unix", str(address), "-naccept", "1")
        tls = await asyncio.create_subprocess_exec(*command, cwd=leaf, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
        try:
            inner_reader, inner_writer = await connect(address)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(copy(reader, inner_writer))
                tasks.create_task(copy(inner_reader, writer))
                tasks.create_task(respond(tls, response))
            inner_writer.close()
        finally:
            await end(tls)


async def end(process: Process) -> None:
    """Kill a process unless it has ended."""
    # Its own method takes the status of an ended process from asyncio, which in Python 3.11 complains of that.
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    await process.wait()


async def connect(address: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the TLS server, which takes a moment to start."""
    while True:
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            return await asyncio.open_unix_connection(address)
        await asyncio.sleep(0.01)


async def respond(tls: Process, response: bytes) -> None:
    """Read a request from the TLS server, and have it send the response."""
    assert tls.stdin
    assert tls.stdout
    await tls.stdout.readuntil(b"\r\n\r\n")
    tls.stdin.write(response)
    await tls.stdin.drain()


async def copy(source: asyncio.StreamReader, destination: asyncio.StreamWriter) -> None:
    """Hand on what comes, to its end."""
    while chunk := await source.read(65536):
        destination.write(chunk)
        await destination.drain()
    destination.write_eof()
