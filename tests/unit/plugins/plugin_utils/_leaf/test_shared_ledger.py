# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two controllers with 25 forks each on one ledger in PostgreSQL, of which many are killed while the server restarts:
nothing is lost, and nothing is there twice."""

from __future__ import annotations

import os
import pickle
import random
import shutil
import signal
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.moving import move_to_server
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.postgresql import session
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.shared_files import fetch, join
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.transaction import LeafTransaction
from ansible_collections.anchorage.pki.tests.unit.function_host import Host
from ansible_collections.anchorage.pki.tests.unit.processes import fork
from ansible_collections.anchorage.pki.tests.unit.scratch_postgresql import ScratchServer

FORKS = 50
ROUNDS = 2
KILLED = 25
RESTARTS = 2
LIMIT = 120.0


class KeptHost(Host):
    """A host that outlives whoever talks to it: what it has is in a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(leaves=pickle.loads(path.read_bytes()) if path.exists() else {})  # noqa: S301
        self.path = path

    def _deploy(self, arguments: dict[str, Any]) -> dict[str, Any]:
        answer = super()._deploy(arguments)
        staged = self.path.with_suffix(".new")
        staged.write_bytes(pickle.dumps(self.leaves))
        os.replace(staged, self.path)
        return answer


@pytest.fixture
def controllers(own_authority: Authority, new_database: str, tmp_path: Path) -> list[Path]:
    """The folders of two controllers with one ledger, and the keys in both."""
    move_to_server(own_authority.folder, new_database)
    other = tmp_path / "other"
    for key in own_authority.folder.rglob("key.pem"):
        target = other / key.relative_to(own_authority.folder)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy(key, target)
    other.chmod(0o700)
    assert join(other, new_database, makes=False)
    fetch(other, new_database)
    return [own_authority.folder, other]


def test_two_controllers_whose_forks_are_killed_while_the_server_restarts_lose_nothing(
    controllers: list[Path],
    new_database: str,
    database_server: ScratchServer,
    tmp_path: Path,
    request_leaf: Callable[..., Any],
    now: datetime,
) -> None:
    numbers = tmp_path / "numbers"
    numbers.touch()
    hosts = [tmp_path / f"host{number}" for number in range(FORKS)]

    def work(number: int) -> None:
        try:
            for turn in range(ROUNDS):
                issue(controllers[number % 2], hosts[number], turn)
                take_number(controllers[number % 2])
        except PkiError as error:
            os._exit(4 if "\n" in str(error) else 3)  # one sentence

    def issue(folder: Path, host: Path, turn: int) -> None:
        with session(new_database):
            fetch(folder, new_database)
            authority = read_authority(folder)
            with open_ledger(authority.ledger_path) as ledger:
                transaction = LeafTransaction(authority, Passphrases(), ledger, KeptHost(host), None, now)
                request = request_leaf(names=(f"app{turn}.test",))
                plans, _inspection = transaction.plan([request], [place_of(host)])
                transaction.carry_out(plans)

    def take_number(folder: Path) -> None:
        with open_ledger(folder / "ledger.sqlite3") as ledger:
            with ledger.transaction():
                number = ledger.revocations.take_number("ab" * 20, now)
            with open(numbers, "ab", buffering=0) as file:
                file.write(f"{number}\n".encode())

    assert killed_and_restarted(work, database_server) >= KILLED // 2
    check_hosts(controllers, hosts)
    taken = numbers.read_text().split()
    assert len(taken) == len(set(taken)) >= FORKS * ROUNDS
    check_database(database_server, new_database, set(taken))


def place_of(host: Path) -> LeafPlace:
    return LeafPlace(host.name, "/etc/pki/anchorage", "app")


def killed_and_restarted(work: Callable[[int], None], server: ScratchServer) -> int:
    """Run all forks until each of them has ended well, while many are killed and the server restarts; how many died."""
    chance = random.Random(731905)
    running = {number: fork(work, number) for number in range(FORKS)}
    killed, restarts, until = 0, 0, time.monotonic() + LIMIT
    while running:
        assert time.monotonic() < until
        time.sleep(chance.uniform(0.005, 0.03))
        if killed < KILLED:
            victim = running[chance.choice(sorted(running))]
            if victim.is_alive():
                os.kill(victim.pid or 0, signal.SIGKILL)
                killed += 1
        if restarts < RESTARTS and killed >= KILLED * (restarts + 1) // (RESTARTS + 1):
            server.restart()
            restarts += 1
        for number, process in list(running.items()):
            if not process.is_alive():
                process.join()
                del running[number]
                assert process.exitcode in (0, 3, -signal.SIGKILL)
                if process.exitcode:
                    running[number] = fork(work, number)
    assert restarts == RESTARTS
    return killed


def check_hosts(controllers: list[Path], hosts: list[Path]) -> None:
    """Each host has what the ledger says it has, whichever controller is asked."""
    for folder in controllers:
        with open_ledger(folder / "ledger.sqlite3", read_only=True) as ledger:
            for host in hosts:
                deployed = KeptHost(host).leaves["app"]
                record = ledger.current_leaf(place_of(host))
                assert record is not None
                assert (record.sha256, record.status) == (deployed.leaf_sha256, "deployed")
                assert record.staple_in_use is not None
                assert record.staple_in_use.sha256 == deployed.staple_sha256
                assert not record.awaits_staple


def check_database(server: ScratchServer, url: str, taken: set[str]) -> None:
    """What the tables have is consistent, by statements that are none of the ledger's."""
    ((leaves, serials),) = server.rows(
        url, "SELECT COUNT(*), COUNT(DISTINCT serial) FROM certificates WHERE kind = 'leaf'"
    )
    assert leaves == serials >= FORKS * ROUNDS
    statuses = dict(server.rows(url, "SELECT status, COUNT(*) FROM certificates WHERE kind = 'leaf' GROUP BY status"))
    assert statuses["deployed"] == FORKS
    assert set(statuses) <= {"deployed", "superseded"}
    in_use = "SELECT COUNT(*), COUNT(DISTINCT certificate_sha256) FROM staples WHERE in_use"
    assert server.rows(url, in_use) == [(FORKS, FORKS)]
    lost = "SELECT COUNT(*) FROM staples WHERE certificate_sha256 NOT IN (SELECT sha256 FROM certificates)"
    assert server.rows(url, lost) == [(0,)]
    entered = {str(number) for (number,) in server.rows(url, "SELECT number FROM lists")}
    assert taken <= entered
