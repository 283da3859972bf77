# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A ledger of schema 3, which had no revocations but the status of a leaf, and no lists."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from cryptography import x509

#: What differs from schema 4.
SCHEMA_3 = """
DROP TABLE revocations;
DROP TABLE lists;
DROP TABLE responses;
UPDATE certificates SET status = 'revoked' WHERE host = 'revoked';
PRAGMA user_version = 3;
"""
STATEMENTS = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"


def query(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


@pytest.fixture
def leaves(make_leaf) -> dict[str, x509.Certificate]:
    """A leaf for each host."""
    return {host: make_leaf() for host in ("revoked", "good")}


@pytest.fixture
def path(own_authority: Authority, leaves: dict[str, x509.Certificate]) -> Path:
    path = own_authority.ledger_path
    with open_ledger(path) as ledger, ledger.transaction():
        for host, leaf in leaves.items():
            place = LeafPlace(host, "/etc/pki/anchorage", "app")
            ledger.record_leaf(leaf, own_authority.issuing.sha256, place, ["app.test"], "controller")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA_3)
    return path


def test_a_leaf_that_was_revoked_may_have_been_from_its_first_second_on(
    path: Path, leaves: dict[str, x509.Certificate]
) -> None:
    before = query(path, "SELECT * FROM certificates ORDER BY rowid")
    with open_ledger(path, read_only=True) as ledger:
        assert ledger.leaf_counts() == {"revoked": 1, "signed": 1}
    assert query(path, "PRAGMA user_version") == [(3,)]
    with open_ledger(path):
        pass
    first_second = int(leaves["revoked"].not_valid_before_utc.timestamp())
    assert query(path, "SELECT * FROM revocations") == [
        (fingerprint(leaves["revoked"]), first_second, "unspecified", 1, None)
    ]
    assert query(path, "SELECT * FROM certificates ORDER BY rowid") == before
    kept = path.with_name("ledger.sqlite3.schema-3")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert query(kept, "PRAGMA user_version") == [(3,)]


def test_it_is_then_the_same_as_a_new_one(path: Path, authority: Authority) -> None:
    with open_ledger(path):
        pass
    assert query(path, STATEMENTS) == query(authority.ledger_path, STATEMENTS)
