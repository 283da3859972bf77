# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A ledger's move to a PostgreSQL server and back: at no moment do two of them sign."""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import copying, moving, postgresql, schema
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger_urls import ledger_url
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proofs import Proof
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.shared_files import fetch, join, public_files
from ansible_collections.anchorage.pki.plugins.plugin_utils._backup.transaction import back_up, restore
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signing import sign_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.revocation_lists import RevokedCertificate
from ansible_collections.anchorage.pki.tests.unit.scratch_postgresql import ScratchServer

PLACE = LeafPlace("web1", "/etc/pki/anchorage", "app")
WHERE = "/home/ca on here"
PASSPHRASE = "a passphrase of backups"


@pytest.fixture
def folder(own_authority: Authority, make_leaf, issuing: Signer, responder: Signer, now: datetime) -> Path:
    """An authority with something in each table of its ledger."""
    with open_ledger(own_authority.ledger_path) as ledger, ledger.transaction():
        for number in range(3):
            leaf, place = make_leaf(), LeafPlace(f"web{number}", PLACE.destination, PLACE.name)
            staple = sign_staple(leaf, issuing.certificate, responder, 7, now)
            ledger.record_leaf(leaf, own_authority.issuing.sha256, place, ["app.test"], "controller")
            ledger.record_staple(staple, fingerprint(leaf))
            ledger.mark_deployed(place, fingerprint(leaf), staple.sha256 if number else "", now)
        ledger.revocations.enter(fingerprint(leaf), "superseded", False, now)
        ledger.revocations.take_number("ab", now)
        ledger.revocations.enter_serial("1" * 64, RevokedCertificate(7, now, "unspecified"))
        ledger.restores.enter(now, now)
        ledger.rotations.begin(own_authority.root.sha256, "new key", now)
        rotation = ledger.rotations.all()[0]
        ledger.rotations.add_exception(rotation, "web9", "broken", "somebody")
        ledger.rotations.count(rotation, ["web1"])
        proof = Proof(own_authority.root.sha256, "system", "debian", "trusted", "2" * 64)
        ledger.proofs.enter("web1", ledger.proofs.difference("web1", [proof], {"system"}, now), now)
        ledger.entries.forget_host("web8", "gone", "somebody", now)
    return own_authority.folder


def content(path: Path) -> dict[str, set[tuple[Any, ...]]]:
    with closing(sqlite3.connect(path)) as file:
        return {
            table: set(file.execute(f"SELECT * FROM {table}"))  # noqa: S608
            for table in copying.TABLES
        }


def sign(path: Path, leaf: Any) -> None:
    with open_ledger(path) as ledger, ledger.transaction():
        ledger.record_leaf(leaf, "1" * 64, PLACE, ["app.test"], "controller")


