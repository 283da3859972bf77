# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A ledger of schema 4, which knew neither rotations of the root nor who trusts it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger

#: What differs from schema 6.
SCHEMA_4 = """
DROP TABLE counted;
DROP TABLE exceptions;
DROP TABLE proofs;
DROP TABLE rotations;
DROP TABLE forgotten;
DROP TABLE restores;
DROP TABLE revoked_serials;
PRAGMA user_version = 4;
"""
STATEMENTS = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"


def query(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def test_it_is_the_same_as_a_new_one_afterwards(own_authority: Authority) -> None:
    path = own_authority.ledger_path
    new, certificates = query(path, STATEMENTS), query(path, "SELECT * FROM certificates ORDER BY rowid")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA_4)
    with open_ledger(path, read_only=True) as ledger:
        assert ledger.rotations.all() == []
    assert query(path, "PRAGMA user_version") == [(4,)]
    with open_ledger(path) as ledger:
        assert ledger.rotations.all() == []
    assert query(path, STATEMENTS) == new
    assert query(path, "SELECT * FROM certificates ORDER BY rowid") == certificates
    assert query(path.with_name("ledger.sqlite3.schema-4"), "PRAGMA user_version") == [(4,)]
