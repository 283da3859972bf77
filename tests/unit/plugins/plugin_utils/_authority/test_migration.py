# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An authority that 0.2.0 made is taken over: its ledger and policy are copied, migrated once, and lose nothing."""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
import sqlite3
import stat
import subprocess
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import DeployedLeaf
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import schema
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    Authority,
    to_pem,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.confirmation import confirm
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import Action, LeafPlan, decide
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import LeafRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.schedule import renew_at
from ansible_collections.anchorage.pki.tests.unit.interruptions import kill_at
from ansible_collections.anchorage.pki.tests.unit.processes import fork_all
from cryptography import x509

DAY = timedelta(days=1)
DESTINATION = "/etc/pki/anchorage"
API = LeafPlace("web1", DESTINATION, "api")
STATUSES = {"superseded": 1, "deployed": 2, "signed": 1, "revoked": 1}
MakeAuthority = Callable[..., Authority]


@pytest.fixture
def first_run(now: datetime) -> datetime:
    """The day after 0.2.0 was last run on the authority."""
    return now + 5 * DAY


@pytest.fixture
def path(folder_of_0_2_0: Path) -> Path:
    return folder_of_0_2_0 / "ledger.sqlite3"


@pytest.fixture
def kept(path: Path) -> Path:
    """Where the ledger is kept as it was."""
    return path.with_name("ledger.sqlite3.schema-1")


