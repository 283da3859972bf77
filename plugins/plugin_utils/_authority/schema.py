# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger's file: created, recognized, and migrated to this release's schema."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import sql, sql_tables
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.schedule import renew_at
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import sync_folder, write_private

SCHEMA = 6
OLDEST_SCHEMA = 1
APPLICATION_ID = 0x616E6368  # "anch"
#: Of one that was moved to a server. Older releases take it for no ledger.
MOVED_ID = 0x616E636D  # "ancm"


class SqliteDatabase(sqlite3.Connection):
    """A connection to a file of SQLite's, or to a copy in memory."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One that holds the write lock from its first statement on: all of it is committed, or none."""
        with self:  # commits, or rolls back when the block raises
            self.execute(sql.BEGIN)
            yield

    def damage(self) -> str:
        """What is wrong with the file, by SQLite's own check of all of it; an empty string where nothing is."""
        (answer,) = self.execute(sql.INTEGRITY).fetchone()
        return "" if answer == "ok" else str(answer)


def create_tables(connection: SqliteDatabase) -> None:
    """Make an empty database a ledger. One that is not empty stays as it is."""
    if _is_empty(connection):
        with connection.transaction():
            if _is_empty(connection):
                for statement in sql_tables.CREATE:
                    connection.execute(statement)
                connection.execute(sql.SET_APPLICATION_ID.format(APPLICATION_ID))
                connection.execute(sql.SET_SCHEMA.format(SCHEMA))


def check_schema(connection: SqliteDatabase, path: Path) -> bool:
    """Whether the ledger is of this release's schema; False where it has to be migrated.

    Raises PkiError for what is no ledger, or one that this release does not know.
    """
    application_id, schema = _value(connection, sql.APPLICATION_ID), _value(connection, sql.SCHEMA)
    if application_id == MOVED_ID:
        raise PkiError(
            f"The ledger {path} was moved to a PostgreSQL server, and is used no more. Give its URL by ledger_url to "
            "the playbook anchorage.pki.move_ledger, which finishes a move that was interrupted."
        )
    if application_id != APPLICATION_ID:
        raise PkiError(f"{path} is not a ledger of anchorage.pki. Restore the authority's folder from a backup.")
    if schema > SCHEMA:
        raise PkiError(
            f"The ledger {path} was written by a newer release of anchorage.pki (schema {schema}, this one reads "
            f"{SCHEMA}). Update the collection on this controller."
        )
    if schema < OLDEST_SCHEMA:
        raise PkiError(
            f"The ledger {path} has the schema {schema}, which no release of anchorage.pki has written. "
            "Restore the authority's folder from a backup."
        )
    return schema == SCHEMA


def migrate(connection: SqliteDatabase, path: Path) -> None:
    """Migrate the ledger in ``path`` to this release's schema, all or nothing, once a copy of it is beside it.

    Processes that come at once wait for the first one, which does it.
    """
    with connection.transaction():
        if check_schema(connection, path):
            return
        try:
            _keep_copy(path, _value(connection, sql.SCHEMA))
        except OSError as error:
            raise PkiError(
                f"The ledger {path} cannot be migrated to the schema of this release: no copy of it can be made in "
                f"{path.parent} ({error.strerror}). Nothing was changed."
            ) from error
        _migrate_tables(connection)


def migrated_copy(connection: SqliteDatabase) -> SqliteDatabase:
    """A copy of the ledger in memory, migrated to this release's schema."""
    copy = sqlite3.connect(":memory:", isolation_level=None, factory=SqliteDatabase)
    connection.backup(copy)
    with copy.transaction():
        _migrate_tables(copy)
    return copy


def columns_of(connection: sqlite3.Connection, table: str) -> list[str]:
    """The columns of a table, in their order."""
    return [str(row[1]) for row in connection.execute(sql.COLUMNS.format(table))]


def is_moved(path: Path) -> bool:
    """Whether the ledger in ``path`` was moved to a server. Raises PkiError where it cannot be read."""
    if not path.exists():
        return False
    with closing(connect_moved(path)) as connection:
        return _value(connection, sql.APPLICATION_ID) == MOVED_ID


def connect_moved(path: Path) -> SqliteDatabase:
    """A connection to a ledger that was moved, to read it."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, factory=SqliteDatabase)


def mark_moved(connection: sqlite3.Connection) -> None:
    """Have the ledger refuse whoever opens it, and whoever has it open and writes. Belongs into a transaction."""
    tables = [str(name) for (name,) in connection.execute(sql.TABLES)]
    for table in tables:
        for change in ("INSERT", "UPDATE", "DELETE"):
            connection.execute(sql.REFUSE_CHANGES.format(table=table, change=change))
    connection.execute(sql.SET_APPLICATION_ID.format(MOVED_ID))


def _migrate_tables(connection: sqlite3.Connection) -> None:
    connection.create_function("renew_at", 3, _renew_at, deterministic=True)
    for statement in sql_tables.MIGRATE_FROM[_value(connection, sql.SCHEMA)]:
        connection.execute(statement)
    connection.execute(sql.SET_SCHEMA.format(SCHEMA))


def _renew_at(serial: str, this_update: int, next_update: int) -> int:
    start, end = (datetime.fromtimestamp(seconds, timezone.utc) for seconds in (this_update, next_update))
    return int(renew_at(int(serial, 16), start, end).timestamp())


def copy_database(path: Path, target: Path) -> None:
    """Copy the ledger to a file that is made for its owner alone, whatever others write meanwhile. Raises OSError."""
    write_private(target, b"")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def _keep_copy(path: Path, schema: int) -> None:
    """Copy the ledger, what is still in its write-ahead log included. The caller keeps writers away. Raises OSError."""
    kept = path.with_name(f"{path.name}.schema-{schema}")
    staged = kept.with_name(f"{kept.name}.new")
    staged.unlink(missing_ok=True)  # of a process that was killed
    copy_database(path, staged)
    os.replace(staged, kept)
    sync_folder(path.parent)


def _is_empty(connection: sqlite3.Connection) -> bool:
    identity = (_value(connection, sql.APPLICATION_ID), _value(connection, sql.SCHEMA))
    return identity == (0, 0) and not _value(connection, sql.HAS_TABLES)


def _value(connection: sqlite3.Connection, statement: str) -> int:
    (value,) = connection.execute(statement).fetchone()
    return int(value)
