# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements of SQL that make the ledger's tables, and migrate those of older schemas, in the dialect of SQLite."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import rotation_sql, sql_listing, sql_restore

# Schema 6

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
    "CREATE INDEX staple_start ON staples (this_update) WHERE in_use",
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
  this_update INTEGER NOT NULL,
  next_update INTEGER NOT NULL,
  renew_at INTEGER NOT NULL,        -- decided when it was signed
  der BLOB NOT NULL,
  good_until INTEGER NOT NULL,      -- end of the last one that said good; 0 where none did
  PRIMARY KEY (certificate_sha256, digest)
)
"""
CREATE_PUBLICATION = (
    CREATE_REVOCATIONS,
    CREATE_LISTS,
    CREATE_RESPONSES,
    "CREATE INDEX response_end ON responses (next_update)",
)
_SINCE_SCHEMA_6 = (*sql_listing.CREATE, *sql_restore.CREATE)
CREATE = (
    CREATE_CERTIFICATES,
    "CREATE INDEX leaf_on_host ON certificates (host, destination, name)",
    "CREATE INDEX end_by_issuer ON certificates (issuer_sha256, not_after)",
    CREATE_STAPLES,
    *CREATE_STAPLE_INDEXES,
    *CREATE_PUBLICATION,
    *rotation_sql.CREATE,
    *_SINCE_SCHEMA_6,
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
        *_SINCE_SCHEMA_6,
    )


# Whether a host has said what it has since a staple was signed: it had that one, or has another leaf.
_IS_TOLD = "(deployed_at IS NOT NULL OR status = 'superseded')"
# Whether a host may have staples of a revoked leaf, since it has had no other leaf after that.
_MAY_BE_SHOWN = (
    "(status = 'revoked' AND NOT EXISTS (SELECT 1 FROM certificates AS other WHERE other.status = 'deployed' AND "
    "(other.host, other.destination, other.name) = (certificates.host, certificates.destination, certificates.name)))"
)
# By the schema that is migrated. From 1, by a function renew_at(serial, this_update, next_update) of the connection's;
# whether a host has a staple was not recorded then. The last one signed is taken for the one in use, so that the host
# is asked before any earlier one ends, and its next report confirms what it has. From 2, it is the one confirmed last.
# Of a revoked leaf, it may be any that was confirmed: the host may have gone back to a former one.
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
        f"CASE WHEN {_IS_TOLD} AND NOT {_MAY_BE_SHOWN} THEN status = 'deployed' AND staple.rowid IS "
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
    4: (*rotation_sql.CREATE, *_SINCE_SCHEMA_6),
    5: _SINCE_SCHEMA_6,
}
