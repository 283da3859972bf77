# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A ledger of schema 3, which had no revocations but the status of a leaf, and no lists."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signing import sign_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer
from cryptography import x509

#: What differs from schema 6.
SCHEMA_3 = """
ALTER TABLE staples RENAME TO newer_staples;
CREATE TABLE staples (
  sha256 TEXT PRIMARY KEY,
  certificate_sha256 TEXT NOT NULL REFERENCES certificates (sha256),
  this_update INTEGER NOT NULL,
  next_update INTEGER NOT NULL,
  renew_at INTEGER NOT NULL,        -- decided when it was signed
  deployed_at INTEGER,              -- when the host confirmed it first; NULL until then
  in_use INTEGER NOT NULL,          -- 1 where it is what the host has, as far as is known, else 0
  der BLOB                          -- NULL where it was signed under schema 1
);
INSERT INTO staples SELECT sha256, certificate_sha256, this_update, next_update, renew_at, deployed_at,
  COALESCE(in_use, 0), der FROM newer_staples ORDER BY rowid;
DROP TABLE newer_staples;
CREATE INDEX staple_of ON staples (certificate_sha256);
CREATE INDEX staple_due ON staples (renew_at) WHERE in_use;
CREATE INDEX staple_end ON staples (next_update);
DROP TABLE revocations;
DROP TABLE lists;
DROP TABLE responses;
DROP TABLE counted;
DROP TABLE exceptions;
DROP TABLE proofs;
DROP TABLE rotations;
DROP TABLE forgotten;
DROP TABLE restores;
DROP TABLE revoked_serials;
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
def path(
    own_authority: Authority, leaves: dict[str, x509.Certificate], issuing: Signer, responder: Signer, now: datetime
) -> Path:
    """A ledger with a leaf for each host, of which one has three staples: the host had the first one, and has the
    second one. Nobody saw the last one arrive."""
    path = own_authority.ledger_path
    with open_ledger(path) as ledger, ledger.transaction():
        for host, leaf in leaves.items():
            place = LeafPlace(host, "/etc/pki/anchorage", "app")
            ledger.record_leaf(leaf, own_authority.issuing.sha256, place, ["app.test"], "controller")
        for days in (1, 2, 3):
            staple = sign_staple(leaf, issuing.certificate, responder, days, now)
            ledger.record_staple(staple, fingerprint(leaf))
            if days < 3:
                ledger.mark_deployed(place, fingerprint(leaf), staple.sha256, now)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA_3)
    return path


def test_a_leaf_that_was_revoked_may_have_been_from_its_first_second_on(
    path: Path, leaves: dict[str, x509.Certificate]
) -> None:
    before = query(path, "SELECT * FROM certificates ORDER BY rowid")
    with open_ledger(path, read_only=True) as ledger:
        assert ledger.leaf_counts() == {"revoked": 1, "deployed": 1}
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


def test_it_is_known_of_which_staples_a_host_has_said_whether_it_has_them(path: Path) -> None:
    def staples(columns: str) -> list[tuple[object, ...]]:
        return query(path, f"SELECT {columns} FROM staples ORDER BY next_update")  # noqa: S608 names of ours

    assert staples("in_use") == [(0,), (1,), (0,)]
    before = staples("sha256, renew_at, deployed_at, der")
    with open_ledger(path):
        pass
    assert staples("in_use") == [(0,), (1,), (None,)]
    assert staples("sha256, renew_at, deployed_at, der") == before


def test_it_is_then_the_same_as_a_new_one(path: Path, authority: Authority) -> None:
    with open_ledger(path):
        pass
    assert query(path, STATEMENTS) == query(authority.ledger_path, STATEMENTS)
