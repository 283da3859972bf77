# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every statement of SQL that the ledger runs, in the dialect of SQLite."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import rotation_sql

# The database's own head. It is part of a transaction, as tables are.

APPLICATION_ID = "PRAGMA application_id"
SCHEMA = "PRAGMA user_version"
SET_APPLICATION_ID = "PRAGMA application_id = {}"
SET_SCHEMA = "PRAGMA user_version = {}"
HAS_TABLES = "SELECT EXISTS (SELECT 1 FROM sqlite_master)"

# Of a connection: what is committed survives a power cut, and a staple needs its leaf.
# The second is for macOS, where SQLite's own fsync(2) leaves in the drive's cache what was committed.
CONNECT = ("PRAGMA synchronous = FULL", "PRAGMA fullfsync = ON", "PRAGMA foreign_keys = ON")
READ_ONLY = "PRAGMA query_only = ON"
# Kept in the file.
WRITE_AHEAD_LOG = "PRAGMA journal_mode = WAL"
BEGIN = "BEGIN IMMEDIATE"

# Schema 5

CREATE_CERTIFICATES = """
CREATE TABLE certificates (
  sha256 TEXT PRIMARY KEY,          -- of the DER, lower-case hexadecimal
  serial TEXT NOT NULL UNIQUE,      -- lower-case hexadecimal
  kind TEXT NOT NULL CHECK (kind IN ('root', 'issuing', 'responder', 'leaf')),
  issuer_sha256 TEXT NOT NULL,
  host TEXT NOT NULL,               -- of a leaf: the host in the inventory, else empty
  destination TEXT NOT NULL,        -- of a leaf: the folder on that host, else empty
  name TEXT NOT NULL,               -- of a leaf: its folder below the destination, else empty
  names TEXT NOT NULL,              -- of a leaf: its subject alternative names, a JSON list
  private_key TEXT NOT NULL,        -- where the key was made: controller or host
  not_before INTEGER NOT NULL,      -- seconds since 1970-01-01 UTC, as all times here
  not_after INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('signed', 'deployed', 'superseded', 'revoked')),
  certificate BLOB NOT NULL         -- DER
)
"""
CREATE_STAPLES = """
CREATE TABLE staples (
  sha256 TEXT PRIMARY KEY,
  certificate_sha256 TEXT NOT NULL REFERENCES certificates (sha256),
  this_update INTEGER NOT NULL,
  next_update INTEGER NOT NULL,
  renew_at INTEGER NOT NULL,        -- decided when it was signed
  deployed_at INTEGER,              -- when the host confirmed it first; NULL until then
  in_use INTEGER,                   -- 1 where it is what the host has, as far as is known; 0 where it is not; NULL
                                    -- until the host has said what it has, since it was signed
  der BLOB                          -- NULL where it was signed under schema 1
)
"""
CREATE_STAPLE_INDEXES = (
    "CREATE INDEX staple_of ON staples (certificate_sha256)",
    "CREATE INDEX staple_due ON staples (renew_at) WHERE in_use",
    "CREATE INDEX staple_end ON staples (next_update)",
)
CREATE_REVOCATIONS = """
CREATE TABLE revocations (
  certificate_sha256 TEXT PRIMARY KEY REFERENCES certificates (sha256),
  revoked_at INTEGER NOT NULL,
  reason TEXT NOT NULL,             -- of RFC 5280, section 5.3.1, in the words of the option
  reissue INTEGER,                  -- 0 where the leaf's place is to have no other one, else 1; NULL of what has no
                                    -- place: an issuing certificate, or a leaf that was replaced before
  published_at INTEGER              -- when all that says so was published; NULL until then
)
"""
CREATE_LISTS = """
CREATE TABLE lists (
  issuer_key TEXT NOT NULL,         -- identifier of the key that signs the list; a renewed root keeps it
  number INTEGER NOT NULL,
  this_update INTEGER,              -- NULL, as all that follows, where the number is taken and nothing signed yet
  next_update INTEGER,
  der BLOB,
  published_at INTEGER,             -- NULL until then
  PRIMARY KEY (issuer_key, number)
)
"""
CREATE_RESPONSES = """
CREATE TABLE responses (
  certificate_sha256 TEXT NOT NULL REFERENCES certificates (sha256),
  digest TEXT NOT NULL,             -- of its CertID: sha1 or sha256
  revoked INTEGER NOT NULL,         -- 1 where it says revoked, 0 where good
  next_update INTEGER NOT NULL,
  renew_at INTEGER NOT NULL,        -- decided when it was signed
  der BLOB NOT NULL,
  good_until INTEGER NOT NULL,      -- end of the last one that said good; 0 where none did
  PRIMARY KEY (certificate_sha256, digest)
)
"""
CREATE_PUBLICATION = (CREATE_REVOCATIONS, CREATE_LISTS, CREATE_RESPONSES)
CREATE = (
    CREATE_CERTIFICATES,
    "CREATE INDEX leaf_on_host ON certificates (host, destination, name)",
    "CREATE INDEX end_by_issuer ON certificates (issuer_sha256, not_after)",
    CREATE_STAPLES,
    *CREATE_STAPLE_INDEXES,
    *CREATE_PUBLICATION,
    *rotation_sql.CREATE,
)

