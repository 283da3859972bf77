# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes of real servers: what OpenSSL serves, and servers that serve nothing of use."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activation import ReloadedError, activate
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activation_commands import TimeLimit
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import Fingerprints
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation, Probe
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.probing import look
from ansible_collections.anchorage.pki.plugins.module_utils._tls.errors import ProbeError, UnseenError
from ansible_collections.anchorage.pki.plugins.module_utils._tls.probe import served_leaf, served_staple
from ansible_collections.anchorage.pki.tests.unit.leaves import Leaf, free_port, make_leaf, rsa_key, tcp_server

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
SECONDS = 5


@contextlib.contextmanager
def s_server(folder: Path, leaf: Leaf, *options: str, address: str = "127.0.0.1") -> Iterator[int]:
    """``openssl s_server`` with the leaf, and whatever ``options`` say."""
    (folder / "combined.pem").write_text(leaf.certificate + leaf.chain + leaf.private_key)
    (folder / "staple.der").write_bytes(leaf.staple)
    port = free_port()
    place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    command = [
        "openssl",
        "s_server",
        "-accept",
        place,
        "-quiet",
        "-cert",
        "combined.pem",
        "-cert_chain",
        "combined.pem",
    ]
    with subprocess.Popen([*command, *options], cwd=folder, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for_port(address, port)
            yield port
        finally:
            server.terminate()


def wait_for_port(address: str, port: int) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection((address, port), SECONDS):
            return
        assert time.monotonic() < deadline
        time.sleep(0.02)


@needs_openssl
@pytest.mark.parametrize("protocol", [[], ["-tls1_2"], ["-tls1_3"]], ids=["both", "tls1.2", "tls1.3"])
@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_leaf_and_staple_are_seen(tmp_path: Path, protocol: list[str], kind: str) -> None:
    leaf = make_leaf(key=rsa_key() if kind == "rsa" else None)
    with s_server(tmp_path, leaf, "-status_file", "staple.der", *protocol) as port:
        assert served_leaf("127.0.0.1", port, "app.test", SECONDS) == leaf.der
        assert served_staple("127.0.0.1", port, "app.test", SECONDS) == (leaf.der, leaf.staple)


@needs_openssl
@pytest.mark.parametrize("protocol", [[], ["-tls1_3"]], ids=["both", "tls1.3"])
def test_no_staple_is_seen_as_none(tmp_path: Path, protocol: list[str]) -> None:
    leaf = make_leaf()
    with s_server(tmp_path, leaf, *protocol) as port:
        assert served_staple("127.0.0.1", port, "app.test", SECONDS) == (leaf.der, b"")


@needs_openssl
def test_a_server_on_an_ipv6_address(tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 on this machine")
    leaf = make_leaf()
    with s_server(tmp_path, leaf, "-status_file", "staple.der", "-tls1_3", address="::1") as port:
        assert served_leaf("::1", port, "", SECONDS) == leaf.der
        assert served_staple("::1", port, "", SECONDS) == (leaf.der, leaf.staple)


@needs_openssl
def test_each_name_has_its_own_leaf(tmp_path: Path) -> None:
    leaf, other = make_leaf("app.test"), make_leaf("other.test")
    (tmp_path / "other.pem").write_text(other.certificate + other.private_key)
    options = ["-servername", "other.test", "-cert2", "other.pem", "-key2", "other.pem"]
    with s_server(tmp_path, leaf, *options) as port:
        for name, expected in (("app.test", leaf), ("other.test", other), ("", leaf), ("127.0.0.1", leaf)):
            assert served_leaf("127.0.0.1", port, name, SECONDS) == expected.der
            assert served_staple("127.0.0.1", port, name, SECONDS).leaf == expected.der


@needs_openssl
def test_without_openssl_the_staple_of_a_tls13_server_is_not_probed(tmp_path: Path) -> None:
    """And that is never success."""
    leaf, missing = make_leaf(), str(tmp_path / "openssl")
    with s_server(tmp_path, leaf, "-status_file", "staple.der", "-tls1_3") as port:
        with pytest.raises(UnseenError, match=r"refuses TLS 1\.2, and there is no openssl here"):
            served_staple("127.0.0.1", port, "app.test", SECONDS, openssl=missing)
        probe = Probe("app", "127.0.0.1", port, "app.test", staple=True)
        finding = look(probe, Fingerprints(leaf.sha256, leaf.staple_sha256), lambda: SECONDS, openssl=missing)
    assert (finding.leaf, finding.staple) == ("served", "not probed")
    assert finding.detail.startswith("the server refuses TLS 1.2")


@needs_openssl
def test_a_missing_staple_is_a_failure(tmp_path: Path) -> None:
    leaf = make_leaf()
    with s_server(tmp_path, leaf) as port:
        probe = Probe("app", "127.0.0.1", port, "app.test", staple=True)
        expected = {"app": Fingerprints(leaf.sha256, leaf.staple_sha256)}
        with pytest.raises(ReloadedError, match="does not serve app: it serves no staple"):
            activate(Activation(probes=(probe,)), expected, TimeLimit(0.3))


def test_nobody_listens() -> None:
    port = free_port()
    with pytest.raises(ProbeError, match=r"no TLS handshake: .*refused"):
        served_leaf("127.0.0.1", port, "app.test", SECONDS)
    with pytest.raises(ProbeError, match=r"no answer to a TLS 1\.2 ClientHello: .*refused"):
        served_staple("127.0.0.1", port, "app.test", SECONDS)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n" + bytes(2**17),
        b"\x16\x03\x03\x00\x08\x0b\x00\x00\x04\x00\x00\x01x" + b"\x16\x03\x03\x00\x04\x0e\x00\x00\x00",
        b"\x16\x03\x03\x00\x04\x0e\x00\x00\x00",
        b"\x16\x03\x03\x40\x00" + bytes(16384),
    ],
    ids=["closed", "http", "cut off", "no certificate", "noise"],
)
def test_answers_that_are_no_handshake(answer: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(answer)

    with tcp_server(serve) as port:
        with pytest.raises(ProbeError):
            served_leaf("127.0.0.1", port, "app.test", SECONDS)
        with pytest.raises(ProbeError):
            served_staple("127.0.0.1", port, "app.test", SECONDS)


def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    def hang(connection: socket.socket) -> None:
        while connection.recv(10_000):
            pass

    with tcp_server(hang) as port:
        with pytest.raises(ProbeError, match="timed out"):
            served_leaf("127.0.0.1", port, "app.test", 0.2)
        with pytest.raises(ProbeError, match="timed out"):
            served_staple("127.0.0.1", port, "app.test", 0.2)


def test_a_leaf_that_nobody_trusts_is_seen_all_the_same(tmp_path: Path) -> None:
    """Whether a client trusts what is served is another question."""
    leaf = make_leaf("elsewhere.test")
    (tmp_path / "combined.pem").write_text(leaf.certificate + leaf.private_key)

    def serve(connection: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "combined.pem")
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(1)

    with tcp_server(serve) as port:
        assert served_leaf("127.0.0.1", port, "app.test", SECONDS) == leaf.der
