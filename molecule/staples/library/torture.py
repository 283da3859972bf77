# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deploy two generations of a leaf in turns, under load and adverse conditions, and tell what clients were shown.

``sets`` is a file of leaves of different key types, each with its staple, that ``sign_sets.py`` wrote. The host's half
deploys them at a ``server`` of this module's own, with the activation that a task would name, while another loop
reloads the server all the time. Clients make a handshake each, as fast as the server answers: what they are shown has
to be a leaf and the staple that belongs to it. The ``ordeal`` is what happens meanwhile: 200 ``swaps``, each of which
waits for handshakes before the next one begins; ``kills`` of the host's half, before each system call that changes
something, and a run that heals that; or a ``full_disk``.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import multiprocessing
import os
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from multiprocessing.queues import SimpleQueue
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import NamedTuple

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.inspection import inspect_leaves
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import (
    Activation,
    DeployedLeaf,
    Inquiry,
    Probe,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import REPAIR, Delivery
from ansible_collections.anchorage.pki.plugins.module_utils._tls.errors import ProbeError
from ansible_collections.anchorage.pki.plugins.module_utils._tls.probe import served_staple
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import decode

ADDRESS, PORT, NAME = "127.0.0.1", 8473, "www.internal"
CLIENTS = 3
SWAPS = 200
HANDSHAKES_FOR_A_SWAP = 20  # from its beginning to that of the next one, at least
BLOCK = 4096
# The system calls that change something on the disk.
CHANGING_CALLS = ("open", "mkdir", "rename", "symlink", "link", "unlink", "rmdir", "fsync", "fchmod", "fchown")
TIME_LIMIT = 30  # seconds for a handshake, and for the server's start
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
        run="haproxy -W -f {configuration}",
        test="haproxy -c -q -f {configuration}",
        reload="kill -USR2 {process}",
    ),
}


Pair = tuple[str, str]  # the SHA-256 of a leaf and of a staple
Answer = tuple[Counter[Pair], Counter[str]]  # how often each pair was shown, and each failure occurred


def main() -> None:
    """Prepare, torture, and tell."""
    module = AnsibleModule(
        {
            "server": {"type": "str", "required": True, "choices": list(SERVERS)},
            "ordeal": {"type": "str", "required": True, "choices": list(ORDEALS)},
            "sets": {"type": "path", "required": True},
        }
    )
    kind, ordeal = module.params["server"], ORDEALS[module.params["ordeal"]]
    sets = json.loads(Path(module.params["sets"]).read_text(encoding="utf-8"))
    deliveries = [decode(Delivery, one) for one in sets]
    # Below /tmp, where everybody may write, root keeps no private key.
    with tempfile.TemporaryDirectory(prefix=".torture-", dir=Path.home()) as scratch:
        destination = Destination(f"{scratch}/pki", kind, Attributes(0o644), Attributes(0o600))
        with small_disk(destination.path) if ordeal is fill_disk else nullcontext():
            shown = [swap(destination, delivery, number, Activation()) for number, delivery in enumerate(deliveries)]
            with running(SERVERS[kind], Path(scratch)) as activation:
                outcome = torture(partial(ordeal, destination, deliveries, activation), shown, activation.reload)
    module.exit_json(changed=True, **outcome)


def torture(ordeal: Callable[[Load], int], shown: list[Pair], reload: tuple[str, ...]) -> dict[str, object]:
    """Go through the ordeal under load, and say how many steps it had and what clients were shown."""
    load = Load()
    with clients(load.made) as answers, reloading(reload) as reloads:
        started = time.monotonic()
        steps = ordeal(load)
        seconds = time.monotonic() - started
    seen = sum((seen for seen, _failures in answers), Counter())
    return {
        "steps": steps,
        "reloads": len(reloads),
        "failed_reloads": reloads.count("failed"),
        "seconds": round(seconds, 1),
        "handshakes": seen.total(),
        "per_second": round(seen.total() / seconds),
        "fewest_for_a_swap": min(load.for_swaps, default=0),
        "amid_swaps": sum(load.amid_swaps),
        "served": [seen[pair] for pair in shown],
        "mixed": sum(count for pair, count in seen.items() if pair not in shown),
        "failures": sum((failures for _seen, failures in answers), Counter()),
    }


class Load:
    """The handshakes that all clients have made: in all, amid each swap, and from its beginning to that of the next."""

    def __init__(self) -> None:
        self.made = multiprocessing.Value("Q", 0)
        self.amid_swaps: list[int] = []
        self.for_swaps: list[int] = []

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """Count those of a swap, and wait for as many as it is to have."""
        before = self.made.value
        yield
        self.amid_swaps.append(self.made.value - before)
        end = time.monotonic() + TIME_LIMIT
        while self.made.value - before < HANDSHAKES_FOR_A_SWAP and time.monotonic() < end:
            time.sleep(0.001)
        self.for_swaps.append(self.made.value - before)


def swap_often(destination: Destination, deliveries: list[Delivery], activation: Activation, load: Load) -> int:
    """Two hundred swaps."""
    for number in range(len(deliveries), len(deliveries) + SWAPS):
        with load.swapped():
            swap(destination, deliveries[number % len(deliveries)], number, activation)
    return SWAPS