# Before schema 4, nothing told when or why a leaf was revoked: it may have been from its first second on.
_MIGRATE_REVOCATIONS = (
    *CREATE_PUBLICATION,
    "INSERT INTO revocations SELECT sha256, not_before, 'unspecified', 1, NULL FROM certificates "
    "WHERE status = 'revoked'",
)


def _migrate(staples: str) -> tuple[str, ...]:
    return (
        "ALTER TABLE staples RENAME TO former_staples",
        CREATE_STAPLES,
        f"INSERT INTO staples {staples}",
        "DROP TABLE former_staples",
        *CREATE_STAPLE_INDEXES,
        *_MIGRATE_REVOCATIONS,
        *rotation_sql.CREATE,
    )


# Whether a host has said what it has since a staple was signed: it had that one, or has another leaf.
_IS_TOLD = "(deployed_at IS NOT NULL OR status = 'superseded')"
# By the schema that is migrated. From 1, by a function renew_at(serial, this_update, next_update) of the connection's;
# whether a host has a staple was not recorded then. The last one signed is taken for the one in use, so that the host
# is asked before any earlier one ends, and its next report confirms what it has. From 2, it is the one confirmed last.
# Whether the host has said what it has since one was signed that nobody saw arrive, was not recorded before 4.
MIGRATE_FROM = {
    1: _migrate(
        "SELECT staple.sha256, certificate_sha256, this_update, next_update, "
        "renew_at(serial, this_update, next_update), NULL, CASE WHEN status = 'superseded' THEN 0 "
        "WHEN status = 'deployed' AND staple.rowid = (SELECT MAX(rowid) FROM former_staples AS latest "
        "WHERE latest.certificate_sha256 = staple.certificate_sha256) THEN 1 END, NULL "
        "FROM former_staples AS staple JOIN certificates ON certificates.sha256 = certificate_sha256 "
        "ORDER BY staple.rowid"
    ),
    2: _migrate(
        "SELECT staple.sha256, certificate_sha256, this_update, next_update, renew_at, deployed_at, "
        f"CASE WHEN {_IS_TOLD} THEN status = 'deployed' AND staple.rowid IS "
        "(SELECT latest.rowid FROM former_staples AS latest "
        "WHERE latest.certificate_sha256 = staple.certificate_sha256 AND latest.deployed_at IS NOT NULL "
        "ORDER BY latest.deployed_at DESC, latest.rowid DESC LIMIT 1) END, der "
        "FROM former_staples AS staple JOIN certificates ON certificates.sha256 = certificate_sha256 "
        "ORDER BY staple.rowid"
    ),
    3: _migrate(
        "SELECT staple.sha256, certificate_sha256, this_update, next_update, renew_at, deployed_at, "
        f"CASE WHEN in_use OR {_IS_TOLD} THEN in_use END, der "
        "FROM former_staples AS staple JOIN certificates ON certificates.sha256 = certificate_sha256 "
        "ORDER BY staple.rowid"
    ),
    4: rotation_sql.CREATE,
}

# Certificates

