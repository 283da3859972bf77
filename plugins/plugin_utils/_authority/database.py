# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the ledger asks of the database that it is in: a file of SQLite's, or one of a PostgreSQL server's.

Statements are those of the files of SQL, with ``?`` or ``?1``, ``?2`` for values. Truth comes back as a number from
SQLite and as a bool from PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Rows(Protocol):
    """What a statement found, or how many rows it changed."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """An open database with the ledger's tables."""

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Rows: ...

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]], /) -> object: ...

    def transaction(self) -> AbstractContextManager[None]:
        """All that the block writes is committed, or none of it. No other one writes meanwhile, whoever it is, so that
        what the block reads is true until its end."""

    def damage(self) -> str:
        """What is wrong with what is stored, as far as the database can tell; an empty string where nothing is."""
