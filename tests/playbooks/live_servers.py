# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real nginx for each host of a fleet, and a client of all of them that makes handshakes while playbooks run."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._tls.errors import ProbeError
from ansible_collections.anchorage.pki.plugins.module_utils._tls.probe import served_staple
from ansible_collections.anchorage.pki.tests.playbooks.fleets import Fleet
from ansible_collections.anchorage.pki.tests.unit.leaves import NGINX, free_port
from ansible_collections.anchorage.pki.tests.unit.nginx_configuration import nginx_configuration
from interoperability.programs import need

NAME = "site.test"
SECONDS = 10


def serve_by_nginx(fleet: Fleet, hosts: Sequence[str]) -> dict[str, int]:
    """Have these hosts serve their leaf by an nginx of their own, once that runs; the ports, by the hosts."""
    need("nginx")
    ports = {host: free_port() for host in hosts}
    for host, port in ports.items():
        folder = fleet.folder / f"{host}-nginx"
        folder.mkdir()
        pointer = f"{fleet.folder}/{host}/site/nginx.conf"
        block = f'server {{ listen 127.0.0.1:{port} ssl; include "{pointer}"; return 200 "ok"; }}'
        (folder / "nginx.conf").write_text(nginx_configuration(block).replace("{folder}", str(folder)))
    server = " ".join(_command(fleet.folder / "{{ inventory_hostname }}-nginx"))
    pid = f"{fleet.folder}/{{{{ inventory_hostname }}}}-nginx/nginx.pid"
    fleet.variables |= {
        "leaf_certificate_server": "nginx",
        "leaf_certificate_activate": {
            "test": ["sh", "-c", f"{server} -t"],
            "reload": ["sh", "-c", f"! [ -s {pid} ] || {server} -s reload"],
        },
    }
    return ports


def _command(folder: Path) -> list[str]:
    return [str(NGINX), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]


class Client:
    """Connects to each of these ports again and again, trusts one root alone, and wants a staple."""

    def __init__(self, ports: dict[str, int], root: Path) -> None:
        self.ports, self.context = ports, ssl.create_default_context(cafile=str(root))
        self.handshakes: Counter[str] = Counter()
        self.refused: list[str] = []
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.1):
            for host in self.ports:
                try:
                    self.connect(host)
                except (OSError, ProbeError) as error:
                    self.refused.append(f"{host}: {error!r}")
                else:
                    self.handshakes[host] += 1

    def connect(self, host: str) -> None:
        """Ask the server for its page, and then for its staple. Raises OSError, ProbeError."""
        address = ("127.0.0.1", self.ports[host])
        with (
            socket.create_connection(address, SECONDS) as connection,
            self.context.wrap_socket(connection, server_hostname=NAME) as secured,
        ):
            secured.sendall(b"GET / HTTP/1.0\r\n\r\n")
            if not secured.recv(100).startswith(b"HTTP/1.1 200"):
                raise ProbeError("it answers something else")
        if not served_staple(*address, NAME, SECONDS)[1]:
            raise ProbeError("it staples nothing")

    def end(self) -> None:
        self._ended.set()

    def check(self) -> None:
        """See that no server has refused anything so far, and that each of them answers again now."""
        self.handshakes.clear()
        deadline = time.monotonic() + SECONDS
        while set(self.handshakes) != set(self.ports) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert (self.refused, set(self.handshakes)) == ([], set(self.ports))


@contextmanager
def live_client(fleet: Fleet, ports: dict[str, int]) -> Iterator[Client]:
    """Start the servers, and a client of them that goes on until the block ends."""
    root = fleet.folder / "live-root.pem"
    root.write_bytes((fleet.authority / "root" / "1" / "certificate.pem").read_bytes())
    client = Client(ports, root)
    with ExitStack() as running:
        for host in ports:
            command = _command(fleet.folder / f"{host}-nginx")
            server = running.enter_context(subprocess.Popen(command, stdin=subprocess.DEVNULL))
            running.callback(server.terminate)
            _wait_for(client, host)
        thread = threading.Thread(target=client.run)
        thread.start()
        running.callback(thread.join)
        running.callback(client.end)
        yield client


def _wait_for(client: Client, host: str) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return client.connect(host)
        except (OSError, ProbeError):
            assert time.monotonic() < deadline
            time.sleep(0.05)