INSERT_CERTIFICATE = "INSERT INTO certificates VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'signed', ?)"
IS_RECORDED = "SELECT 1 FROM certificates WHERE sha256 = ?"
AUTHORITIES = "SELECT sha256 FROM certificates WHERE kind IN ('root', 'issuing')"

# Leaves

_LEAF = (
    "SELECT sha256, certificate, issuer_sha256, private_key, status, EXISTS (SELECT 1 FROM certificates AS issuer "
    "WHERE issuer.sha256 = certificates.issuer_sha256 AND issuer.status = 'revoked') FROM certificates "
    "WHERE kind = 'leaf' AND host = ? AND destination = ? AND name = ? AND {} "
    "ORDER BY status = 'deployed' DESC, rowid DESC LIMIT 1"
)
LEAF = _LEAF.format("sha256 = ?")
CURRENT_LEAF = _LEAF.format("status IN ('signed', 'deployed')")
_PLACES = (
    "SELECT host, destination, name, MAX(not_after) FROM certificates "
    "WHERE kind = 'leaf' AND status IN ('signed', 'deployed') {} GROUP BY host, destination, name"
)
PLACES = _PLACES.format("")
PLACES_OF_HOST = _PLACES.format("AND host = ?")
LAST_LEAF_ENDS = "SELECT issuer_sha256, MAX(not_after) FROM certificates WHERE kind = 'leaf' GROUP BY issuer_sha256"
LEAF_COUNTS = "SELECT status, COUNT(*) FROM certificates WHERE kind = 'leaf' GROUP BY status"
MARK_LEAF_DEPLOYED = (
    "UPDATE certificates SET status = CASE WHEN sha256 = ? THEN 'deployed' ELSE 'superseded' END "
    "WHERE kind = 'leaf' AND host = ? AND destination = ? AND name = ? AND status <> 'revoked'"
)
MARK_REMOVED = (
    "UPDATE certificates SET status = 'superseded' "
    "WHERE kind = 'leaf' AND host = ? AND destination = ? AND name = ? AND status <> 'revoked'"
)

# Staples

INSERT_STAPLE = "INSERT OR IGNORE INTO staples VALUES (?, ?, ?, ?, ?, NULL, NULL, ?)"
STAPLES = (
    "SELECT sha256, this_update, next_update, renew_at, deployed_at, in_use, der FROM staples "
    "WHERE certificate_sha256 = ? ORDER BY rowid"
)
MARK_NONE_IN_USE = (
    "UPDATE staples SET in_use = 0 WHERE in_use IS NOT 0 AND certificate_sha256 IN "
    "(SELECT sha256 FROM certificates WHERE kind = 'leaf' AND host = ? AND destination = ? AND name = ?)"
)
IS_AWAITED = (
    "SELECT EXISTS (SELECT 1 FROM staples JOIN certificates ON certificates.sha256 = certificate_sha256 "
    "WHERE in_use IS NULL AND kind = 'leaf' AND host = ? AND destination = ? AND name = ?)"
)
MARK_STAPLE_IN_USE = (
    "UPDATE staples SET deployed_at = COALESCE(deployed_at, ?), in_use = 1 WHERE sha256 = ? AND certificate_sha256 = ?"
)
_IN_USE = (
    "SELECT host, destination, name, next_update, renew_at "
    "FROM staples JOIN certificates ON certificates.sha256 = certificate_sha256 "
    "WHERE in_use AND status = {}"
)
STAPLES_IN_USE = _IN_USE.format("'deployed'")
STAPLES_IN_USE_ON_HOST = _IN_USE.format("'deployed' AND host = ?")
# Nobody is to believe a certificate that is revoked, or whose issuer is.
_REVOKED = (
    "(certificates.sha256 IN (SELECT certificate_sha256 FROM revocations) "
    "OR issuer_sha256 IN (SELECT certificate_sha256 FROM revocations))"
)
# What a host has been given that still says good of a revoked leaf, unless the host has said since that it is gone.
_MAY_BE_SHOWN = "in_use IS NOT 0 AND next_update > ?1"
# Those of revoked leaves are due at once: they are to be taken away.
DUE_STAPLES = " UNION ALL ".join(
    (
        _IN_USE.format("'deployed' AND renew_at <= ?1 AND not_after > ?1"),
        "SELECT host, destination, name, MAX(next_update), MIN(renew_at) "
        "FROM certificates JOIN staples ON certificate_sha256 = certificates.sha256 "
        f"WHERE kind = 'leaf' AND {_REVOKED} AND {_MAY_BE_SHOWN} AND not_after > ?1 "
        "GROUP BY host, destination, name ORDER BY renew_at",
    )
)
FORGET_STAPLES = (
    "DELETE FROM staples WHERE next_update < ?1 AND "
    "(in_use IS NOT 1 OR (SELECT not_after FROM certificates WHERE sha256 = certificate_sha256) < ?1)"
)