def test_every_table_of_the_ledger_is_copied(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "ledger.sqlite3")) as file:
        tables = {name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == set(copying.TABLES)
    assert {table for table, rows in content(folder / "ledger.sqlite3").items() if not rows} == {"responses"}


def test_a_ledger_goes_there_and_back_with_all_that_it_has(
    folder: Path, new_database: str, make_leaf: Callable[..., Any], tmp_path: Path
) -> None:
    path = folder / "ledger.sqlite3"
    before, files = content(path), public_files(folder)
    assert moving.plan_to_server(folder, new_database)
    moving.move_to_server(folder, new_database)
    assert not moving.plan_to_server(folder, new_database)
    assert ledger_url(folder) == new_database
    sign(path, make_leaf())  # by the server
    with open_ledger(path) as ledger:
        # What is numbered goes on.
        assert ledger.leaf_counts() == {"deployed": 2, "revoked": 1, "signed": 1}
        with ledger.transaction():
            ledger.restores.enter(*[ledger.restores.all()[0].restored_at] * 2)
        assert len(ledger.restores.all()) == 2
    # Another controller is there at once.
    other = tmp_path / "other"
    assert join(other, new_database, makes=False) == new_database
    fetch(other, new_database)
    assert public_files(other) == files
    # The file that was left tells so.
    assert content(path) == before
    (folder / "ledger.url").rename(folder / "aside")
    with pytest.raises(PkiError, match=r"was moved to a PostgreSQL server.*anchorage\.pki\.move_ledger"):
        sign(path, make_leaf())
    (folder / "aside").rename(folder / "ledger.url")
    # And back.
    assert moving.plan_to_folder(folder, None)
    moving.move_to_folder(folder, WHERE)
    assert ledger_url(folder) is None
    assert not moving.plan_to_folder(folder, None)
    after = content(path)
    assert {table for table in after if after[table] != before[table]} == {"certificates", "restores"}
    assert after["certificates"] > before["certificates"]
    sign(path, make_leaf())
    with pytest.raises(PkiError, match=rf"was moved away, into the folder of an authority \({WHERE}\)"):
        sign(other / "ledger.sqlite3", make_leaf())
    with pytest.raises(PkiError, match=r"there is a ledger at .* already, which was moved away"):
        moving.plan_to_server(folder, new_database)
    assert read_authority(folder).root.key(None, "passphrase")


def test_who_has_the_file_open_meanwhile_writes_nothing_to_it(
    folder: Path, new_database: str, make_leaf: Callable[..., Any]
) -> None:
    path = folder / "ledger.sqlite3"

    def sign_late() -> None:
        with open_ledger(path) as ledger:
            moving.move_to_server(folder, new_database)
            with ledger.transaction():
                ledger.record_leaf(make_leaf(), "1" * 64, PLACE, ["app.test"], "controller")

    with pytest.raises(PkiError, match=r"cannot be used \(it was moved to a PostgreSQL server\)"):
        sign_late()


def test_a_database_with_an_authority_is_refused(
    folder: Path, new_database: str, tmp_path: Path, authority: Authority
) -> None:
    other = Path(shutil.copytree(authority.folder, tmp_path / "other-authority"))
    moving.move_to_server(other, new_database)
    before = content(folder / "ledger.sqlite3")
    with pytest.raises(PkiError, match=r"there is a ledger at .* already\. Give an empty database"):
        moving.move_to_server(folder, new_database)
    assert content(folder / "ledger.sqlite3") == before
    assert ledger_url(folder) is None


@pytest.mark.parametrize("back", [False, True])
def test_a_move_that_is_killed_after_any_statement_is_finished_by_the_next(
    folder: Path, database_server: ScratchServer, tmp_path: Path, back: bool
) -> None:
    path = folder / "ledger.sqlite3"
    before = content(path)
    for last in itertools.count(1, 23):
        copy = Path(shutil.copytree(folder, tmp_path / f"copy-{last}"))
        url = database_server.new_database()
        if back:
            moving.move_to_server(copy, url)
        died = dies_after(last, partial(move, copy, url, back))
        signing = [one for one in ledgers_in_use(copy, url) if one]
        assert len(signing) <= 1
        move(copy, url, back)
        assert ledgers_in_use(copy, url) == ([True, False] if back else [False, True])
        with open_ledger(copy / path.name) as ledger:
            assert ledger.leaf_counts() == {"deployed": 2, "revoked": 1}
        assert content(copy / path.name) == before
        shutil.rmtree(copy)
        if not died:
            break
    assert last > 60


def move(folder: Path, url: str, back: bool) -> None:
    if not back:
        moving.move_to_server(folder, url)
    elif moving.plan_to_folder(folder, None):
        moving.move_to_folder(folder, WHERE)


def ledgers_in_use(folder: Path, url: str) -> list[bool]:
    """Whether the file, and the database, is one that may sign."""
    path = folder / "ledger.sqlite3"
    with postgresql.session(url) as shared:
        on_server = moving._state(shared) == "in use"
    return [path.exists() and not schema.is_moved(path), on_server]


def dies_after(last: int, work: Callable[[], object]) -> bool:
    """Whether a process that does ``work`` ran that many statements on both databases, after which it died."""
    count = itertools.count(1)

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            result = function(*arguments)
            if next(count) == last:
                os._exit(9)
            return result

        return run

    child = os.fork()
    if child == 0:
        status = 1
        try:
            postgresql.Session.execute = counted(postgresql.Session.execute)  # type: ignore[method-assign]
            schema.SqliteDatabase.execute = counted(sqlite3.Connection.execute)  # type: ignore[method-assign]
            work()
            status = 0
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 9)
    return status != 0


def test_a_backup_of_a_shared_ledger_is_restored_as_one_in_a_folder(
    folder: Path, new_database: str, tmp_path: Path, now: datetime
) -> None:
    with open_ledger(folder / "ledger.sqlite3") as ledger, ledger.transaction():
        ledger.rotations.move(ledger.rotations.all()[0], type(ledger.rotations.all()[0].state).ABORTED, now)
    before = content(folder / "ledger.sqlite3")
    moving.move_to_server(folder, new_database)
    file = tmp_path / "backup"
    back_up(folder, file, PASSPHRASE, now)
    restored = tmp_path / "restored"
    restore(restored, file, PASSPHRASE, now + timedelta(hours=1))
    assert ledger_url(restored) is None
    after = content(restored / "ledger.sqlite3")
    assert {table for table in after if after[table] != before[table]} == {"restores"}
    assert read_authority(restored).root.key(None, "passphrase")
