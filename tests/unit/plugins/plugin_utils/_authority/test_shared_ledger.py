# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An authority whose ledger is in PostgreSQL, used by two controllers, each with a folder of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import (
    recording,
    rotation_sql,
    shared_files,
    sql,
    sql_listing,
    sql_restore,
    sql_shared,
    sql_tables,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger_urls import LEDGER_URL, check_url
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.locks import changing, publishing
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.postgresql import Session, session
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.postgresql_tables import create_tables
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import carry_out, plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.shared_files import fetch, join, public_files
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import KeyAwayError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._psycopg import psycopg
from ansible_collections.anchorage.pki.tests.unit.processes import fork, fork_all
from ansible_collections.anchorage.pki.tests.unit.scratch_postgresql import PASSWORD, ScratchServer, database_of

PLACE = LeafPlace("web1", "/etc/pki/anchorage", "app")
DAY = timedelta(days=1)
NO_PASSPHRASES = Passphrases()
LIMIT = 60.0
CORE = "ansible_collections.anchorage.pki.plugins.plugin_utils._authority"
END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


class Controller:
    """A folder of an authority on a controller of its own."""

    def __init__(self, folder: Path, url: str, now: datetime) -> None:
        self.folder = folder
        self.url = url
        self.now = now

    def read(self) -> Authority:
        """What a task does before anything else."""
        url = join(self.folder, self.url, makes=False)
        if url:
            fetch(self.folder, url)
        return read_authority(self.folder)

    def provision(self, at: datetime | None = None, **options: Any) -> Authority:
        """What a task of certificate_authority does."""
        join(self.folder, self.url, makes=True)
        now = at or self.now
        with changing(self.folder):
            return carry_out(plan_provisioning(self.folder, options, "Shared", now), NO_PASSPHRASES, now)

    def take_keys_of(self, other: Controller) -> None:
        """As a platform does that mounts them."""
        for key in other.folder.rglob("key.pem"):
            target = self.folder / key.relative_to(other.folder)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copy(key, target)


@pytest.fixture
def first(tmp_path: Path, new_database: str, now: datetime) -> Controller:
    return Controller(tmp_path / "first", new_database, now)


@pytest.fixture
def second(tmp_path: Path, new_database: str, now: datetime) -> Controller:
    return Controller(tmp_path / "second", new_database, now)


def test_another_controller_has_all_of_the_authority_but_its_keys(first: Controller, second: Controller) -> None:
    made = first.provision()
    read = second.read()
    assert read.root.certificate == made.root.certificate
    assert read.issuing.responder.certificate == made.issuing.responder.certificate
    assert read.policy == made.policy
    assert public_files(second.folder) == public_files(first.folder)
    assert not list(second.folder.rglob("key.pem"))
    modes = {stat.S_IMODE(path.stat().st_mode) for path in second.folder.rglob("*")}
    assert modes == {0o700, 0o600}
    with pytest.raises(KeyAwayError, match=r"key.pem cannot be read"):
        read.issuing.key(None, "passphrase")
    second.take_keys_of(first)
    assert second.read().issuing.key(None, "passphrase").public_key() == made.issuing.certificate.public_key()


def test_no_key_is_ever_in_the_database(first: Controller, database_server: ScratchServer) -> None:
    first.provision()
    files = database_server.rows(first.url, "SELECT path, content FROM files")
    assert {Path(path).name for path, _content in files} == {"certificate.pem", "policy.json"}
    assert not [path for path, content in files if b"PRIVATE" in bytes(content)]


def test_keys_that_a_platform_mounts_before_the_first_task_are_enough(first: Controller, second: Controller) -> None:
    first.provision()
    second.folder.mkdir(mode=0o700)
    second.take_keys_of(first)
    assert second.read().issuing.key(None, "passphrase")


