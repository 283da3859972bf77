# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network of a test's own for the OCSP client: what names mean, where connections end, and how time passes."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.system import System
from ansible_collections.anchorage.pki.tests.unit.leaves import Leaf

#: As a responder of a public authority has: nobody does have this one (RFC 5737).
PUBLIC = "192.0.2.1"
#: What the clock of a network shows, in seconds since 1970, however long a test takes.
NOW = 1_800_000_000.0


@dataclass
class Network:
    """``names`` are resolved to each of their answers in turn, the last for ever; ``routes`` lead from an address to
    the one of this machine that takes its place. What was done is noted."""

    names: dict[str, Sequence[Sequence[str] | OSError]] = field(default_factory=dict)
    routes: dict[str, str] = field(default_factory=dict)
    proxies: Mapping[str, str] = field(default_factory=dict)
    trusted: ssl.SSLContext | None = None
    haste: float = 1
    resolved: list[str] = field(default_factory=list)
    connected: list[tuple[str, int]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    @property
    def system(self) -> System:
        return System(
            resolve=self._resolve,
            connect=self._connect,
            tls=lambda: self.trusted or ssl.create_default_context(),
            proxies=lambda: self.proxies,
            clock=lambda: time.monotonic() * self.haste + sum(self.pauses),
            now=lambda: NOW,
            sleep=self.pauses.append,
            chance=lambda: 0.5,
        )

    def _resolve(self, host: str) -> Sequence[str]:
        answers = self.names.get(host) or [socket.gaierror(socket.EAI_NONAME, "Name or service not known")]
        answer = answers[min(self.resolved.count(host), len(answers) - 1)]
        self.resolved.append(host)
        if isinstance(answer, OSError):
            raise answer
        return answer

    def _connect(self, address: str, port: int, seconds: float) -> socket.socket:
        self.connected.append((address, port))
        place = self.routes.get(address, address)
        connection = _Hasty(socket.AF_INET6 if ":" in place else socket.AF_INET)
        connection.haste = self.haste
        connection.settimeout(seconds)
        try:
            connection.connect((place, port))
        except OSError:
            connection.close()
            raise
        return connection


class _Hasty(socket.socket):
    """A socket for which time passes quicker."""

    haste: float = 1

    def settimeout(self, seconds: float | None) -> None:
        super().settimeout(seconds and seconds / self.haste)


def server_tls(leaf: Leaf, folder: Path) -> ssl.SSLContext:
    """What a server with that leaf shows."""
    file = folder / "server.pem"
    file.write_text(leaf.certificate + leaf.private_key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def trusting(leaf: Leaf) -> ssl.SSLContext:
    """What a client has that trusts the authority of that leaf, and no other."""
    context = ssl.create_default_context(cadata=leaf.chain)
    # From Python 3.13 on, that wants an extension that the leaves of these tests do not have.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