def rows(path: Path, table: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()  # noqa: S608 names of ours


def schema_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def statements_of(path: Path) -> set[str]:
    """The statements that made the tables and indexes."""
    with closing(sqlite3.connect(path)) as connection:
        return {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}


def content(folder: Path) -> dict[str, str]:
    """The digest of every file below ``folder`` but those that SQLite touches while it reads."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


def opened(path: Path) -> dict[str, int]:
    with open_ledger(path) as ledger:
        return ledger.leaf_counts()


def test_all_that_was_recorded_is_kept(path: Path, kept: Path) -> None:
    certificates, staples = rows(path, "certificates"), rows(path, "staples")
    assert (schema_of(path), len(certificates), len(staples)) == (1, 8, 6)
    assert opened(path) == STATUSES
    assert schema_of(path) == 6
    assert rows(path, "certificates") == certificates
    assert [row[:4] for row in rows(path, "staples")] == staples
    assert {(row[5], row[7]) for row in rows(path, "staples")} == {(None, None)}
    (revoked,) = [row for row in certificates if row[11] == "revoked"]
    assert rows(path, "revocations") == [(revoked[0], revoked[9], "unspecified", 1, None)]


def test_a_migrated_ledger_is_the_same_as_a_new_one(path: Path, authority: Authority) -> None:
    opened(path)
    assert statements_of(path) == statements_of(authority.ledger_path)


def test_the_time_of_renewal_is_that_of_a_new_staple(path: Path) -> None:
    opened(path)
    sha256 = {row[6]: row[0] for row in rows(path, "certificates")}["api"]
    with open_ledger(path) as ledger:
        record = ledger.leaf(API, str(sha256))
    assert record is not None
    assert len(record.staples) == 2
    for staple in record.staples:
        assert staple.renew_at == renew_at(record.certificate.serial_number, staple.this_update, staple.next_update)
        assert (staple.der, staple.deployed_at) == (None, None)


def test_the_ledger_is_first_copied_with_what_is_still_in_its_log(path: Path, kept: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE certificates SET status = 'revoked' WHERE host = 'web2'")
        assert path.with_name("ledger.sqlite3-wal").stat().st_size > 0
        before = rows(path, "certificates")
        assert opened(path) == {"superseded": 1, "deployed": 2, "revoked": 2}
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert schema_of(kept) == 1
    assert rows(kept, "certificates") == before
    assert {file.name for file in path.parent.iterdir() if file.name.startswith(kept.name)} == {kept.name}


# Interruption, and several at once


def test_a_migration_killed_between_its_statements_leaves_the_former_schema(path: Path, kept: Path) -> None:
    before = rows(path, "certificates"), rows(path, "staples")
    for last in itertools.count(1):
        if not dies_after(last, path):
            break
        assert schema_of(path) == 1
        assert (rows(path, "certificates"), rows(path, "staples")) == before
    assert last > 8
    assert schema_of(path) == 6
    assert opened(path) == STATUSES
    assert (rows(kept, "certificates"), rows(kept, "staples")) == before


def dies_after(last: int, path: Path) -> bool:
    """Whether a process that migrates the ledger ran that many statements, after which it died."""

    class Mortal(schema.SqliteDatabase):
        count = 0

        def execute(self, *arguments: object) -> sqlite3.Cursor:
            result = super().execute(*arguments)  # type: ignore[arg-type]
            self.count += 1
            if self.count == last:
                os._exit(9)
            return result

    child = os.fork()
    if child == 0:
        try:
            schema.migrate(sqlite3.connect(path, factory=Mortal, isolation_level=None), path)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_a_migration_killed_while_it_copies_is_done_by_the_next(
    path: Path, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()
    for step in itertools.count(1):
        for file in path.parent.glob("ledger.sqlite3*"):
            file.unlink()
        path.write_bytes(before)
        calls = [(os, "open"), (os, "fsync"), (os, "replace")]
        if not kill_at(step, monkeypatch, calls, functools.partial(opened, path)):
            break
        assert opened(path) == STATUSES
        assert [schema_of(path), schema_of(kept)] == [6, 1]
        assert {file.name for file in path.parent.glob("*.schema-1*")} == {kept.name}
    assert step > 4


def test_of_many_processes_one_migrates(path: Path, kept: Path) -> None:
    before = rows(path, "staples")

    def work(_number: int) -> None:
        assert opened(path) == STATUSES

    fork_all(work, 8)
    assert (schema_of(path), schema_of(kept)) == (6, 1)
    assert rows(kept, "staples") == before


# Whoever only reads


def test_a_reader_migrates_a_copy_in_memory_and_writes_nothing(path: Path, kept: Path) -> None:
    before = content(path.parent)
    with open_ledger(path, read_only=True) as ledger:
        assert ledger.leaf_counts() == STATUSES
        current = ledger.current_leaf(API)
    assert current is not None
    assert len(current.staples) == 2
    assert content(path.parent) == before
    assert not kept.exists()


@pytest.mark.parametrize("migrated", [True, False])
def test_a_reader_cannot_write(path: Path, migrated: bool) -> None:
    if migrated:
        opened(path)
    with (
        pytest.raises(PkiError, match="attempt to write a readonly database"),
        open_ledger(path, read_only=True) as ledger,
        ledger.transaction(),
    ):
        ledger.mark_removed(API)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
@pytest.mark.parametrize("read_only", [True, False])
def test_a_folder_that_cannot_be_written_says_so(path: Path, read_only: bool) -> None:
    folder = path.parent
    mounted = subprocess.run(["mount", "--bind", "-o", "ro", folder, folder], check=False)
    if mounted.returncode:
        pytest.skip("mounting is not permitted here")
    try:
        with (
            pytest.raises(PkiError, match=r"cannot be used \(.*(readonly|unable to open).*or read-only"),
            open_ledger(path, read_only=read_only) as ledger,
        ):
            ledger.leaf_counts()
    finally:
        subprocess.run(["umount", folder], check=True)


# What is refused


def test_without_room_for_the_copy_nothing_is_changed(path: Path, kept: Path) -> None:
    kept.mkdir()
    before = content(path.parent)
    with pytest.raises(PkiError, match=r"no copy of it can be made in .*Is a directory.*Nothing was changed"):
        opened(path)
    assert content(path.parent).items() >= before.items()
    assert schema_of(path) == 1


@pytest.mark.parametrize("number", [0, -1])
@pytest.mark.parametrize("create", [True, False])
def test_an_unknown_older_schema_is_refused(path: Path, number: int, create: bool) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {number}")
    before = rows(path, "certificates")
    with (
        pytest.raises(PkiError, match=rf"has the schema {number}, which no release .* Restore .* from a backup"),
        open_ledger(path, create=create),
    ):
        pytest.fail("the ledger was opened")
    assert rows(path, "certificates") == before
    assert schema_of(path) == number


@pytest.mark.parametrize("create", [True, False])
def test_a_database_without_an_application_is_not_made_a_ledger(tmp_path: Path, create: bool) -> None:
    path = tmp_path / "theirs.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (value)")
    with (
        pytest.raises(PkiError, match=r"is not a ledger of anchorage.pki"),
        open_ledger(path, create=create),
    ):
        pytest.fail("the ledger was opened")
    assert statements_of(path) == {"CREATE TABLE theirs (value)"}


# The authority


def test_the_first_run_finds_nothing_to_do_and_keeps_both_files(
    folder_of_0_2_0: Path, make_authority: MakeAuthority, first_run: datetime
) -> None:
    before = content(folder_of_0_2_0)
    assert plan_provisioning(folder_of_0_2_0, {}, "", first_run).steps == ()
    assert content(folder_of_0_2_0) == before
    former = read_authority(folder_of_0_2_0)
    assert make_authority(folder_of_0_2_0, at=first_run) == former
    after = content(folder_of_0_2_0)
    written = {"ledger.sqlite3", "policy.json"}
    assert {name for name in after if after[name] != before.get(name)} == written | {
        "ledger.sqlite3.schema-1",
        "policy.json.schema-1",
    }
    assert after["policy.json.schema-1"] == before["policy.json"]
    for name in after:
        assert (folder_of_0_2_0 / name).stat().st_mode & 0o777 == 0o600
    assert make_authority(folder_of_0_2_0, at=first_run) == former
    assert {name for name, digest in content(folder_of_0_2_0).items() if digest != after[name]} == set()


def test_a_changed_option_is_stored_with_the_new_schema(
    folder_of_0_2_0: Path, make_authority: MakeAuthority, first_run: datetime
) -> None:
    changed = make_authority(folder_of_0_2_0, at=first_run, leaf_lifetime=30)
    assert changed.policy.lifetimes.leaf == 30
    assert read_authority(folder_of_0_2_0) == changed
    assert (folder_of_0_2_0 / "policy.json.schema-1").exists()


def test_it_is_renewed_when_it_is_due(folder_of_0_2_0: Path, make_authority: MakeAuthority, now: datetime) -> None:
    responder = make_authority(folder_of_0_2_0, at=now + 20 * DAY).issuing.responder
    assert responder.number == 2
    assert make_authority(folder_of_0_2_0, at=now + 1010 * DAY).issuing.number == 2
    first, second = make_authority(folder_of_0_2_0, at=now + 2500 * DAY).roots
    lengths = [
        root.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
        for root in (first, second)
    ]
    assert lengths == [1, 2]
    assert first.certificate.public_key() == second.certificate.public_key()


def test_a_leaf_that_its_host_has_is_unchanged_then_confirmed_and_later_renewed(
    folder_of_0_2_0: Path, path: Path, request_leaf: Callable[..., LeafRequest], first_run: datetime
) -> None:
    authority, request = read_authority(folder_of_0_2_0), request_leaf("api", ("api.test",))

    def planned(at: datetime) -> LeafPlan:
        with open_ledger(path) as ledger:
            record = ledger.current_leaf(API)
        assert record is not None
        deployed = DeployedLeaf(
            "api",
            generation=2,
            leaf_sha256=record.sha256,
            chain_sha256=hashlib.sha256(to_pem(authority.issuing.certificate).encode()).hexdigest(),
            staple_sha256=record.staples[-1].sha256,
        )
        return LeafPlan(request, deployed, record, decide(request, deployed, record, authority, at), API)

    def confirmed() -> list[datetime | None]:
        record = planned(first_run).record
        assert record is not None
        return [staple.deployed_at for staple in record.staples]

    def in_use() -> set[LeafPlace]:
        with open_ledger(path) as ledger:
            return set(ledger.staples_in_use())

    first = planned(first_run)
    assert first.decision.action is Action.NONE
    assert confirmed() == [None, None]
    assert API in in_use()  # as is assumed of the last one that was signed
    with open_ledger(path) as ledger:
        confirm([first], [], ledger, first_run)
    assert confirmed() == [None, first_run]
    assert API in in_use()
    assert planned(first_run + 3 * DAY).decision.action is Action.STAPLE
    assert planned(first_run + 60 * DAY).decision.action is Action.LEAF
