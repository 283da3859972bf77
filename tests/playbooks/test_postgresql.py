# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A ledger that two controllers share in PostgreSQL, as docs/postgresql.md has it, in whole runs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.tests.playbooks.fleets import Fleet
from ansible_collections.anchorage.pki.tests.playbooks.plays import Run
from ansible_collections.anchorage.pki.tests.unit.processes import fork
from ansible_collections.anchorage.pki.tests.unit.scratch_postgresql import PASSWORD, ScratchServer, scratch_server

pytestmark = pytest.mark.long

HOSTS = 25
LIMIT = 400.0


class SharedFleet(Fleet):
    """Hosts of one controller, whose ledger is on a server."""

    def __init__(self, folder: Path, url: str) -> None:
        folder.mkdir()
        super().__init__(folder)
        self.variables["anchorage_ledger_url"] = url

    def take_keys_of(self, other: Fleet) -> None:
        for key in other.authority.rglob("key.pem"):
            target = self.authority / key.relative_to(other.authority)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copy(key, target)
        self.authority.chmod(0o700)

    def forget_psycopg(self) -> None:
        (self.controller.packages / "psycopg.py").write_text("raise ImportError('none here')\n")


@pytest.fixture(scope="module")
def server() -> Iterator[ScratchServer]:
    with scratch_server() as running:
        yield running


@pytest.fixture
def database(server: ScratchServer) -> str:
    return server.new_database()


@pytest.fixture
def fleet(private_folder: Path, database: str) -> SharedFleet:
    return SharedFleet(private_folder / "first", database)


def succeeded(run: Run) -> Run:
    assert run.status == 0, run.text
    return run


def test_two_controllers_at_once_issue_for_25_hosts_each(
    fleet: SharedFleet, database: str, server: ScratchServer, private_folder: Path
) -> None:
    checked = succeeded(fleet.run("authority", "--check"))
    assert "changed=1" in checked.text
    assert not fleet.authority.exists()
    assert server.rows(database, "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    succeeded(fleet.run("authority"))
    other = SharedFleet(private_folder / "second", database)
    other.take_keys_of(fleet)

    def issue(number: int) -> None:
        succeeded((fleet, other)[number].run("issue", f"--forks={HOSTS}", hosts=HOSTS))

    runs = [fork(issue, number) for number in range(2)]
    for run in runs:
        run.join(LIMIT)
    assert [run.exitcode for run in runs] == [0, 0]
    assert fleet.leaves == other.leaves == {"deployed": 2 * HOSTS}
    issued = {each.serial(f"host{number}") for each in (fleet, other) for number in range(1, HOSTS + 1)}
    entered = server.rows(database, "SELECT serial FROM certificates WHERE kind = 'leaf'")
    assert sorted(issued) == sorted(serial for (serial,) in entered)
    # A controller that has nothing but its keys finds all of it unchanged, also after a restart of the server.
    shutil.rmtree(other.authority)
    other.take_keys_of(fleet)
    server.restart()
    again = succeeded(other.run("issue", hosts=3))
    assert "changed=0" in again.text
    assert "changed=1" not in again.text


@pytest.mark.parametrize("lack", ["server", "psycopg", "password"])
def test_what_is_lacking_is_told_in_one_sentence_and_nothing_is_changed(
    fleet: SharedFleet, database: str, server: ScratchServer, lack: str
) -> None:
    url, told, environment = database, "", {}
    if lack == "server":
        url, told = "postgresql://anchorage@127.0.0.1:1/anchorage", "cannot be used (connection failed:"
    elif lack == "psycopg":
        fleet.forget_psycopg()
        told = "needs the Python package psycopg with libpq on the controller"
    else:
        url, told = server.url_with_login(database), "password authentication failed"
        environment = {"PGPASSWORD": f"wrong-{PASSWORD}"}
    fleet.variables["anchorage_ledger_url"] = url
    fleet.controller.settings = {**fleet.controller.settings, **environment}
    for playbook in ("authority", "issue"):
        run = fleet.run(playbook, "-vvv")
        assert run.status == 2
        assert told in run.text
        assert "Traceback" not in run.text
        assert PASSWORD not in run.text
    assert not fleet.authority.exists()


def test_a_password_is_refused_in_the_url_and_taken_from_the_environment(
    fleet: SharedFleet, database: str, server: ScratchServer
) -> None:
    url = server.url_with_login(database)
    fleet.variables["anchorage_ledger_url"] = url.replace("@", f":{PASSWORD}@")
    refused = fleet.run("authority")
    assert refused.status == 2
    assert "ledger_url: has a password" in refused.text
    assert PASSWORD not in refused.text
    fleet.variables["anchorage_ledger_url"] = url
    fleet.controller.settings = {**fleet.controller.settings, "PGPASSWORD": PASSWORD}
    made = succeeded(fleet.run("authority", "-vvv", "--diff"))
    assert PASSWORD not in made.text
    assert PASSWORD.encode() not in b"".join(path.read_bytes() for path in fleet.folder.rglob("*") if path.is_file())


def test_a_ledger_moves_there_and_back(fleet: SharedFleet, database: str) -> None:
    url = fleet.variables.pop("anchorage_ledger_url")
    succeeded(fleet.run("authority"))
    succeeded(fleet.run("issue"))
    there = {"anchorage_ledger_url": url, "anchorage_ledger_move_to": "server"}
    refused = fleet.run("issue", anchorage_ledger_url=url)
    assert refused.status == 2
    assert "has a ledger of its own. Move it to the server by the playbook anchorage.pki.move_ledger" in refused.text
    assert "would be moved to" in succeeded(fleet.run("move_ledger", "--check", **there)).text
    assert not (fleet.authority / "ledger.url").exists()
    assert "the ledger was moved to" in succeeded(fleet.run("move_ledger", **there)).text
    assert "changed=0" in succeeded(fleet.run("move_ledger", **there)).text
    # The folder knows of it.
    renewed = succeeded(fleet.run("issue", leaf_certificate_certificates=[{"name": "site", "names": ["other.test"]}]))
    assert "changed=1" in renewed.text
    assert fleet.leaves == {"deployed": 2, "superseded": 2}
    back = {"anchorage_ledger_move_to": "folder"}
    assert "the ledger was moved to" in succeeded(fleet.run("move_ledger", **back)).text
    assert "changed=0" in succeeded(fleet.run("move_ledger", **back)).text
    assert not (fleet.authority / "ledger.url").exists()
    assert fleet.leaves == {"deployed": 2, "superseded": 2}
    with open_ledger(fleet.authority / "ledger.sqlite3") as ledger:
        assert ledger.damage() == ""
    late = fleet.run("issue", anchorage_ledger_url=url)
    assert late.status == 2
    assert "has a ledger of its own" in late.text
