# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The responder as systemd starts it: real clients get the staples of their certificates, and nobody gets a bad one."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import select
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._programs.bundle import bundle
from ansible_collections.anchorage.pki.plugins.module_utils._programs.respond import (
    LARGEST_REQUEST,
    MARGIN,
    TIME_LIMIT,
    find_staple,
    serve,
)
from ansible_collections.anchorage.pki.tests.unit.leaves import Leaf, issuer, make_leaf, make_staple
from ansible_collections.anchorage.pki.tests.unit.own_responder import own_responder
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

SECOND = timedelta(seconds=1)


class Responder:
    """A running responder and the leaves that it knows."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.places, self.port = folder, folder / "respond.d", 0
        self.places.mkdir()

    def add(self, name: str, staple: bytes) -> None:
        generation = self.folder / name / "v1"
        generation.mkdir(parents=True, exist_ok=True)
        (generation / "staple.der").write_bytes(staple)
        current = self.folder / name / "current"
        if not current.is_symlink():
            current.symlink_to("v1")
        (self.places / f"{name}.json").write_text(json.dumps({"path": str(self.folder / name)}))

    def post(self, request: bytes) -> tuple[int, bytes, str]:
        """Status, body and type of the answer."""
        return self._fetch("POST", "/", request)

    def get(self, path: str) -> tuple[int, bytes, str]:
        return self._fetch("GET", f"/{path}")

    def _fetch(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes, str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        with closing(connection):
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers.get("Content-Type", "")

    def raw(self, sent: bytes) -> bytes:
        """All that comes back on a connection that sends these bytes and no more."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIME_LIMIT + 5) as connection:
            connection.sendall(sent)
            received = b""
            try:
                while part := connection.recv(4096):
                    received += part
            except ConnectionResetError:
                pass
            return received


@pytest.fixture
def responder(private_folder: Path) -> Iterator[Responder]:
    running = Responder(private_folder)
    with own_responder(private_folder, running.places) as running.port:
        yield running


def certificate_of(leaf: Leaf) -> x509.Certificate:
    return x509.load_pem_x509_certificate(leaf.certificate.encode())


def request_for(leaf: Leaf, algorithm: hashes.HashAlgorithm | None = None) -> bytes:
    algorithm = algorithm or hashes.SHA1()  # noqa: S303 what servers ask by
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate_of(leaf), issuer()[0], algorithm)
    return builder.build().public_bytes(Encoding.DER)


def test_each_certificate_gets_its_own_staple(responder: Responder) -> None:
    leaves = {name: make_leaf(f"{name}.test") for name in ("a", "b")}
    for name, leaf in leaves.items():
        responder.add(name, leaf.staple)
    for leaf in leaves.values():
        assert responder.post(request_for(leaf)) == (200, leaf.staple, "application/ocsp-response")
        escaped = quote(base64.b64encode(request_for(leaf)), safe="")
        assert responder.get(escaped) == (200, leaf.staple, "application/ocsp-response")
    assert responder.post(request_for(make_leaf())) == (404, b"", "")


def test_base64_that_was_not_escaped_is_understood(responder: Responder) -> None:
    while "/" not in (encoded := base64.b64encode(request_for(leaf := make_leaf())).decode()):
        pass
    responder.add("app", leaf.staple)
    assert responder.get(encoded)[1] == leaf.staple


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_openssl_takes_the_answer_for_good(responder: Responder, private_folder: Path) -> None:
    leaf = make_leaf()
    responder.add("app", leaf.staple)
    (private_folder / "leaf.pem").write_text(leaf.certificate)
    (private_folder / "issuer.pem").write_text(leaf.chain)
    command = ["openssl", "ocsp", "-issuer", "issuer.pem", "-cert", "leaf.pem", "-CAfile", "issuer.pem", "-no_nonce"]
    command += ["-url", f"http://127.0.0.1:{responder.port}/"]
    finished = subprocess.run(command, cwd=private_folder, capture_output=True, text=True, check=True)
    assert "leaf.pem: good" in finished.stdout
    assert "Response verify OK" in finished.stderr


def test_a_staple_is_read_anew_each_time(responder: Responder) -> None:
    leaf = make_leaf()
    responder.add("app", leaf.staple)
    assert responder.post(request_for(leaf))[1] == leaf.staple
    renewed = make_staple(certificate_of(leaf))
    responder.add("app", renewed)
    assert responder.post(request_for(leaf))[1] == renewed
    (responder.places / "app.json").unlink()
    assert responder.post(request_for(leaf))[0] == 404


REVOKED, UNKNOWN = ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN


def test_no_staple_that_a_client_could_not_use_is_handed_out(responder: Responder) -> None:
    leaf = make_leaf()
    request, certificate = request_for(leaf), certificate_of(leaf)
    bad = {
        "near its end": make_staple(certificate, ends=(MARGIN - 5) * SECOND),
        "expired": make_staple(certificate, ends=-60 * SECOND),
        "not valid yet": make_staple(certificate, begins=60 * SECOND),
        "revoked": make_staple(certificate, status=REVOKED),
        "unknown": make_staple(certificate, status=UNKNOWN),
        "of another certificate": make_leaf().staple,
        "cut off": leaf.staple[:-1],
        "longer": leaf.staple + b"\0",
        "no DER": b"staple",
        "empty": b"",
        "too large": leaf.staple + bytes(70000),
        "an error": b"\x30\x03\x0a\x01\x06",
    }
    for what, staple in bad.items():
        responder.add("app", staple)
        assert responder.post(request) == (404, b"", ""), what
    responder.add("app", make_staple(certificate, ends=(MARGIN + 30) * SECOND))
    assert responder.post(request)[0] == 200


def test_one_bad_place_keeps_no_other_from_its_staple(responder: Responder, private_folder: Path) -> None:
    leaf = make_leaf()
    responder.add("z", leaf.staple)
    for number, place in enumerate(("", "[]", "{}", '{"path": 1}', '{"path": "/nowhere"}', "[" * 60000, "\0")):
        (responder.places / f"{number}.json").write_text(place)
    responder.add("a", b"")
    (private_folder / "a/v1/staple.der").unlink()
    os.mkfifo(private_folder / "a/v1/staple.der")
    (responder.places / "b.json").mkdir()
    assert responder.post(request_for(leaf)) == (200, leaf.staple, "application/ocsp-response")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"PUT / HTTP/1.1\r\n\r\n", 405),
        (b"POST / HTTP/1.1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (LARGEST_REQUEST + 1), 413),
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 3000 + b"\r\n\r\n", 413),
        (b"GET /" + b"A" * 5000 + b" HTTP/1.1\r\n\r\n", 413),
        (b"GET /!!! HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 404),
        (b"\r\n\r\n", 405),
        (b"\xff\xfe\r\n\r\n", 405),
    ],
)
def test_what_is_no_request_is_refused(responder: Responder, sent: bytes, status: int) -> None:
    assert responder.raw(sent).startswith(b"HTTP/1.1 %d " % status)


def test_noise_ends_nothing(responder: Responder) -> None:
    leaf = make_leaf()
    responder.add("app", leaf.staple)
    noise = random.Random(6960)
    for _time in range(50):
        with socket.create_connection(("127.0.0.1", responder.port), timeout=5) as connection:
            connection.sendall(noise.randbytes(noise.randrange(300)) + noise.choice((b"", b"\r\n\r\n")))
    assert responder.post(request_for(leaf))[0] == 200


class StandingClock(asyncio.SelectorEventLoop):
    """An event loop whose clock shows what a test sets it to, however long the test takes."""

    shown = 0.0

    def time(self) -> float:
        return self.shown


def test_a_client_that_dawdles_is_cut_off_and_delays_nobody(private_folder: Path) -> None:
    responder, leaf, clock = Responder(private_folder), make_leaf(), StandingClock()
    responder.add("app", leaf.staple)

    async def dawdle(listener: socket.socket) -> None:
        responder.port = listener.getsockname()[1]
        serving = asyncio.create_task(serve(listener, str(responder.places)))
        with socket.create_connection(("127.0.0.1", responder.port), timeout=10) as slow:
            slow.sendall(b"POST / HTTP/1.1\r\n")
            while clock.shown < TIME_LIMIT:
                # Time stands still meanwhile: whoever had to wait for the slow client's end would wait for ever.
                assert (await asyncio.to_thread(responder.post, request_for(leaf)))[0] == 200
                assert not select.select([slow], [], [], 0)[0]  # it is not cut off yet
                slow.sendall(b"A: b\r\n")  # more of it, again and again, buys no more time
                clock.shown += 1
            assert await asyncio.to_thread(slow.recv, 1) == b""
        serving.cancel()

    with socket.create_server(("127.0.0.1", 0)) as listener, asyncio.Runner(loop_factory=lambda: clock) as runner:
        runner.run(dawdle(listener))


def test_a_request_by_another_hash_is_not_answered(responder: Responder) -> None:
    leaf = make_leaf()
    responder.add("app", leaf.staple)
    assert responder.post(request_for(leaf, hashes.SHA256()))[0] == 404


def test_without_places_there_is_no_staple(tmp_path: Path) -> None:
    assert find_staple(str(tmp_path / "none"), b"", 0) is None


def test_it_does_not_run_by_hand(private_folder: Path) -> None:
    program = private_folder / "staples.pyz"
    program.write_bytes(bundle())
    program.chmod(0o755)
    finished = subprocess.run([program, "respond", private_folder], capture_output=True, text=True, check=False)
    assert finished.returncode == 2
    assert "anchorage-respond.socket" in finished.stderr
