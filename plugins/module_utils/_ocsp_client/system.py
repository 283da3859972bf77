# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a fetch takes from the system it runs on, so that tests can give it something else."""

from __future__ import annotations

import random
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from urllib.request import getproxies_environment

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass


def resolve(host: str) -> list[str]:
    """The addresses of a host, at least one, best first, each once. It may take any time. Raises OSError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for _family, _type, _protocol, _name, place in found))


def connect(address: str, port: int, seconds: float) -> socket.socket:
    """A connection to an address, which is in digits, so that no name is resolved. Raises OSError."""
    return socket.create_connection((address, port), seconds)


@dataclass(frozen=True)
class System:
    """``proxies`` is of the form of getproxies_environment(): URLs by schemes, and under ``no`` what needs no proxy.

    It is that of the environment alone, since on macOS the system's settings cannot be read in a forked process.
    ``clock`` never goes back, ``now`` is in seconds since 1970, and ``chance`` is between 0 and 1.
    """

    resolve: Callable[[str], Sequence[str]] = resolve
    connect: Callable[[str, int, float], socket.socket] = connect
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context
    proxies: Callable[[], Mapping[str, str]] = getproxies_environment
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random


THIS_SYSTEM = System()
