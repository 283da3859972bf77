# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The TLS messages of the probe, held against an implementation of TLS that we did not write."""

from __future__ import annotations

import ssl

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._tls.messages import (
    MalformedError,
    client_hello,
    complete_messages,
    is_host_name,
    seen_in_tls12,
    seen_in_tls13,
)


def vector(size: int, content: bytes) -> bytes:
    return len(content).to_bytes(size, "big") + content


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + vector(3, body)


@pytest.mark.parametrize(
    ("server_name", "sent"),
    [("app.test", "app.test"), ("", None), ("127.0.0.1", None), ("::1", None)],
)
def test_openssl_reads_the_hello_and_the_name_in_it(server_name: str, sent: str | None) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    incoming.write(client_hello(server_name))
    # Without a certificate no cipher suite fits; a hello that cannot be read would be another error, before the name.
    with pytest.raises(ssl.SSLError, match="NO_SHARED_CIPHER"):
        context.wrap_bio(incoming, outgoing, server_side=True).do_handshake()
    assert names == [sent]


def test_host_names_and_addresses_are_told_apart() -> None:
    assert [is_host_name(name) for name in ("app.test", "10.0.0.1", "fe80::1", "")] == [True, False, False, False]


def test_messages_are_taken_as_they_become_complete() -> None:
    stream = message(2, b"hello") + message(14, b"")
    assert list(complete_messages(stream)) == [(2, b"hello"), (14, b"")]
    assert list(complete_messages(stream[:-1])) == [(2, b"hello")]
    assert list(complete_messages(stream[:3])) == []


def test_leaf_and_staple_of_tls12() -> None:
    certificates = vector(3, vector(3, b"leaf") + vector(3, b"issuer"))
    status = b"\x01" + vector(3, b"staple")
    assert seen_in_tls12([(2, b""), (11, certificates), (22, status), (14, b"")]) == (b"leaf", b"staple")
    assert seen_in_tls12([(11, certificates), (14, b"")]) == (b"leaf", b"")


def test_leaf_and_staple_of_tls13() -> None:
    extensions = b"\x00\x12" + vector(2, b"x") + b"\x00\x05" + vector(2, b"\x01" + vector(3, b"s"))
    stapled = vector(3, b"leaf") + vector(2, extensions)
    bare = vector(3, b"leaf") + vector(2, b"")
    issuer = vector(3, b"issuer") + vector(2, b"")
    assert seen_in_tls13(message(11, vector(1, b"") + vector(3, stapled + issuer))) == (b"leaf", b"s")
    assert seen_in_tls13(message(11, vector(1, b"") + vector(3, bare + issuer))) == (b"leaf", b"")


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [(14, b"")],
        [(11, b"")],
        [(11, b"\x00\x00\x09\x00\x00\x09leaf")],
        [(11, vector(3, vector(3, b"leaf"))), (22, b"\x02" + vector(3, b"staple"))],
        [(11, vector(3, vector(3, b"leaf"))), (22, b"\x01\x00\x00\x09staple")],
    ],
)
def test_what_is_not_whole_is_malformed(messages: list[tuple[int, bytes]]) -> None:
    with pytest.raises(MalformedError):
        seen_in_tls12(messages)


@pytest.mark.parametrize("content", [b"", b"\x0b\x00\x00\x01\x05", message(2, b"hello"), message(11, b"")])
def test_what_is_no_certificate_message_is_malformed(content: bytes) -> None:
    with pytest.raises(MalformedError):
        seen_in_tls13(content)
