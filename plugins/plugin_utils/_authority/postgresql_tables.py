# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger's tables on a PostgreSQL server: made, recognized, and migrated to this release's schema."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import sql_shared as sql
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import sql_tables
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.database import Database, Rows
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.postgresql import Session, not_in_use, session
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.schema import OLDEST_SCHEMA, SCHEMA
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError


class ReadOnly:
    """A session for check mode and whoever only asks: in a transaction the server refuses to write."""

    def __init__(self, shared: Session) -> None:
        self._shared = shared

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Rows:
        return self._shared.execute(statement, values)

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]], /) -> object:
        return self._shared.executemany(statement, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._shared.bare_transaction(sql.BEGIN_READ_ONLY):
            yield

    def damage(self) -> str:
        return self._shared.damage()


@contextmanager
def open_tables(url: str, create: bool = False, read_only: bool = False) -> Iterator[Database]:
    """The ledger on the server at ``url``; with ``create``, its tables are made where they are missing. One of an older
    release is migrated, but not with ``read_only``. Raises PkiError."""
    with session(url) as shared:
        if create:
            create_tables(shared)
        check_tables(shared, read_only)
        yield ReadOnly(shared) if read_only else shared


def create_tables(shared: Session) -> None:
    """Make an empty schema a ledger. One that has a ledger stays as it is."""
    if has_tables(shared):
        return
    with shared.bare_transaction():
        shared.execute(sql.LOCK_TABLES, ("tables",))
        if not has_tables(shared):
            make_tables(shared, sql.IN_USE)


def make_tables(shared: Session, state: str) -> None:
    """Make the tables of a ledger in that state. Belongs into a transaction."""
    for statement in (sql.CREATE_LEDGER, sql.CREATE_FILES, *map(sql.translated, sql_tables.CREATE)):
        shared.execute(statement)
    shared.execute(sql.INSERT_LEDGER, (SCHEMA, state))


def drop_tables(shared: Session) -> None:
    """Drop the tables of a ledger that nobody uses yet. Belongs into a transaction."""
    made = (sql.CREATE_LEDGER, sql.CREATE_FILES, *sql_tables.CREATE)
    tables = [name for statement in made for name in re.findall(r"CREATE TABLE (\w+)", statement)]
    shared.execute(f"DROP TABLE {', '.join(tables)}")


def has_tables(shared: Session) -> bool:
    """Whether there is a ledger."""
    return bool(shared.execute(sql.HAS_TABLES).fetchone()[0])


def check_tables(shared: Session, read_only: bool = False) -> None:
    """Raise PkiError unless the ledger is one that this release uses; one of an older release is migrated."""
    if not has_tables(shared):
        raise PkiError(
            f"There is no ledger at {shared.url}. Make an authority with anchorage.pki.certificate_authority and "
            "ledger_url, or move one there with the playbook anchorage.pki.move_ledger."
        )
    schema, state = shared.execute(sql.LEDGER).fetchone()
    if state != sql.IN_USE:
        raise not_in_use(shared.url, state)
    if schema > SCHEMA:
        raise PkiError(
            f"The ledger {shared.url} was written by a newer release of anchorage.pki (schema {schema}, this one reads "
            f"{SCHEMA}). Update the collection on this controller."
        )
    if schema < OLDEST_SCHEMA:
        raise PkiError(
            f"The ledger {shared.url} has the schema {schema}, which no release of anchorage.pki has written."
        )
    if schema < SCHEMA and read_only:
        raise PkiError(
            f"The ledger {shared.url} was written by an older release of anchorage.pki (schema {schema}). Run "
            "certificate_authority without check mode, which migrates it; back the database up before."
        )
    if schema < SCHEMA:
        _migrate(shared)


def _migrate(shared: Session) -> None:
    """Migrate the tables, all or nothing. Controllers that come at once wait for the first one, which does it."""
    with shared.transaction():
        schema, _state = shared.execute(sql.LEDGER).fetchone()
        if schema < SCHEMA:
            for statement in sql_tables.MIGRATE_FROM[schema]:
                shared.execute(sql.translated(statement))
            shared.execute(sql.SET_SCHEMA, (SCHEMA,))
