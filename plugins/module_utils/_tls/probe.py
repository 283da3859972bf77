# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a running server shows to its clients: the leaf by Python's TLS, the staple by a bare TLS 1.2 ClientHello.

Python's ``ssl`` cannot ask for a staple. Where a server speaks TLS 1.3 alone, the host's ``openssl s_client`` prints
the decrypted message instead. What neither can see is unseen, and never counts as served.
"""

from __future__ import annotations

import socket

from ansible_collections.anchorage.pki.plugins.module_utils._tls.errors import ProbeError
from ansible_collections.anchorage.pki.plugins.module_utils._tls.messages import (
    ALERT,
    HANDSHAKE,
    SERVER_HELLO_DONE,
    MalformedError,
    Seen,
    client_hello,
    complete_messages,
    seen_in_tls12,
)

OPENSSL = "openssl"
_LARGEST_ANSWER = 256 * 1024


class _RefusedTls12Error(Exception):
    """The server answered a TLS 1.2 ClientHello with an alert."""


def served_leaf(address: str, port: int, server_name: str, seconds: float) -> bytes:
    """The leaf (DER) that a TLS client is shown. Raises ProbeError."""
    import ssl  # here, since it takes long, and a glance does without

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
        # Here, since most servers speak TLS 1.2, and a look imports no more than it needs.
        from ansible_collections.anchorage.pki.plugins.module_utils._tls.openssl import ask_openssl

        return ask_openssl(address, port, server_name, seconds, openssl)
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