def kill_everywhere(destination: Destination, deliveries: list[Delivery], activation: Activation, _load: Load) -> int:
    """Kill a deployment before its first changing system call, heal that, kill another before its second, and so on."""
    without_probes = replace(activation, probes=())
    for step in itertools.count(1):
        number = inspected(destination, activation).generation
        wanted = deliveries[step % len(deliveries)]
        if not killed_at(step, partial(swap, destination, wanted, number, without_probes)):
            return step - 1
        number = inspected(destination, activation).generation
        deploy(destination, [Delivery("site", REPAIR, number)], activation)
        healed = inspected(destination, activation)
        if healed.generation != number or healed.damage or healed.drift or healed.unserved:
            raise HostError(f"Killed before changing system call {step}, and not healed: {healed}")
    raise AssertionError


def inspected(destination: Destination, activation: Activation) -> DeployedLeaf:
    """What the host's half says of the leaf."""
    return inspect_leaves(destination, [Inquiry("site")], activation).certificates[0]


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do ``work`` in a child that is killed just before its n-th changing system call; whether it came that far."""
    child = os.fork()
    if child == 0:
        calls = itertools.count(1)

        def counted(original: Callable[..., object]) -> Callable[..., object]:
            def call(*arguments: object, **options: object) -> object:
                if next(calls) == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                return original(*arguments, **options)

            return call

        for name in CHANGING_CALLS:
            setattr(os, name, counted(getattr(os, name)))
        work()
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status not in (0, -signal.SIGKILL):
        raise HostError(f"The deployment ended with status {status}.")
    return status != 0


def fill_disk(destination: Destination, deliveries: list[Delivery], activation: Activation, _load: Load) -> int:
    """Try to deploy on a full disk, reload, and free a block, until the deployment succeeds."""
    filler = Path(destination.path, "filler")
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(BLOCK))
    for step in itertools.count(1):
        try:
            swap(destination, deliveries[0], len(deliveries), activation)
            return step
        except HostError as error:
            if "is full" not in str(error):
                raise
        subprocess.run(activation.reload, check=True)
        os.truncate(filler, filler.stat().st_size - BLOCK)
    raise AssertionError


@contextmanager
def small_disk(path: str) -> Iterator[None]:
    """A file system of 256 KiB there."""
    os.mkdir(path)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=0755", "none", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", path], check=True)


ORDEALS = {"swaps": swap_often, "kills": kill_everywhere, "full_disk": fill_disk}


def swap(destination: Destination, delivery: Delivery, number: int, activation: Activation) -> Pair:
    """Deploy on top of generation ``number``; what a server shows from then on."""
    (now,) = deploy(destination, [replace(delivery, expected_generation=number)], activation).certificates
    return now.leaf_sha256, now.staple_sha256


@contextmanager
def clients(made: Synchronized[int]) -> Iterator[list[Answer]]:
    """Make handshakes all the time, in several processes, and count them; what they were shown is there afterwards."""
    stopped, answers = multiprocessing.Event(), multiprocessing.SimpleQueue()
    arguments = (stopped, made, answers)
    processes = [multiprocessing.Process(target=shake_hands, args=arguments) for _client in range(CLIENTS)]
    for process in processes:
        process.start()
    collected: list[Answer] = []
    try:
        yield collected
    finally:
        stopped.set()
        collected += [answers.get() for _process in processes]
        for process in processes:
            process.join()


def shake_hands(stopped: Event, made: Synchronized[int], answers: SimpleQueue[Answer]) -> None:
    """One handshake after the other until the end: how often which pair was shown, and which failures there were."""
    seen: Counter[Pair] = Counter()
    failures: Counter[str] = Counter()
    while not stopped.is_set():
        try:
            leaf, staple = served_staple(ADDRESS, PORT, NAME, TIME_LIMIT)
        except ProbeError as error:
            failures[str(error)] += 1
        else:
            seen[hashlib.sha256(leaf).hexdigest(), hashlib.sha256(staple).hexdigest()] += 1
            with made:
                made.value += 1
    answers.put((seen, failures))


@contextmanager
def running(server: Server, folder: Path) -> Iterator[Activation]:
    """The server, from when it serves; how a task would activate a leaf there."""
    configuration = folder / "server.conf"
    configuration.write_text(server.configuration.format(folder=folder, address=ADDRESS, port=PORT), encoding="utf-8")
    known = {"folder": folder, "configuration": configuration}
    command = server.run.format(**known).split()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        test, reload = (each.format(**known, process=process.pid).split() for each in (server.test, server.reload))
        try:
            wait_for_handshake()
            yield Activation(tuple(test), tuple(reload), TIME_LIMIT, (Probe("site", ADDRESS, PORT, NAME),))
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
def reloading(command: tuple[str, ...]) -> Iterator[list[str]]:
    """Reload all the time; a line for each reload, which says whether it failed, is there afterwards."""
    # No thread does it, since a process with threads is not to be forked.
    loop = ["sh", "-c", f'while sleep {PAUSE}; do "$@" && echo done || echo failed; done', "loop", *command]
    lines: list[str] = []
    with subprocess.Popen(loop, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield lines
        finally:
            process.terminate()
            lines += process.communicate()[0].splitlines()


if __name__ == "__main__":
    main()
