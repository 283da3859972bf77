# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A ledger's file of SQLite's, opened: made, migrated, or refused."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import schema, sql
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.schema import SqliteDatabase
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.file_systems import network_file_system
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import write_private

# Seconds that a writer waits for the others: 50 forks commit within half a second.
TIMEOUT = 30.0

# Asked once in a process: a task opens the ledger several times, also to read an authority with two roots.
kept_file_system = functools.cache(network_file_system)


@contextmanager
def open_file(
    path: Path,
    create: bool = False,
    read_only: bool = False,
    timeout: float = TIMEOUT,
    file_system: Callable[[Path], str] = kept_file_system,
) -> Iterator[SqliteDatabase]:
    """The database in the file ``path``, as :func:`open_ledger` has it, whatever is beside it."""
    check_place(path, file_system)
    if not path.exists():
        _create(path, create)
    try:
        uri = f"{path.absolute().as_uri()}?mode=rw"
        connected = sqlite3.connect(uri, uri=True, timeout=timeout, isolation_level=None, factory=SqliteDatabase)
        with closing(connected) as connection:
            for statement in sql.CONNECT:
                connection.execute(statement)
            if create:
                schema.create_tables(connection)
                # After the tables, so that an interrupted ledger is an empty file or a whole ledger.
                connection.execute(sql.WRITE_AHEAD_LOG)
            with closing(_current(connection, path, read_only)) as current:
                yield current
    except sqlite3.Error as error:
        raise PkiError(
            f"The ledger {path} cannot be used ({error}). Where the disk is full or read-only, or a run hangs, resolve "
            "that and run again, which also enters what was deployed meanwhile; where the file is damaged, restore the "
            "authority's folder from a backup."
        ) from error


def _create(path: Path, create: bool) -> None:
    if not create:
        raise PkiError(f"The ledger {path} is missing. Restore the authority's folder from a backup.")
    try:
        write_private(path, b"")
    except OSError as error:
        raise PkiError(f"The ledger {path} cannot be written: {error.strerror}. Nothing was changed.") from error


def _current(connection: SqliteDatabase, path: Path, read_only: bool) -> SqliteDatabase:
    """A connection to the ledger in this release's schema. Raises PkiError where it cannot be had."""
    if not schema.check_schema(connection, path):
        if read_only:
            connection = schema.migrated_copy(connection)
        else:
            schema.migrate(connection, path)
    if read_only:
        connection.execute(sql.READ_ONLY)
    return connection


def check_place(path: Path, file_system: Callable[[Path], str] = kept_file_system) -> None:
    """Raise PkiError where a ledger at ``path``, which need not exist yet, could not be used."""
    kind = file_system(path.parent)
    if kind:
        raise PkiError(
            f"The ledger {path} is on a network file system ({kind}), where SQLite's locks do not hold. "
            "Keep the authority's folder on a local disk of this controller (option authority)."
        )