# Revocations

# A leaf that was replaced has no place any more, but for the last one of a place from which it was removed.
_KNOWN = (
    "SELECT sha256, kind, issuer_sha256, host, destination, name, certificate, status, "
    "kind = 'leaf' AND (status <> 'superseded' OR certificates.rowid = (SELECT MAX(rowid) FROM certificates AS last "
    "WHERE (last.kind, last.host, last.destination, last.name) = "
    "('leaf', certificates.host, certificates.destination, certificates.name))), "
    "revoked_at, reason, reissue, published_at FROM certificates "
    "LEFT JOIN revocations ON certificate_sha256 = sha256 WHERE {}"
)
KNOWN = _KNOWN.format("sha256 = ?")
KNOWN_BY_SERIAL = _KNOWN.format("serial = ?")
# Those that are in use at a place, or may be, and those that were when they were revoked.
KNOWN_AT_NAME = _KNOWN.format(
    "kind = 'leaf' AND host = ? AND name = ? AND status <> 'superseded' "
    "AND (not_after > ? OR reissue = 0) ORDER BY certificates.rowid"
)
INSERT_REVOCATION = "INSERT INTO revocations VALUES (?, ?, ?, ?, NULL)"
MARK_REVOKED = "UPDATE certificates SET status = 'revoked' WHERE sha256 = ?"
SET_REISSUE = "UPDATE revocations SET reissue = ? WHERE certificate_sha256 = ?"
MARK_REVOCATIONS_PUBLISHED = (
    "UPDATE revocations SET published_at = ? WHERE published_at IS NULL AND certificate_sha256 IN "
    "(SELECT sha256 FROM certificates WHERE issuer_sha256 = ?)"
)
# The last revocation by which a place is to have no other leaf, be it that one is signed and nobody saw it arrive.
BLOCK = (
    "SELECT revoked_at, reason, reissue, published_at FROM certificates "
    "JOIN revocations ON certificate_sha256 = sha256 WHERE kind = 'leaf' AND host = ? AND destination = ? AND name = ? "
    "AND reissue = 0 ORDER BY certificates.rowid DESC LIMIT 1"
)
REVOKED_UNDER = (
    "SELECT serial, revoked_at, reason FROM certificates JOIN revocations ON certificate_sha256 = sha256 "
    "WHERE issuer_sha256 = ? AND not_after >= ? ORDER BY revoked_at, serial"
)
REVOKED_AUTHORITIES = (
    "SELECT sha256 FROM certificates WHERE kind = 'issuing' AND sha256 IN (SELECT certificate_sha256 FROM revocations)"
)
PLACES_UNDER = (
    "SELECT COUNT(*) FROM (SELECT DISTINCT host, destination, name FROM certificates "
    "WHERE issuer_sha256 = ? AND not_after > ? AND kind = 'leaf' AND status IN ('signed', 'deployed'))"
)
IS_REVOKED = f"SELECT EXISTS (SELECT 1 FROM certificates WHERE sha256 = ? AND {_REVOKED})"
# Where a staple of a revoked leaf may be shown; and where leaves of a revoked issuer may be in use, with or without.
PENDING_PLACES = (
    "SELECT host, destination, name, MAX(next_update) FROM certificates "
    f"LEFT JOIN staples ON certificate_sha256 = certificates.sha256 AND {_MAY_BE_SHOWN} "
    f"WHERE kind = 'leaf' AND {_REVOKED} AND not_after > ?1 "
    "AND (next_update IS NOT NULL OR status IN ('signed', 'deployed')) GROUP BY host, destination, name"
)
# Of an issuing certificate, for all of its leaves.
_OF_IT = "certificate_sha256 IN (SELECT sha256 FROM certificates WHERE sha256 = ?1 OR issuer_sha256 = ?1)"
GOOD_UNTIL = (
    f"SELECT MAX(good_until) FROM (SELECT MAX(next_update) AS good_until FROM staples WHERE {_OF_IT} "
    f"UNION ALL SELECT MAX(good_until) FROM responses WHERE {_OF_IT})"
)

