# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The few TLS messages that show a served certificate and staple, built and parsed without a TLS library.

Up to TLS 1.2 (RFC 5246) Certificate and CertificateStatus travel in clear, so a ClientHello is all it takes to see
them. In TLS 1.3 (RFC 8446) the staple is an extension in the Certificate message, which is encrypted.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple

HANDSHAKE = 22
ALERT = 21

SERVER_HELLO_DONE = 14
_CERTIFICATE = 11
_CERTIFICATE_STATUS = 22
_STATUS_REQUEST = 5
_OCSP = 1

# What any server of TLS 1.2 has some of: ECDHE and DHE with AES-GCM, ChaCha20 or AES-CBC, and RSA key exchange.
_CIPHER_SUITES = (
    *(0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0x009E, 0x009F, 0xCCAA),
    *(0xC023, 0xC027, 0xC009, 0xC013, 0xC00A, 0xC014, 0x009C, 0x009D, 0x002F, 0x0035),
)
_GROUPS = (0x001D, 0x0017, 0x0018, 0x0019)  # x25519, secp256r1, secp384r1, secp521r1
# ECDSA, Ed25519, RSA-PSS and RSA PKCS#1 with SHA-2
_SIGNATURE_ALGORITHMS = (0x0403, 0x0503, 0x0603, 0x0807, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601)


class MalformedError(ValueError):
    """The peer sent something that is not the message it should be."""


class Seen(NamedTuple):
    """The leaf (DER) and the staple (DER, empty for none) of a server's answer."""

    leaf: bytes
    staple: bytes


class _Reader:
    """Takes fields from the front of some bytes. Raises MalformedError where they end too early."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __bool__(self) -> bool:
        return bool(self._content)

    def take(self, size: int) -> bytes:
        if len(self._content) < size:
            raise MalformedError("a message ends too early")
        taken, self._content = self._content[:size], self._content[size:]
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, length_size: int) -> bytes:
        return self.take(self.number(length_size))


def client_hello(server_name: str) -> bytes:
    """A TLS 1.2 ClientHello record that asks for ``server_name`` ("" for none) and for a staple."""
    extensions = [
        (10, _vector(2, _numbers(_GROUPS))),
        (11, _vector(1, b"\0")),  # uncompressed points
        (13, _vector(2, _numbers(_SIGNATURE_ALGORITHMS))),
        (_STATUS_REQUEST, bytes([_OCSP]) + _vector(2, b"") + _vector(2, b"")),
        (0xFF01, _vector(1, b"")),  # renegotiation_info, RFC 5746
    ]
    if is_host_name(server_name):
        extensions.append((0, _vector(2, b"\0" + _vector(2, server_name.encode("ascii")))))
    body = b"\x03\x03" + os.urandom(32) + _vector(1, b"") + _vector(2, _numbers(_CIPHER_SUITES)) + _vector(1, b"\0")
    body += _vector(2, b"".join(struct.pack("!H", kind) + _vector(2, content) for kind, content in extensions))
    return b"\x16\x03\x01" + _vector(2, b"\x01" + _vector(3, body))


def is_host_name(server_name: str) -> bool:
    """Whether the name may be sent as server_name: IP addresses may not (RFC 6066, 3)."""
    address, _percent, _zone = server_name.partition("%")
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError):
            socket.inet_pton(family, address)
            return False
    return bool(server_name)


def _vector(length_size: int, content: bytes) -> bytes:
    return len(content).to_bytes(length_size, "big") + content


def _numbers(values: tuple[int, ...]) -> bytes:
    return struct.pack(f"!{len(values)}H", *values)


def complete_messages(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """The type and body of each handshake message that is complete in ``stream``."""
    while len(stream) >= 4:
        end = 4 + int.from_bytes(stream[1:4], "big")
        if len(stream) < end:
            return
        yield stream[0], stream[4:end]
        stream = stream[end:]


def seen_in_tls12(messages: list[tuple[int, bytes]]) -> Seen:
    """Leaf and staple from the messages up to ServerHelloDone. Raises MalformedError."""
    bodies = dict(messages)
    if _CERTIFICATE not in bodies:
        raise MalformedError("the server sent no certificate")
    leaf = _Reader(_Reader(bodies[_CERTIFICATE]).vector(3)).vector(3)
    return Seen(leaf, _status(bodies[_CERTIFICATE_STATUS]) if _CERTIFICATE_STATUS in bodies else b"")


def seen_in_tls13(message: bytes) -> Seen:
    """Leaf and staple from a decrypted Certificate message, header included. Raises MalformedError."""
    kind, body = next(complete_messages(message), (0, b""))
    if kind != _CERTIFICATE:
        raise MalformedError("not a Certificate message")
    reader = _Reader(body)
    reader.vector(1)  # certificate_request_context
    entry = _Reader(reader.vector(3))
    leaf, extensions = entry.vector(3), _Reader(entry.vector(2))
    while extensions:
        extension, content = extensions.number(2), extensions.vector(2)
        if extension == _STATUS_REQUEST:
            return Seen(leaf, _status(content))
    return Seen(leaf, b"")


def _status(body: bytes) -> bytes:
    """The response in a CertificateStatus (RFC 6066, 8)."""
    reader = _Reader(body)
    if reader.number(1) != _OCSP:
        raise MalformedError("the status is not an OCSP response")
    return reader.vector(3)
