# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections to responders: direct or through a proxy, plain or in TLS."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import TYPE_CHECKING
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.deadline import Deadline
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.errors import FetchError
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.http_messages import (
    HttpRequest,
    exchange,
    talk_with,
)
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.proxies import Proxy
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.resolution import (
    addresses_of,
    check_unresolved,
    permitted,
)
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.system import System
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.urls import HTTPS, Target

if TYPE_CHECKING:
    from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.addresses import Address


@contextmanager
def connected(
    target: Target, proxy: Proxy | None, allow_private: bool, system: System, deadline: Deadline
) -> Iterator[socket.socket]:
    """A connection for one request to ``target``, ready at the deadline at the latest. Raises FetchError.

    It leads to one of the addresses that were looked at, whatever the name means by now. With a proxy, that is another
    matter: it is the administrator's own choice, wherever it is, and it alone sees the addresses behind names.
    """
    with _open(target, proxy, allow_private, system, deadline) as plain:
        if target.scheme != HTTPS:
            yield plain
            return
        if proxy:
            _open_tunnel(plain, target, proxy, deadline)
        with _in_tls(plain, target, system, deadline) as tls:
            yield tls


def _open(
    target: Target, proxy: Proxy | None, allow_private: bool, system: System, deadline: Deadline
) -> socket.socket:
    if proxy:
        check_unresolved(target.host, allow_private)
        return _connect(proxy.place, addresses_of(proxy.host, system, deadline), proxy.port, system, deadline)
    addresses = permitted(target.host, addresses_of(target.host, system, deadline), allow_private)
    return _connect(target.place, addresses, target.port, system, deadline)


def _connect(place: str, addresses: Sequence[Address], port: int, system: System, deadline: Deadline) -> socket.socket:
    """A connection to the first address that takes one. None can use up the time of those after it."""
    failure = None
    for number, address in enumerate(addresses):
        try:
            return system.connect(str(address), port, deadline.remaining() / (len(addresses) - number))
        except socket.timeout:
            failure = "did not take the connection in time"
        except ConnectionRefusedError:
            failure = "refused the connection"
        except OSError as error:
            failure = f"cannot be reached: {error.strerror}"
    raise FetchError(f"{place} {failure}", transient=True)


def _open_tunnel(connection: socket.socket, target: Target, proxy: Proxy, deadline: Deadline) -> None:
    """Have the proxy connect to ``target`` (RFC 9110, section 9.3.6)."""
    headers = {"Host": target.authority, **proxy.headers}
    request = HttpRequest("CONNECT", target.authority, headers)
    with talk_with(proxy.place), exchange(connection, request, deadline) as answer:
        status = answer.status
    if status // 100 != 2:
        raise FetchError(f"{proxy.place} does not connect to {target.place}: HTTP status {status}", status >= 500)


def _in_tls(plain: socket.socket, target: Target, system: System, deadline: Deadline) -> ssl.SSLSocket:
    """The same connection in TLS, with a peer that proves the host's name."""
    with talk_with(target.place):
        plain.settimeout(deadline.remaining())
        try:
            return system.tls().wrap_socket(plain, server_hostname=target.host)
        except ssl.SSLCertVerificationError as error:
            raise FetchError(f"{target.place} shows no certificate to trust: {error.verify_message}") from error
        except ssl.SSLEOFError:
            raise  # as any connection that is cut
        except ssl.SSLError as error:
            raise FetchError(f"{target.place} agrees to no TLS: {error.reason}") from error
