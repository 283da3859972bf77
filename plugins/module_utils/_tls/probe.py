# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a running server shows to its clients: the leaf by Python's TLS, the staple by a bare TLS 1.2 ClientHello.

Python's ``ssl`` cannot ask for a staple. Where a server speaks TLS 1.3 alone, the host's ``openssl s_client`` prints
the decrypted message instead. What neither can see is unseen, and never counts as served.
"""

from __future__ import annotations

import re
import socket
import ssl

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import find_command, run
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._tls.messages import (
    ALERT,
    HANDSHAKE,
    SERVER_HELLO_DONE,
    MalformedError,
    Seen,
    client_hello,
    complete_messages,
    is_host_name,
    seen_in_tls12,
    seen_in_tls13,
)

OPENSSL = "openssl"
_LARGEST_ANSWER = 256 * 1024
_TLS13_CERTIFICATE = re.compile(r"^<<< TLS 1\.3, Handshake \[length \w+\], Certificate\n((?: {4}[0-9a-f ]+\n)+)", re.M)


class ProbeError(HostError):
    """Nothing that speaks TLS answered there, or not in time."""


class UnseenError(HostError):
    """A server answered, but there is no way to see its staple."""


class _RefusedTls12Error(Exception):
    """The server answered a TLS 1.2 ClientHello with an alert."""


def served_leaf(address: str, port: int, server_name: str, seconds: float) -> bytes:
    """The leaf (DER) that a TLS client is shown. Raises ProbeError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # The question is which leaf is served; whether this host trusts it is another one.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((address, port), seconds) as connection:  # noqa: SIM117 Python 3.9
            with context.wrap_socket(connection, server_hostname=server_name or None) as tls:
                return tls.getpeercert(binary_form=True) or b""
    except (OSError, ValueError) as error:
        raise ProbeError(f"no TLS handshake: {error}") from error


def served_staple(address: str, port: int, server_name: str, seconds: float, openssl: str = OPENSSL) -> Seen:
    """Leaf and staple that a TLS client which asks for a staple is shown. Raises ProbeError, UnseenError."""
    try:
        return _ask_in_tls12(address, port, server_name, seconds)
    except _RefusedTls12Error:
        return _ask_openssl(address, port, server_name, seconds, openssl)
    except (OSError, MalformedError) as error:
        raise ProbeError(f"no answer to a TLS 1.2 ClientHello: {error}") from error


def _ask_in_tls12(address: str, port: int, server_name: str, seconds: float) -> Seen:
    with socket.create_connection((address, port), seconds) as connection:
        connection.sendall(client_hello(server_name))
        stream = b""
        while len(stream) < _LARGEST_ANSWER:
            kind, content = _read_record(connection)
            if kind == ALERT:
                raise _RefusedTls12Error
            if kind != HANDSHAKE:
                raise MalformedError("not a TLS handshake")
            stream += content
            messages = list(complete_messages(stream))
            if messages and messages[-1][0] == SERVER_HELLO_DONE:
                return seen_in_tls12(messages)
    raise MalformedError("the answer does not end")


def _read_record(connection: socket.socket) -> tuple[int, bytes]:
    header = _read_exactly(connection, 5)
    return header[0], _read_exactly(connection, int.from_bytes(header[3:5], "big"))


def _read_exactly(connection: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        received = connection.recv(size - len(content))
        if not received:
            raise MalformedError("the connection was closed")
        content += received
    return content


def _ask_openssl(address: str, port: int, server_name: str, seconds: float, openssl: str) -> Seen:
    """Have s_client print the decrypted messages (its option -msg), since TLS 1.3 encrypts them."""
    name = ["-servername", server_name] if is_host_name(server_name) else ["-noservername"]
    host = f"[{address}]" if ":" in address else address
    program = find_command(openssl)
    if program is None:
        raise UnseenError("the server refuses TLS 1.2, and there is no openssl here that could ask in TLS 1.3")
    command = [program, "s_client", "-connect", f"{host}:{port}", *name, "-status", "-msg"]
    try:
        outcome = run(command, seconds)
    except HostError as error:
        raise ProbeError(f"openssl s_client got no answer: {error}") from error
    match = _TLS13_CERTIFICATE.search(outcome.stdout.decode("utf-8", "replace"))
    if match is None:
        raise UnseenError("the server refuses TLS 1.2, and openssl s_client showed no TLS 1.3 certificate")
    try:
        return seen_in_tls13(bytes.fromhex(match.group(1)))
    except MalformedError as error:
        raise UnseenError(f"openssl s_client printed something unexpected: {error}") from error
