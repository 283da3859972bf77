# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Swap two generations of a leaf under load, again and again, and tell what clients were shown meanwhile.

``sets`` are leaves of different key types, each with its staple, as ``sign_sets.py`` wrote them. The host's half
deploys them in turns, ``swaps`` times, at a ``server`` of this module's own, with the activation that a task would name;
another loop reloads the server all the time. Clients make a handshake each, as fast as the server answers: what they are
shown has to be a leaf and the staple that belongs to it.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation, Delivery, Probe
from ansible_collections.anchorage.pki.plugins.module_utils._tls.probe import ProbeError, served_staple
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import argument_spec, decode

ADDRESS, PORT, NAME = "127.0.0.1", 8473, "www.internal"
CLIENTS = 3
TIME_LIMIT = 10  # seconds for a handshake, and for the server's start
PAUSE = 0.2  # seconds between the reloads of the loop

NGINX = """
user root;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 2;
events {{}}
http {{
  access_log off;
  server {{
    listen {address}:{port} ssl;
    include {folder}/pki/site/nginx.conf;
    return 204;
  }}
}}
"""
HAPROXY = """
global
  stats socket {folder}/haproxy.sock mode 600 level admin
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend torture
  bind {address}:{port} ssl crt-list {folder}/pki/site/haproxy.crt-list
  http-request return status 204
"""


class Server(NamedTuple):
    """A server of this script's own: its configuration, and the commands that run, test and reload it."""

    configuration: str
    run: str
    test: str
    reload: str


SERVERS = {
    "nginx": Server(
        NGINX,
        run="nginx -e {folder}/error.log -c {configuration}",
        test="nginx -t -q -e {folder}/error.log -c {configuration}",
        reload="nginx -s reload -e {folder}/error.log -c {configuration}",
    ),
    "haproxy": Server(
        HAPROXY,
        run="haproxy -W -f {configuration} -p {folder}/haproxy.pid",
        test="haproxy -c -q -f {configuration}",
        reload="pkill -USR2 --pidfile {folder}/haproxy.pid",
    ),
}


Pair = tuple[str, str]  # the SHA-256 of a leaf and of a staple


def main() -> None:
    """Prepare, torture, and tell."""
    module = AnsibleModule(
        {
            "server": {"type": "str", "required": True, "choices": list(SERVERS)},
            "sets": {"type": "list", "elements": "dict", "options": argument_spec(Delivery), "required": True},
            "swaps": {"type": "int", "required": True},
        }
    )
    kind = module.params["server"]
    deliveries = [decode(Delivery, one) for one in module.params["sets"]]
    # Below /tmp, where everybody may write, root keeps no private key.
    with tempfile.TemporaryDirectory(prefix=".torture-", dir=Path.home()) as scratch:
        destination = Destination(f"{scratch}/pki", kind, Attributes(0o644), Attributes(0o600))
        deployed = [swap(destination, delivery, number, Activation()) for number, delivery in enumerate(deliveries)]
        with running(SERVERS[kind], Path(scratch)) as activation:
            outcome = torture(destination, deliveries, deployed, activation, module.params["swaps"])
    module.exit_json(changed=True, **outcome)


def torture(
    destination: Destination, deliveries: list[Delivery], deployed: list[Pair], activation: Activation, swaps: int
) -> dict[str, object]:
    """Swap that often while clients make handshakes, and say what they were shown."""
    flag = Path(destination.path).with_name("under-load")
    flag.touch()
    with multiprocessing.Pool(CLIENTS) as pool, reloading(activation.reload) as reloads:
        clients = [pool.apply_async(shake_hands, (flag,)) for _client in range(CLIENTS)]
        started = time.monotonic()
        try:
            for number in range(len(deliveries), len(deliveries) + swaps):
                swap(destination, deliveries[number % len(deliveries)], number, activation)
        finally:
            seconds = time.monotonic() - started
            flag.unlink()
        seen = sum((client.get(TIME_LIMIT)[0] for client in clients), Counter())
        failures = sum((client.get()[1] for client in clients), Counter())
    return {
        "swaps": swaps,
        "reloads": len(reloads),
        "seconds": round(seconds, 1),
        "handshakes": seen.total(),
        "per_second": round(seen.total() / seconds),
        "served": [seen[pair] for pair in deployed],
        "mixed": sum(count for pair, count in seen.items() if pair not in deployed),
        "failures": failures,
    }


def swap(destination: Destination, delivery: Delivery, number: int, activation: Activation) -> Pair:
    """Deploy on top of generation ``number``; what a server shows from then on."""
    (now,) = deploy(destination, [replace(delivery, expected_generation=number)], activation).certificates
    return now.leaf_sha256, now.staple_sha256


def shake_hands(flag: Path) -> tuple[Counter[Pair], Counter[str]]:
    """One handshake after the other for as long as the flag is there: how often which pair was shown, and failures."""
    seen: Counter[Pair] = Counter()
    failures: Counter[str] = Counter()
    while flag.exists():
        try:
            leaf, staple = served_staple(ADDRESS, PORT, NAME, TIME_LIMIT)
        except ProbeError as error:
            failures[str(error)] += 1
        else:
            seen[hashlib.sha256(leaf).hexdigest(), hashlib.sha256(staple).hexdigest()] += 1
    return seen, failures


@contextmanager
def running(server: Server, folder: Path) -> Iterator[Activation]:
    """The server, from when it serves; how a task would activate a leaf there."""
    configuration = folder / "server.conf"
    paths = {"folder": folder, "configuration": configuration}
    configuration.write_text(server.configuration.format(address=ADDRESS, port=PORT, **paths), encoding="utf-8")
    run, test, reload = (command.format(**paths).split() for command in (server.run, server.test, server.reload))
    probe = Probe("site", ADDRESS, PORT, NAME)
    with subprocess.Popen(run, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for_handshake()
            yield Activation(tuple(test), tuple(reload), TIME_LIMIT, (probe,))
        finally:
            process.terminate()


def wait_for_handshake() -> None:
    """Wait until the server answers. Raises ProbeError where it takes too long."""
    end = time.monotonic() + TIME_LIMIT
    while True:
        try:
            served_staple(ADDRESS, PORT, NAME, TIME_LIMIT)
            return
        except ProbeError:
            if time.monotonic() > end:
                raise
        time.sleep(0.1)


@contextmanager
def reloading(command: tuple[str, ...]) -> Iterator[list[float]]:
    """Reload all the time; when that was."""
    times: list[float] = []
    stopped = threading.Event()

    def reload() -> None:
        while not stopped.wait(PAUSE):
            subprocess.run(command, check=True)
            times.append(time.monotonic())

    loop = threading.Thread(target=reload)
    loop.start()
    try:
        yield times
    finally:
        stopped.set()
        loop.join()


if __name__ == "__main__":
    main()
