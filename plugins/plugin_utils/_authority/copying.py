# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A copy of a ledger in the other kind of database, and whether both have the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import sql_shared as sql
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.database import Database
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger_urls import ledger_url
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.postgresql import Session, session
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.schema import (
    SqliteDatabase,
    columns_of,
    copy_database,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.sqlite_files import open_file
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError

#: The tables of a ledger, those first to which others refer.
TABLES = (
    "certificates",
    "staples",
    "revocations",
    "lists",
    "responses",
    "proofs",
    "rotations",
    "exceptions",
    "counted",
    "forgotten",
    "restores",
    "revoked_serials",
)


def copy_ledger(path: Path, target: Path) -> None:
    """Copy a ledger that this release can use to the file ``target``, which must not exist, as it is at one moment,
    whatever other processes write meanwhile. Raises PkiError."""
    url = ledger_url(path.parent)
    if url is not None:
        with session(url) as shared, shared.transaction(), open_file(target, create=True) as file, file.transaction():
            copy_to_file(shared, file)
        return
    with open_ledger(path, read_only=True):
        try:
            copy_database(path, target)
        except OSError as error:
            raise PkiError(f"The ledger {path} cannot be copied to {target}: {error.strerror}.") from error


def copy_to_server(file: SqliteDatabase, shared: Session, files: Mapping[str, bytes]) -> None:
    """Copy all rows, and the public files of the authority's folder. Belongs into a transaction of each."""
    for table in TABLES:
        columns = columns_of(file, table)
        rows = (_with_truths(columns, row) for row in file.execute(_select(table, columns, "rowid")))
        shared.executemany(_insert(table, columns), rows)
    for table in sql.NUMBERED:
        shared.execute(sql.GO_ON_COUNTING.format(table))
    for path, content in files.items():
        shared.execute(sql.STORE_FILE, (path, content))


def copy_to_file(shared: Session, file: SqliteDatabase) -> None:
    """Copy all rows to a file that has none. Belongs into a transaction of each."""
    for table in TABLES:
        columns = columns_of(file, table)
        order = "rowid" if table in sql.ORDERED else "1, 2"
        file.executemany(_insert(table, columns), shared.execute(_select(table, columns, order)).fetchall())


def difference(file: SqliteDatabase, shared: Session) -> list[str]:
    """The tables of which the two have different rows."""
    return [table for table in TABLES if _rows(file, file, table) != _rows(shared, file, table)]


def _rows(database: Database, file: SqliteDatabase, table: str) -> set[tuple[Any, ...]]:
    # Truth is equal to the number that SQLite stores.
    return {tuple(row) for row in database.execute(_select(table, columns_of(file, table), "1, 2"))}


def _with_truths(columns: Sequence[str], row: Sequence[Any]) -> list[Any]:
    return [
        bool(value) if column in sql.TRUTHS and value is not None else value
        for column, value in zip(columns, row, strict=True)
    ]


def _select(table: str, columns: Sequence[str], order: str) -> str:
    return sql.SELECT_ROWS.format(columns=_quoted(columns), table=table, order=order)


def _insert(table: str, columns: Sequence[str]) -> str:
    values = ", ".join("?" for _column in columns)
    return sql.INSERT_ROW.format(columns=_quoted(columns), table=table, values=values)


def _quoted(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)
