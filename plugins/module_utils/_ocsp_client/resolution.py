# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses that a fetch may connect to: each name is resolved once, and what is found is what is connected to."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Sequence
from ipaddress import ip_address

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import TYPE_CHECKING
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.addresses import Reach, reach_of
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.deadline import Deadline
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.errors import FetchError
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.system import System

if TYPE_CHECKING:
    from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.addresses import Address


def addresses_of(host: str, system: System, deadline: Deadline) -> list[Address]:
    """The addresses of a host, best first; of an address that one, with no look-up. Raises FetchError."""
    literal = _literal(host)
    if literal:
        return [literal]
    try:
        # The zone of a link-local address, after "%", is of no use: such an address is not connected to.
        return [ip_address(each.partition("%")[0]) for each in _resolve(host, system, deadline)]
    except (queue.Empty, socket.timeout):
        raise FetchError(f"the name {host} was not resolved in time", transient=True) from None
    except OSError as error:
        transient = error.errno == socket.EAI_AGAIN  # the name servers did not answer; else they say that there is none
        raise FetchError(f"the name {host} cannot be resolved: {error.strerror}", transient) from error


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _resolve(host: str, system: System, deadline: Deadline) -> Sequence[str]:
    """As the system's ``resolve``, and no longer than the deadline. Raises OSError, and queue.Empty when that is over.

    Nothing ends the system's resolver before its own time, so that it works in a thread, which is left to itself then.
    """
    results: queue.SimpleQueue[Sequence[str] | OSError] = queue.SimpleQueue()

    def work() -> None:
        try:
            results.put(system.resolve(host))
        except OSError as error:
            results.put(error)

    threading.Thread(target=work, daemon=True).start()
    result = results.get(timeout=deadline.remaining())
    if isinstance(result, OSError):
        raise result
    return result


def permitted(host: str, addresses: Sequence[Address], allow_private: bool) -> list[Address]:
    """Those addresses of a host that may be connected to. Raises FetchError where there is none.

    Where one of them is never asked, none is: such a name is a trap, or its zone is broken.
    """
    named = _literal(host) is None
    for address in addresses:
        if reach_of(address) is Reach.NEVER:
            raise FetchError(f"{host} is {f'at {address}, ' if named else ''}an address that is never asked")
    found = [each for each in addresses if allow_private or reach_of(each) is Reach.PUBLIC]
    if not found:
        which = "has a private address alone" if named else "is a private address"
        raise FetchError(f"{host} {which}, and such are asked with allow_private only")
    return found


def check_unresolved(host: str, allow_private: bool) -> None:
    """Refuse what a proxy must not be asked for, as far as that can be told: the proxy resolves names, not this host.

    Addresses are checked, and the names that mean the proxy itself (RFC 6761, section 6.3). Raises FetchError.
    """
    literal = _literal(host)
    if literal:
        permitted(host, [literal], allow_private)
    elif not allow_private and f".{host}".endswith(".localhost"):
        raise FetchError(f"{host} is a private address, and such are asked with allow_private only")
