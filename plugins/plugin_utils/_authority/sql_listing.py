# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements of SQL that list, prune and forget what the ledger knows."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.revocation_lists import COMPROMISES

CREATE_FORGOTTEN = """
CREATE TABLE forgotten (
  host TEXT PRIMARY KEY,            -- gone for good, by its name in the inventory
  reason TEXT NOT NULL,
  "by" TEXT NOT NULL,               -- who said so
  forgotten_at INTEGER NOT NULL     -- seconds since 1970-01-01 UTC
)
"""
CREATE = (CREATE_FORGOTTEN,)

ENTRIES = (
    "SELECT sha256, serial, CASE WHEN kind = 'root' AND issuer_sha256 <> sha256 THEN 'cross' ELSE kind END, "
    "issuer_sha256, host, destination, name, names, private_key, not_before, not_after, status, revoked_at, reason, "
    "(SELECT MAX(next_update) FROM staples WHERE staples.certificate_sha256 = certificates.sha256 AND in_use) "
    "FROM certificates LEFT JOIN revocations ON certificate_sha256 = sha256 ORDER BY not_before, serial"
)

_COMPROMISES = ", ".join(f"'{reason}'" for reason in COMPROMISES)
# A revoked leaf by which its place is to have no other one is kept, as is whatever may still be shown or answered, and
# each whose key nobody is to use any more: by it a request with that key is refused. By the last one for tests of a
# name, its folder is known.
PRUNABLE = (
    "SELECT sha256 FROM certificates LEFT JOIN revocations ON certificate_sha256 = sha256 "
    f"WHERE COALESCE(reason, '') NOT IN ({_COMPROMISES}) AND kind = 'leaf' AND not_after < ? "
    "AND (status = 'superseded' OR status = 'revoked' AND reissue IS NOT FALSE) "
    "AND (private_key <> 'test' OR EXISTS (SELECT 1 FROM certificates AS later WHERE later.rowid > certificates.rowid "
    "AND (later.host, later.destination, later.name) "
    "= (certificates.host, certificates.destination, certificates.name))) "
    "AND sha256 NOT IN (SELECT certificate_sha256 FROM responses) "
    "AND NOT EXISTS (SELECT 1 FROM staples WHERE staples.certificate_sha256 = certificates.sha256 "
    "AND in_use IS NOT FALSE)"
)
# What refers to a certificate goes before it.
PRUNE = (
    "DELETE FROM staples WHERE certificate_sha256 = ?",
    "DELETE FROM revocations WHERE certificate_sha256 = ?",
    "DELETE FROM certificates WHERE sha256 = ?",
)

# Without a host, by an index, and one at each name.
REQUESTED = (
    "SELECT name, sha256, certificate, issuer_sha256, EXISTS (SELECT 1 FROM certificates AS issuer "
    "WHERE issuer.sha256 = certificates.issuer_sha256 AND issuer.status = 'revoked') FROM certificates "
    "WHERE kind = 'leaf' AND host = '' AND destination = '' AND private_key = 'requester' AND status = 'signed' "
    "ORDER BY name"
)
KEYS = (
    "SELECT kind, host, destination, name, certificate, status, reason FROM certificates "
    "LEFT JOIN revocations ON certificate_sha256 = sha256"
)
COMPROMISED_KEYS = f"{KEYS} WHERE reason IN ({_COMPROMISES})"

PLACES_EVER = "SELECT DISTINCT destination, name FROM certificates WHERE kind = 'leaf' AND host = ?"

KNOWS_HOST = (
    "SELECT EXISTS (SELECT 1 FROM certificates WHERE kind = 'leaf' AND host = ?1) "
    "OR EXISTS (SELECT 1 FROM proofs WHERE host = ?1) OR EXISTS (SELECT 1 FROM counted WHERE host = ?1) "
    "OR EXISTS (SELECT 1 FROM forgotten WHERE host = ?1)"
)
_LEAVES_OF_HOST = "SELECT sha256 FROM certificates WHERE kind = 'leaf' AND host = ?1"
COUNTS_HOST = (
    f"SELECT EXISTS ({_LEAVES_OF_HOST} AND status IN ('signed', 'deployed')) "
    f"OR EXISTS (SELECT 1 FROM staples WHERE in_use IS NOT FALSE AND certificate_sha256 IN ({_LEAVES_OF_HOST})) "
    "OR EXISTS (SELECT 1 FROM proofs WHERE host = ?1) OR EXISTS (SELECT 1 FROM counted WHERE host = ?1)"
)
FORGET_HOST = (
    f"UPDATE staples SET in_use = FALSE WHERE in_use IS NOT FALSE AND certificate_sha256 IN ({_LEAVES_OF_HOST})",
    "UPDATE certificates SET status = 'superseded' "
    "WHERE kind = 'leaf' AND host = ?1 AND status IN ('signed', 'deployed')",
    "DELETE FROM proofs WHERE host = ?1",
    "DELETE FROM counted WHERE host = ?1",
    "DELETE FROM exceptions WHERE host = ?1",
)
ENTER_FORGOTTEN = (
    "INSERT INTO forgotten VALUES (?, ?, ?, ?) ON CONFLICT (host) DO UPDATE SET "
    'reason = excluded.reason, "by" = excluded."by", forgotten_at = excluded.forgotten_at'
)
# One that has a leaf again came back.
FORGOTTEN = (
    'SELECT host, reason, "by", forgotten_at FROM forgotten WHERE host NOT IN '
    "(SELECT host FROM certificates WHERE kind = 'leaf' AND status IN ('signed', 'deployed')) ORDER BY host"
)

# What identifies each certificate for people, and its bytes.
BYTES = "SELECT sha256, kind, host, name, certificate FROM certificates ORDER BY rowid"
