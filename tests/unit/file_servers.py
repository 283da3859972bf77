# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A web server on loopback that a test tells what to serve."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer:
    """What it serves by path: a status, and the body or the place where that leads. ``asked`` has each path that was
    asked for, ``authorized`` the header by which it was."""

    def __init__(self, port: int) -> None:
        self.origin = f"http://127.0.0.1:{port}"
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.asked: list[str] = []
        self.authorized: dict[str, str | None] = {}

    def serve(self, path: str, body: bytes, status: int = 200) -> str:
        """Serve this; its URL."""
        self.answers[path] = status, body
        return f"{self.origin}{path}"


@contextmanager
def file_server() -> Iterator[FileServer]:
    """A server that runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            told.asked.append(path)
            told.authorized[path] = self.headers["Authorization"]
            status, body = told.answers.get(path, (404, b""))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", body.decode())
                body = b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told = FileServer(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()