# Lists

LAST_NUMBER = "SELECT MAX(number) FROM lists WHERE issuer_key = ?"
INSERT_LIST = "INSERT INTO lists VALUES (?, ?, NULL, NULL, NULL, NULL)"
TAKEN_NUMBER = (
    "SELECT MAX(number) FROM lists WHERE issuer_key = ?1 AND number > "
    "(SELECT COALESCE(MAX(number), 0) FROM lists WHERE issuer_key = ?1 AND der IS NOT NULL)"
)
STORE_LIST = "UPDATE lists SET this_update = ?, next_update = ?, der = ? WHERE issuer_key = ? AND number = ?"
LAST_LIST = (
    "SELECT number, this_update, next_update, der, published_at FROM lists WHERE issuer_key = ? AND der IS NOT NULL "
    "ORDER BY number DESC LIMIT 1"
)
LAST_PUBLISHED_LIST = LAST_LIST.replace("der IS NOT NULL", "published_at IS NOT NULL")
MARK_LIST_PUBLISHED = "UPDATE lists SET published_at = ? WHERE issuer_key = ? AND number = ?"
# A number whose list was never signed goes with those before the last one that was.
FORGET_LISTS = (
    "DELETE FROM lists WHERE issuer_key = ?1 AND number < ?2 AND number IS NOT "
    "(SELECT MAX(number) FROM lists WHERE issuer_key = ?1 AND published_at IS NOT NULL)"
)

# Responses

DUE_RESPONSES = (
    "SELECT sha256, certificate, wanted.digest, revoked_at, reason FROM certificates "
    "CROSS JOIN (SELECT 'sha1' AS digest UNION ALL SELECT 'sha256') AS wanted "
    "LEFT JOIN responses ON responses.certificate_sha256 = sha256 AND responses.digest = wanted.digest "
    "LEFT JOIN revocations ON revocations.certificate_sha256 = sha256 "
    "WHERE kind = 'leaf' AND issuer_sha256 = ?1 AND not_after > ?3 AND (?4 OR status = 'revoked') "
    "AND (renew_at IS NULL OR renew_at <= ?2 OR revoked <> (status = 'revoked')) "
    "ORDER BY certificates.rowid, wanted.digest"
)
STORE_RESPONSE = (
    "INSERT INTO responses VALUES (?1, ?2, ?3, ?4, ?5, ?6, CASE WHEN ?3 THEN 0 ELSE ?4 END) "
    "ON CONFLICT (certificate_sha256, digest) DO UPDATE SET revoked = excluded.revoked, "
    "next_update = excluded.next_update, renew_at = excluded.renew_at, der = excluded.der, "
    "good_until = MAX(good_until, excluded.good_until)"
)
RESPONSES = (
    "SELECT certificate, digest, der FROM responses JOIN certificates ON sha256 = certificate_sha256 "
    "WHERE issuer_sha256 = ? AND next_update > ? AND revoked = (status = 'revoked')"
)
# Those that say good of a leaf that is revoked, or whose issuer is, too: rather no answer than that one.
ENDED_RESPONSES = (
    "SELECT certificate, digest FROM responses JOIN certificates ON sha256 = certificate_sha256 "
    f"WHERE issuer_sha256 = ? AND (not_after <= ? OR revoked <> (status = 'revoked') OR (NOT revoked AND {_REVOKED}))"
)
FORGET_RESPONSES = (
    "DELETE FROM responses WHERE certificate_sha256 IN (SELECT sha256 FROM certificates WHERE not_after <= ?)"
)
