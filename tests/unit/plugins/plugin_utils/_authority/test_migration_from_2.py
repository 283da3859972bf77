# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A ledger of schema 2, which knew when a host confirmed a staple, but not which one it has."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signing import sign_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer

DAY = timedelta(days=1)
ISSUER = "1" * 64
HOSTS = ("both", "neither", "back", "removed", "revoked", "replaced")
#: What differs from schema 6.
SCHEMA_2 = """
ALTER TABLE staples RENAME TO newer_staples;
CREATE TABLE staples (
  sha256 TEXT PRIMARY KEY,
  certificate_sha256 TEXT NOT NULL REFERENCES certificates (sha256),
  this_update INTEGER NOT NULL,
  next_update INTEGER NOT NULL,
  renew_at INTEGER NOT NULL,        -- decided when it was signed
  deployed_at INTEGER,              -- when the host confirmed it first; NULL until then
  der BLOB                          -- NULL where it was signed under schema 1
);
INSERT INTO staples SELECT sha256, certificate_sha256, this_update, next_update, renew_at, deployed_at, der
  FROM newer_staples ORDER BY rowid;
DROP TABLE newer_staples;
CREATE INDEX staple_of ON staples (certificate_sha256);
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
UPDATE certificates SET status = 'revoked' WHERE host = 'revoked' OR host = 'replaced' AND status = 'superseded';
PRAGMA user_version = 2;
"""


def query(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


@pytest.fixture
def path(tmp_path: Path, make_leaf, issuing: Signer, responder: Signer, now: datetime) -> Path:
    """A ledger with a leaf of two staples for each host, of which that many were confirmed."""
    path = tmp_path / "ledger.sqlite3"
    with open_ledger(path, create=True) as ledger, ledger.transaction():
        for host in HOSTS:
            place, leaf = LeafPlace(host, "/etc/pki/anchorage", "app"), make_leaf()
            ledger.record_leaf(leaf, ISSUER, place, ["app.test"], "controller")
            staples = [sign_staple(leaf, issuing.certificate, responder, days, now) for days in (7, 3)]
            for staple in staples:
                ledger.record_staple(staple, fingerprint(leaf))
            for staple in {"neither": [], "back": staples[1:] + staples[:1]}.get(host, staples):
                ledger.mark_deployed(place, fingerprint(leaf), staple.sha256, now + DAY * staples.index(staple))
            if host == "removed":
                ledger.mark_removed(place)
            if host == "replaced":
                ledger.record_leaf(following := make_leaf(), ISSUER, place, ["app.test"], "controller")
                ledger.mark_deployed(place, fingerprint(following), "", now + DAY * 2)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA_2)
    return path


def test_the_staple_in_use_is_the_one_that_was_confirmed_last(path: Path, now: datetime) -> None:
    before = query(path, "SELECT * FROM staples ORDER BY rowid")
    assert query(path, "PRAGMA user_version") == [(2,)]
    with open_ledger(path, read_only=True) as ledger:
        read = ledger.staples_in_use()
    assert query(path, "PRAGMA user_version") == [(2,)]
    with open_ledger(path) as ledger:
        migrated = ledger.staples_in_use()
    assert {place.host: round((times.next_update - now) / DAY) for place, times in migrated.items()} == {
        "both": 3,
        "back": 3,  # schema 2 kept when a staple was confirmed first
    }
    assert read == migrated
    assert query(path, "PRAGMA user_version") == [(6,)]
    assert [row[:6] + row[7:] for row in query(path, "SELECT * FROM staples ORDER BY rowid")] == before
    unknown = query(
        path,
        "SELECT host, COUNT(*) FROM staples JOIN certificates ON certificate_sha256 = "
        "certificates.sha256 WHERE in_use IS NULL GROUP BY host",
    )
    assert unknown == [("neither", 2), ("revoked", 2)]
    kept = path.with_name("ledger.sqlite3.schema-2")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert query(kept, "SELECT * FROM staples ORDER BY rowid") == before


def test_staples_of_a_revoked_leaf_may_still_be_shown_where_no_other_one_is_in_use(path: Path, now: datetime) -> None:
    """Which of those that the host had it went back to, schema 2 did not keep."""
    for read_only in (True, False):
        with open_ledger(path, read_only=read_only) as ledger:
            pending, due = ledger.revocations.pending_places(now), ledger.due_staples(now)
        assert {place.host: round((end - now) / DAY) for place, end in pending.items()} == {"revoked": 7}
        assert {place.host for place in due} == {"revoked"}


def test_it_is_then_the_same_as_a_new_one(path: Path, authority: Authority) -> None:
    with open_ledger(path):
        pass
    statements = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
    assert query(path, statements) == query(authority.ledger_path, statements)