def test_what_one_controller_renews_the_other_one_has(first: Controller, second: Controller, now: datetime) -> None:
    first.provision()
    second.read()
    second.take_keys_of(first)
    renewed = second.provision(now + 20 * DAY)
    assert len(renewed.issuing.responders) == 2
    assert len(first.read().issuing.responders) == 2
    assert first.provision(now + 20 * DAY).issuing.responder.certificate == renewed.issuing.responder.certificate
    changed = second.provision(now + 20 * DAY, leaf_lifetime=30)
    assert first.read().policy == changed.policy


def test_two_controllers_at_once_make_one_authority(first: Controller, second: Controller) -> None:
    controllers = (first, second)
    fork_all(lambda number: controllers[number % 2].provision(), 4)
    assert first.read().root.sha256 == second.read().root.sha256
    with open_ledger(first.folder / "ledger.sqlite3") as ledger:
        assert len(ledger.authorities()) == 2


def test_one_that_joins_while_another_run_there_makes_the_root_is_of_the_same_authority(
    first: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = shared_files.session

    @contextmanager
    def session_as_another_run_begins(url: str) -> Iterator[Session]:
        with connect(url) as shared:
            yield shared
        monkeypatch.setattr(shared_files, "session", connect)
        fork_all(lambda _number: first.provision(), 1)

    monkeypatch.setattr(shared_files, "session", session_as_another_run_begins)
    assert first.provision().root.sha256 == first.read().root.sha256


def test_a_controller_that_is_killed_while_it_makes_certificates_leaves_nothing_that_is_used(
    first: Controller, second: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die_before_anything_is_entered(_number: int) -> None:
        monkeypatch.setattr(
            f"{CORE}.provisioning.enter",
            lambda *_arguments: os.kill(os.getpid(), signal.SIGKILL),
        )
        first.provision()

    process = fork(die_before_anything_is_entered, 0)
    process.join(LIMIT)
    assert process.exitcode == -signal.SIGKILL
    orphan = (first.folder / "root" / "1" / "certificate.pem").read_bytes()
    made = second.provision()
    assert first.read().root.certificate == made.root.certificate
    (aside,) = (first.folder / "root").glob("unrecorded-1-*")
    assert (aside / "certificate.pem").read_bytes() == orphan
    assert (aside / "key.pem").exists()
    assert not list((first.folder / "issuing" / "1").glob("key.pem"))


def test_a_certificate_that_the_database_has_again_has_its_key_again(
    first: Controller, database_server: ScratchServer, now: datetime
) -> None:
    made = first.provision()
    with database_server.connected(database_of(first.url)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT * FROM files WHERE path LIKE 'issuing/1/responder/%'")
        connection.execute("DELETE FROM files WHERE path LIKE 'issuing/1/responder/%'")
    assert first.read().issuing.responders == ()
    with database_server.connected(database_of(first.url)) as connection:
        connection.execute("INSERT INTO files SELECT * FROM kept")
    responder = first.read().issuing.responder
    assert responder.certificate == made.issuing.responder.certificate
    assert responder.key(None, "responder_passphrase")
    assert not list(first.folder.rglob("unrecorded-*"))


def test_nothing_is_entered_once_the_lock_may_be_anothers(
    first: Controller,
    second: Controller,
    database_server: ScratchServer,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first.provision()
    second.read()
    second.take_keys_of(first)
    before = public_files(first.folder)

    def enter_without_a_connection(authority: Authority, ledger: Any) -> None:
        database_server.rows(first.url, END_OTHERS)
        recording.enter(authority, ledger)

    monkeypatch.setattr(f"{CORE}.provisioning.enter", enter_without_a_connection)
    with pytest.raises(PkiError, match=r"The ledger postgresql://.* cannot be used \(.*\)\. See that the server"):
        second.provision(now + 20 * DAY)
    monkeypatch.undo()
    assert len(first.read().issuing.responders) == 1
    assert public_files(first.folder) == before
    # What was made is not used there either.
    assert len(second.read().issuing.responders) == 1
    assert list(second.folder.rglob("unrecorded-2-*"))


def test_one_controller_waits_for_another_and_says_so_in_the_end(
    first: Controller, second: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    first.provision()
    second.read()
    monkeypatch.setattr(f"{CORE}.locks.LOCK_TIMEOUT", 0.3)
    monkeypatch.setattr(f"{CORE}.locks.PUBLICATION_TIMEOUT", 0.3)

    def wait(_number: int) -> None:
        for lock, words in ((changing, "changing the authority"), (publishing, "signing or publishing")):
            with (
                pytest.raises(PkiError, match=rf"Another controller has been {words}.* 0 seconds"),
                lock(second.folder),
            ):
                pytest.fail("it was locked")

    with changing(first.folder), publishing(first.folder):
        fork_all(wait, 1)
    with changing(second.folder), publishing(second.folder):
        pass


# The server


def signed(controller: Controller, ledger: Any, leaf: Any) -> None:
    with ledger.transaction():
        ledger.record_leaf(leaf, "1" * 64, PLACE, ["app.test"], "controller")


def test_a_restart_of_the_server_is_survived_where_nothing_was_begun(
    first: Controller, make_leaf: Callable[..., Any], database_server: ScratchServer
) -> None:
    first.provision()
    with open_ledger(first.folder / "ledger.sqlite3") as ledger:
        signed(first, ledger, make_leaf())
        database_server.restart()
        assert ledger.leaf_counts() == {"signed": 1}
        database_server.restart()
        signed(first, ledger, make_leaf())
        assert ledger.leaf_counts() == {"signed": 2}


def test_a_restart_amid_a_transaction_is_told_and_leaves_nothing_half(
    first: Controller, make_leaf: Callable[..., Any], database_server: ScratchServer
) -> None:
    first.provision()

    def enter_two_leaves() -> None:
        with open_ledger(first.folder / "ledger.sqlite3") as ledger, ledger.transaction():
            ledger.record_leaf(make_leaf(), "1" * 64, PLACE, ["app.test"], "controller")
            database_server.restart()
            ledger.record_leaf(make_leaf(), "1" * 64, PLACE, ["app.test"], "controller")

    with pytest.raises(PkiError, match=r"^The ledger postgresql://[^\n]* and run again[^\n]*$"):
        enter_two_leaves()
    with open_ledger(first.folder / "ledger.sqlite3") as ledger:
        assert ledger.leaf_counts() == {}


def test_a_process_that_is_killed_in_a_transaction_leaves_nothing_half(
    first: Controller, make_leaf: Callable[..., Any]
) -> None:
    first.provision()

    def die(_number: int) -> None:
        with open_ledger(first.folder / "ledger.sqlite3") as ledger, ledger.transaction():
            ledger.record_leaf(make_leaf(), "1" * 64, PLACE, ["app.test"], "controller")
            os.kill(os.getpid(), signal.SIGKILL)

    process = fork(die, 0)
    process.join(LIMIT)
    assert process.exitcode == -signal.SIGKILL
    with open_ledger(first.folder / "ledger.sqlite3") as ledger:
        assert ledger.leaf_counts() == {}
        signed(first, ledger, make_leaf())


def test_a_server_that_is_away_is_told_at_once_and_in_one_line(first: Controller) -> None:
    with (
        pytest.raises(PkiError, match=r"^The ledger postgresql://[^\n]* cannot be used \([^\n]*\)[^\n]*$"),
        session("postgresql://nobody@127.0.0.1:1/none"),
    ):
        pytest.fail("it is not there")
    assert not first.folder.exists()


def test_a_wrong_password_is_told_without_it(
    first: Controller, database_server: ScratchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = database_server.url_with_login(first.url)
    monkeypatch.setenv("PGPASSWORD", f"wrong-{PASSWORD}")
    with pytest.raises(PkiError, match=r"password authentication failed") as raised, session(url):
        pytest.fail("it was let in")
    assert PASSWORD not in str(raised.value) + repr(raised.value.__cause__)
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    Controller(first.folder, url, first.now).provision()
    assert PASSWORD.encode() not in b"".join(path.read_bytes() for path in first.folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://anchorage:very-secret@db/anchorage",
        "postgresql://db/anchorage?password=very-secret",
        "postgresql://db/anchorage?sslpassword=very-secret",
        "postgresql://anchorage:very-secret@[db/anchorage",
        "sqlite:///very-secret",
        "very-secret",
        "postgresql:",
        "postgresql://db/very secret",
    ],
)
def test_a_url_that_cannot_be_used_is_not_repeated(url: str) -> None:
    with pytest.raises(PkiError, match=r"^ledger_url: ") as raised:
        check_url(url, "ledger_url")
    assert "secret" not in str(raised.value).replace("sslpassword", "")


@pytest.mark.parametrize("url", ["postgresql://db/anchorage?sslmoed=very-secret", "postgresql://db/a?port=very-secret"])
def test_what_libpq_does_not_understand_is_not_repeated(url: str) -> None:
    with pytest.raises(PkiError) as raised, session(check_url(url, "ledger_url")):
        pytest.fail("it was understood")
    assert "sslmoed" not in str(raised.value).replace(url, "")


@pytest.mark.parametrize("library", [None, SimpleNamespace(__version__="3.0.18")])
def test_a_missing_or_old_psycopg_is_named_with_the_way_out(
    first: Controller, monkeypatch: pytest.MonkeyPatch, library: Any
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", library)
    with (
        pytest.raises(PkiError, match=r"needs (the Python package psycopg with libpq|psycopg 3\.1 or newer)"),
        session(first.url),
    ):
        pytest.fail("it went without")


def test_an_old_server_is_refused(first: Controller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{CORE}.postgresql.OLDEST_SERVER", 990000)
    with pytest.raises(PkiError, match=r"PostgreSQL \d+ is too old for the ledger\. Use 99"), session(first.url):
        pytest.fail("it was let in")


def test_a_transaction_that_the_server_gave_up_is_not_taken_for_done(
    first: Controller, make_leaf: Callable[..., Any]
) -> None:
    first.provision()
    leaf = make_leaf()

    def enter_and_go_on() -> None:
        with first_ledger(first) as ledger, ledger.transaction():
            ledger.record_leaf(leaf, "1" * 64, PLACE, ["app.test"], "controller")
            with suppress(psycopg().Error):
                ledger.record_leaf(leaf, "1" * 64, PLACE, ["app.test"], "controller")

    with pytest.raises(PkiError, match=r"took nothing of what was to be entered"):
        enter_and_go_on()
    with first_ledger(first) as ledger:
        assert ledger.leaf_counts() == {}


def test_a_transaction_in_a_transaction_ends_none(first: Controller) -> None:
    first.provision()
    with first_ledger(first) as ledger, ledger.transaction():
        with pytest.raises(RuntimeError, match="a transaction is open"), ledger.transaction():
            pytest.fail("it began")
        ledger.restores.enter(first.now, first.now)
    with first_ledger(first) as ledger:
        assert len(ledger.restores.all()) == 1


# Which folder goes with which ledger


def test_a_folder_with_a_ledger_of_its_own_is_left_alone(
    own_authority: Authority, first: Controller, second: Controller
) -> None:
    first.provision()
    before = public_files(own_authority.folder)
    with pytest.raises(PkiError, match=r"has a ledger of its own\. Move it .* anchorage\.pki\.move_ledger"):
        join(own_authority.folder, first.url, makes=True)
    assert public_files(own_authority.folder) == before
    assert not (own_authority.folder / LEDGER_URL).exists()


def test_a_folder_stays_with_its_ledger(first: Controller, database_server: ScratchServer) -> None:
    first.provision()
    other = database_server.new_database()
    with pytest.raises(PkiError, match=rf"has its ledger at {first.url[:20]}"):
        join(first.folder, other, makes=True)
    assert join(first.folder, None, makes=False) == first.url


def test_a_folder_may_name_its_database_otherwise_and_takes_no_other_authority(
    first: Controller, second: Controller, database_server: ScratchServer
) -> None:
    first.provision()
    (first.folder / LEDGER_URL).unlink()
    renamed = f"{first.url}&application_name=other"
    assert join(first.folder, renamed, makes=False) == renamed
    other = database_server.new_database()
    Controller(second.folder, other, first.now).provision()
    (first.folder / LEDGER_URL).unlink()
    before = public_files(first.folder)
    for url in (other, database_server.new_database()):
        for makes in (True, False):
            with pytest.raises(PkiError, match=r"is not the one that has its ledger at"):
                join(first.folder, url, makes)
    assert public_files(first.folder) == before


def test_nothing_is_made_for_who_only_asks(first: Controller) -> None:
    assert join(first.folder, first.url, makes=False) is None
    assert not first.folder.exists()


# Its schema


@pytest.mark.parametrize("former", [4, 5])
def test_an_older_schema_is_migrated_by_who_writes(
    first: Controller, database_server: ScratchServer, former: int, make_leaf: Callable[..., Any]
) -> None:
    first.provision()
    later = [each.split()[2] for each in sql_tables.MIGRATE_FROM[former] if each.lstrip().startswith("CREATE TABLE")]
    with session(first.url) as shared:
        for table in reversed(later):
            shared.execute(f"DROP TABLE {table}")
        shared.execute(sql_shared.SET_SCHEMA, (former,))
    path = first.folder / "ledger.sqlite3"
    with pytest.raises(PkiError, match=rf"older release .*schema {former}"), open_ledger(path, read_only=True):
        pytest.fail("it was read")

    def write(number: int) -> None:
        with open_ledger(path) as ledger:
            signed(first, ledger, leaves[number])

    leaves = [make_leaf() for _round in range(4)]
    fork_all(write, len(leaves))
    with open_ledger(path, read_only=True) as ledger:
        assert ledger.leaf_counts() == {"signed": 4}
        assert ledger.entries.forgotten() == []
        assert ledger.rotations.all() == []


def test_a_newer_schema_asks_for_an_update(first: Controller) -> None:
    first.provision()
    with session(first.url) as shared:
        shared.execute(sql_shared.SET_SCHEMA, (99,))
    with pytest.raises(PkiError, match=r"newer release of anchorage.pki \(schema 99"), first_ledger(first):
        pytest.fail("it was opened")


def first_ledger(controller: Controller) -> Any:
    return open_ledger(controller.folder / "ledger.sqlite3")


def test_who_only_asks_writes_nothing(first: Controller, make_leaf: Callable[..., Any]) -> None:
    first.provision()
    leaf = make_leaf()
    with (
        pytest.raises(PkiError, match=r"read-only transaction"),
        open_ledger(first.folder / "ledger.sqlite3", read_only=True) as ledger,
    ):
        signed(first, ledger, leaf)
    with first_ledger(first) as ledger:
        assert ledger.leaf(PLACE, fingerprint(leaf)) is None


def test_tables_are_made_once_whoever_comes(new_database: str) -> None:
    def make(_number: int) -> None:
        with session(new_database) as shared:
            create_tables(shared)

    fork_all(make, 6)


def statements() -> list[str]:
    """Every statement that a ledger runs on its tables."""
    named = [
        value
        for module in (sql, sql_listing, sql_restore, rotation_sql)
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_")
    ]
    flat = [one for value in named for one in ((value,) if isinstance(value, str) else value)]
    return [one for one in flat if one.split()[0] in ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")]


def test_the_server_understands_every_statement_of_the_ledger(new_database: str) -> None:
    of_sqlite = {sql.HAS_TABLES, sql.TABLES}
    # Where a value alone says of what type it is.
    typed = {sql.STORE_RESPONSE: ("1", "sha1", True, 1, 2, 3, b"")}
    tried = [one for one in statements() if one not in of_sqlite]
    assert len(tried) > 60
    with session(new_database) as shared:
        create_tables(shared)
        for statement in tried:
            count = max([int(number) for number in re.findall(r"\?(\d)", statement)] or [statement.count("?")])
            shared.execute(f"EXPLAIN {statement}", typed.get(statement, (None,) * count))
