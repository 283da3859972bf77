# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shake hands with web servers whose root gives way to another, again and again, and print as JSON what came of it.

Usage: ``clients.py HOSTS AUTHORITY FLAG``. HOSTS is a file with what podman says of the hosts that are on, read anew
each time; AUTHORITY is the authority's folder. The file FLAG is made when clients begin; they end when somebody removes
it, or after twenty minutes.

Each client trusts the old root alone, the new one as soon as there is one, both, or what another one of the hosts
trusts by its own store at that moment.
"""

from __future__ import annotations

import itertools
import json
import math
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

TIME_LIMIT = 1200
PATIENCE = 30  # seconds for a handshake
PAUSE = 0.5  # seconds between the rounds at a host
#: For so many seconds after a reload, a former process of the server may still answer.
GRACE = 1
SHOWN = 20
PORT = 443
OLD, NEW, BOTH, HOST = "old root", "new root", "both roots", "managed host"


class Refused(Exception):
    """What a client says that does not trust the server."""


@dataclass(frozen=True)
class Handshake:
    """One handshake, and the state of the rotation when it began; ``refused`` is what the client said, if it did."""

    began: float
    state: str
    server: str
    trust: str
    library: str
    refused: str = ""


@dataclass
class Clients:
    """The clients of all hosts, and what came of their handshakes, and what was no handshake at all."""

    hosts: Path
    authority: Path
    flag: Path
    scratch: Path
    handshakes: list[Handshake] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def on(self) -> dict[str, Any]:
        """What podman says of the hosts that are on, by their names."""
        return {host["Name"]: host for host in json.loads(self.hosts.read_text(encoding="utf-8"))}

    def visit(self, server: str) -> None:
        """Shake hands with one server, as all clients in turn, until the end."""
        end = time.monotonic() + TIME_LIMIT
        for number in itertools.count():
            if not self.flag.exists() or time.monotonic() > end:
                return
            on = self.on()
            others = [name for name in sorted(on) if name != server]
            if server in on and others:
                neighbour = others[number % len(others)]
                for trust, roots in self._trusts(server, on[neighbour]):
                    for library in LIBRARIES:
                        self._shake_hands(server, neighbour, trust, roots, library)
            time.sleep(PAUSE)

    def _trusts(self, server: str, neighbour: dict[str, Any]) -> Iterator[tuple[str, Path]]:
        """Files of roots. Nobody trusts the new one before there is one."""
        old, new = (self.authority / "root" / number / "certificate.pem" for number in ("1", "2"))
        yield OLD, old
        if new.exists():
            yield NEW, new
            both = self.scratch / f"{server}.pem"
            both.write_text(old.read_text(encoding="ascii") + new.read_text(encoding="ascii"), encoding="ascii")
            yield BOTH, both
        yield HOST, Path(f"/proc/{neighbour['State']['Pid']}/root/etc/ssl/certs/ca-certificates.crt")

    def _shake_hands(self, server: str, neighbour: str, trust: str, roots: Path, library: str) -> None:
        handshake = Handshake(time.time(), self._state(), server, trust, library)
        try:
            LIBRARIES[library](roots, address_of(self.on()[server]), f"{server}.internal")
        except Refused as refusal:
            handshake = replace(handshake, refused=str(refusal))
        except (KeyError, OSError, subprocess.TimeoutExpired) as error:
            # Whoever switches a host off tells so before.
            if {server, neighbour} <= set(self.on()):
                self.failures.append(f"{handshake}: {error!r}")
            return
        self.handshakes.append(handshake)

    def _state(self) -> str:
        with closing(sqlite3.connect(f"file:{self.authority / 'ledger.sqlite3'}?mode=ro", uri=True)) as ledger:
            states = ledger.execute("SELECT state FROM rotations ORDER BY id DESC LIMIT 1").fetchall()
        return states[0][0] if states else "none"


def openssl(roots: Path, address: str, name: str) -> None:
    """Shake hands with Python's OpenSSL. Raises Refused, OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(roots)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    try:
        with socket.create_connection((address, PORT), PATIENCE) as plain:
            context.wrap_socket(plain, server_hostname=name).close()
    except ssl.SSLCertVerificationError as error:
        raise Refused(error.verify_message) from error


def gnutls(roots: Path, address: str, name: str) -> None:
    """Shake hands with GnuTLS. Raises Refused, OSError, subprocess.TimeoutExpired."""
    names = (f"--sni-hostname={name}", f"--verify-hostname={name}")
    command = ["gnutls-cli", f"--x509cafile={roots}", *names, f"--port={PORT}", address]
    done = subprocess.run(command, input="", capture_output=True, text=True, timeout=PATIENCE, check=False)
    verdicts = [line for line in done.stdout.splitlines() if line.startswith("- Status:")]
    if any("NOT trusted" in verdict for verdict in verdicts):
        raise Refused(verdicts[0])
    if done.returncode or not verdicts:
        raise OSError(done.stdout + done.stderr)


LIBRARIES: dict[str, Callable[[Path, str, str], None]] = {"OpenSSL": openssl, "GnuTLS": gnutls}


def address_of(host: dict[str, Any]) -> str:
    """A host's address on its only network."""
    (network,) = host["NetworkSettings"]["Networks"].values()
    return network["IPAddress"]


def is_promised(handshake: Handshake, switched: dict[str, float]) -> bool:
    """Whether the rotation promises that this client is not refused. ``switched`` is when the new root alone was enough
    for the first time, of each server."""
    if handshake.trust == OLD:
        return handshake.state not in ("purging", "done")
    if handshake.trust == NEW:
        return handshake.began > switched.get(handshake.server, math.inf) + GRACE
    return True


def summary(handshakes: list[Handshake], failures: list[str]) -> dict[str, Any]:
    """How many of each client were accepted and refused in each state, broken promises, and failures."""
    switched: dict[str, float] = {}
    counts: dict[str, dict[str, Counter[str]]] = {}
    for one in sorted(handshakes, key=lambda handshake: handshake.began):
        if one.trust == NEW and not one.refused:
            switched.setdefault(one.server, one.began)
        client = counts.setdefault(one.state, {}).setdefault(f"{one.trust} by {one.library}", Counter())
        client.update({"accepted": int(not one.refused), "refused": int(bool(one.refused))})
    broken = [asdict(one) for one in handshakes if one.refused and is_promised(one, switched)]
    return {
        "handshakes": len(handshakes),
        "counts": counts,
        "broken": broken[:SHOWN],
        "failures": failures[:SHOWN],
    }


def main() -> None:
    hosts, authority, flag = map(Path, sys.argv[1:])
    with tempfile.TemporaryDirectory() as scratch:
        clients = Clients(hosts, authority, flag, Path(scratch))
        servers = clients.on()
        flag.touch()
        with ThreadPoolExecutor(len(servers)) as pool:
            list(pool.map(clients.visit, servers))
    print(json.dumps(summary(clients.handshakes, clients.failures)))


if __name__ == "__main__":
    main()
