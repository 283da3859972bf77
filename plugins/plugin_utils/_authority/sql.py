# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements of SQL that the ledger runs on its tables. SQLite and PostgreSQL both understand them: truth is
written TRUE and FALSE, which SQLite stores as 1 and 0."""

from __future__ import annotations

# The database's own head. It is part of a transaction, as tables are.

APPLICATION_ID = "PRAGMA application_id"
SCHEMA = "PRAGMA user_version"
SET_APPLICATION_ID = "PRAGMA application_id = {}"
SET_SCHEMA = "PRAGMA user_version = {}"
INTEGRITY = "PRAGMA integrity_check(1)"
HAS_TABLES = "SELECT EXISTS (SELECT 1 FROM sqlite_master)"
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
COLUMNS = "PRAGMA table_info({})"
# Of a ledger that was moved: also releases that do not know of it, and have it open, write nothing more.
REFUSE_CHANGES = (
    "CREATE TRIGGER moved_{table}_{change} BEFORE {change} ON {table} "
    "BEGIN SELECT RAISE(ABORT, 'it was moved to a PostgreSQL server'); END"
)

# Of a connection: what is committed survives a power cut, and a staple needs its leaf.
# The second is for macOS, where SQLite's own fsync(2) leaves in the drive's cache what was committed.
CONNECT = ("PRAGMA synchronous = FULL", "PRAGMA fullfsync = ON", "PRAGMA foreign_keys = ON")
READ_ONLY = "PRAGMA query_only = ON"
# Kept in the file.
WRITE_AHEAD_LOG = "PRAGMA journal_mode = WAL"
BEGIN = "BEGIN IMMEDIATE"

# Certificates

INSERT_CERTIFICATE = "INSERT INTO certificates VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'signed', ?)"
IS_RECORDED = "SELECT 1 FROM certificates WHERE sha256 = ?"
# Of the roots, what another one has signed is a cross-certificate.
_KIND = "CASE WHEN kind = 'root' AND issuer_sha256 <> sha256 THEN 'cross' ELSE kind END"
# The issuing certificates of delegated authorities have keys with which others sign: other controllers, or a proxy.
_OWN = "private_key <> 'elsewhere'"
AUTHORITIES = f"SELECT sha256 FROM certificates WHERE {_KIND} IN ('root', 'issuing') AND {_OWN}"
ISSUING_CERTIFICATES = f"SELECT sha256, certificate FROM certificates WHERE kind = 'issuing' AND {_OWN} ORDER BY rowid"
DELEGATED_CERTIFICATES = (
    "SELECT certificate, status = 'revoked' FROM certificates WHERE private_key = 'elsewhere' ORDER BY rowid"
)

# Leaves

_LEAF = (
    "SELECT sha256, certificate, issuer_sha256, private_key, status, EXISTS (SELECT 1 FROM certificates AS issuer "
    "WHERE issuer.sha256 = certificates.issuer_sha256 AND issuer.status = 'revoked') FROM certificates "
    "WHERE kind = 'leaf' AND host = ? AND destination = ? AND name = ? AND {} "
    "ORDER BY status = 'deployed' DESC, rowid DESC LIMIT 1"
)
LEAF = _LEAF.format("sha256 = ?")
# No host has the leaf of a request that somebody brought. Nor one for tests, which is never in use and tells nothing.
_ON_HOSTS = "private_key <> 'requester'"
_NO_TEST = "private_key <> 'test'"
CURRENT_LEAF = _LEAF.format("status IN ('signed', 'deployed')")
_PLACES = (
    "SELECT host, destination, name, MAX(not_after) FROM certificates "
    f"WHERE kind = 'leaf' AND status IN ('signed', 'deployed') AND {_ON_HOSTS} {{}} GROUP BY host, destination, name"
)
PLACES = _PLACES.format("")
PLACES_OF_HOST = _PLACES.format("AND host = ?")
# The last ones signed of those that nobody has a reason not to believe; a few are enough to find one for a purpose.
_BELIEVED = (
    "SELECT certificate, issuer_sha256 FROM certificates WHERE kind = 'leaf' AND status IN ('signed', 'deployed') "
    "AND not_before <= ?1 AND not_after > ?1 {} AND issuer_sha256 NOT IN (SELECT certificate_sha256 FROM revocations) "
    "ORDER BY rowid DESC LIMIT 100"
)
BELIEVED_LEAVES = _BELIEVED.format("")
BELIEVED_LEAVES_OF_HOST = _BELIEVED.format("AND host = ?2")
# Of each issuer the last one by an index, and each issuer by the one before it, however many leaves there are.
LAST_LEAF_ENDS = (
    "WITH RECURSIVE issuers (issuer) AS (SELECT MIN(issuer_sha256) FROM certificates UNION ALL "
    "SELECT (SELECT MIN(issuer_sha256) FROM certificates WHERE issuer_sha256 > issuer) FROM issuers "
    "WHERE issuer IS NOT NULL), ends (issuer, last) AS (SELECT issuer, (SELECT not_after FROM certificates "
    f"WHERE issuer_sha256 = issuer AND kind = 'leaf' AND {_NO_TEST} ORDER BY not_after DESC LIMIT 1) FROM issuers) "
    "SELECT issuer, last FROM ends WHERE last IS NOT NULL"
)
LEAF_COUNTS = f"SELECT status, COUNT(*) FROM certificates WHERE kind = 'leaf' AND {_NO_TEST} GROUP BY status"
MARK_LEAF_DEPLOYED = (
    "UPDATE certificates SET status = CASE WHEN sha256 = ? THEN 'deployed' ELSE 'superseded' END "
    "WHERE kind = 'leaf' AND host = ? AND destination = ? AND name = ? AND status <> 'revoked'"
)
MARK_REMOVED = (
    "UPDATE certificates SET status = 'superseded' "
    "WHERE kind = 'leaf' AND host = ? AND destination = ? AND name = ? AND status <> 'revoked'"
)

# Staples

INSERT_STAPLE = "INSERT INTO staples VALUES (?, ?, ?, ?, ?, NULL, NULL, ?) ON CONFLICT DO NOTHING"
STAPLES = (
    "SELECT sha256, this_update, next_update, renew_at, deployed_at, in_use, der FROM staples "
    "WHERE certificate_sha256 = ? ORDER BY rowid"
)
MARK_NONE_IN_USE = (
    "UPDATE staples SET in_use = FALSE WHERE in_use IS NOT FALSE AND certificate_sha256 IN "
    "(SELECT sha256 FROM certificates WHERE kind = 'leaf' AND host = ? AND destination = ? AND name = ?)"
)
MARK_STAPLE_IN_USE = (
    "UPDATE staples SET deployed_at = COALESCE(deployed_at, ?), in_use = TRUE "
    "WHERE sha256 = ? AND certificate_sha256 = ?"
)
MARK_STAPLE_AWAITED = "UPDATE staples SET in_use = NULL WHERE sha256 = ?"
_IN_USE = (
    "SELECT host, destination, name, next_update, renew_at "
    "FROM staples JOIN certificates ON certificates.sha256 = certificate_sha256 WHERE in_use AND status = {}"
)
STAPLES_IN_USE = _IN_USE.format("'deployed'")
STAPLES_IN_USE_ON_HOST = _IN_USE.format("'deployed' AND host = ?")
# Nobody is to believe a certificate that is revoked, or whose issuer is.
_REVOKED = (
    "(certificates.sha256 IN (SELECT certificate_sha256 FROM revocations) "
    "OR issuer_sha256 IN (SELECT certificate_sha256 FROM revocations))"
)
IS_AWAITED = (
    "SELECT EXISTS (SELECT 1 FROM staples JOIN certificates ON certificates.sha256 = certificate_sha256 "
    f"WHERE (in_use IS NULL OR in_use AND {_REVOKED}) AND kind = 'leaf' AND host = ? AND destination = ? AND name = ?)"
)
# What a host has been given that still says good of a revoked leaf, unless the host has said since that it is gone.
_MAY_BE_SHOWN = "in_use IS NOT FALSE AND next_update > ?1"
# One of the future was signed by a clock that was ahead. Those of revoked leaves are due at once: they are to be taken
# away.
DUE_STAPLES = " UNION ALL ".join(
    (
        _IN_USE.format("'deployed' AND renew_at <= ?1 AND not_after > ?1"),
        _IN_USE.format("'deployed' AND this_update > ?2 AND not_after > ?1"),
        "SELECT host, destination, name, MAX(next_update), MIN(renew_at) "
        "FROM certificates JOIN staples ON certificate_sha256 = certificates.sha256 "
        f"WHERE kind = 'leaf' AND {_REVOKED} AND {_MAY_BE_SHOWN} AND not_after > ?1 "
        "GROUP BY host, destination, name",
    )
)
FORGET_STAPLES = (
    "DELETE FROM staples WHERE next_update < ?1 AND "
    "(in_use IS NOT TRUE OR (SELECT not_after FROM certificates WHERE sha256 = certificate_sha256) < ?1)"
)

# Revocations

# A leaf that was replaced has no place any more, but for the last one of a place from which it was removed. A revoked
# one was not replaced by one that nobody saw arrive.
_KNOWN = (
    f"SELECT sha256, {_KIND}, issuer_sha256, host, destination, name, certificate, status, "
    "kind = 'leaf' AND NOT EXISTS (SELECT 1 FROM certificates AS later WHERE later.rowid > certificates.rowid AND "
    "(later.host, later.destination, later.name) = (certificates.host, certificates.destination, certificates.name) "
    "AND CASE certificates.status WHEN 'superseded' THEN TRUE WHEN 'revoked' "
    "THEN later.status IN ('deployed', 'revoked') END), revoked_at, reason, reissue, published_at FROM certificates "
    "LEFT JOIN revocations ON certificate_sha256 = sha256 WHERE {}"
)
KNOWN = _KNOWN.format("sha256 = ?")
KNOWN_BY_SERIAL = _KNOWN.format("serial = ?")
# Those that are in use at a place, or may be, and those that were when they were revoked. A device may use any one that
# was signed for its request, whatever was signed since; the last one is due, also after its end, until it is revoked.
KNOWN_AT_NAME = _KNOWN.format(
    "kind = 'leaf' AND host = ? AND name = ? AND (status <> 'superseded' OR private_key = 'requester') "
    "AND (not_after > ? OR reissue = FALSE OR private_key = 'requester' AND status = 'signed') "
    "ORDER BY certificates.rowid"
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
    "AND reissue = FALSE ORDER BY certificates.rowid DESC LIMIT 1"
)
# When those end which a ledger lacks that was restored, nobody knows.
REVOKED_UNDER = (
    "SELECT serial, revoked_at, reason FROM certificates JOIN revocations ON certificate_sha256 = sha256 "
    "WHERE issuer_sha256 = ?1 AND not_after >= ?2 "
    "UNION ALL SELECT serial, revoked_at, reason FROM revoked_serials WHERE issuer_sha256 = ?1 "
    "ORDER BY revoked_at, serial"
)
REVOKED_AUTHORITIES = (
    "SELECT sha256 FROM certificates WHERE kind = 'issuing' AND sha256 IN (SELECT certificate_sha256 FROM revocations)"
)
REVOKED_CROSSES = (
    f"SELECT sha256 FROM revocations JOIN certificates ON certificate_sha256 = sha256 WHERE {_KIND} = 'cross'"
)
PLACES_UNDER = (
    "SELECT COUNT(*) FROM (SELECT DISTINCT host, destination, name FROM certificates "
    "WHERE issuer_sha256 = ? AND not_after > ? AND kind = 'leaf' AND status IN ('signed', 'deployed')) AS places"
)
IS_REVOKED = f"SELECT EXISTS (SELECT 1 FROM certificates WHERE sha256 = ? AND {_REVOKED})"
# Where a staple of a revoked leaf may be shown; and where leaves of a revoked issuer may be in use, with or without.
PENDING_PLACES = (
    "SELECT host, destination, name, MAX(next_update) FROM certificates "
    f"LEFT JOIN staples ON certificate_sha256 = certificates.sha256 AND {_MAY_BE_SHOWN} "
    f"WHERE kind = 'leaf' AND {_REVOKED} AND not_after > ?1 "
    f"AND (next_update IS NOT NULL OR status IN ('signed', 'deployed')) AND {_ON_HOSTS} "
    "GROUP BY host, destination, name"
)
MAY_BE_SHOWN = f"SELECT EXISTS (SELECT 1 FROM staples WHERE certificate_sha256 = ?2 AND {_MAY_BE_SHOWN})"
# Of an issuing certificate, for all of its leaves.
_OF_IT = "certificate_sha256 IN (SELECT sha256 FROM certificates WHERE sha256 = ?1 OR issuer_sha256 = ?1)"
GOOD_UNTIL = (
    f"SELECT MAX(good_until) FROM (SELECT MAX(next_update) AS good_until FROM staples WHERE {_OF_IT} "
    f"UNION ALL SELECT MAX(good_until) FROM responses WHERE {_OF_IT}) AS ends"
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
    "DELETE FROM lists WHERE issuer_key = ?1 AND number < ?2 AND number <> "
    "(SELECT COALESCE(MAX(number), -1) FROM lists WHERE issuer_key = ?1 AND published_at IS NOT NULL)"
)

# Responses

_DIGESTS = "(SELECT 'sha1' AS digest UNION ALL SELECT 'sha256')"
DUE_RESPONSES = (
    "SELECT sha256, certificate, wanted.digest, revoked_at, reason FROM certificates "
    f"CROSS JOIN {_DIGESTS} AS wanted "
    "LEFT JOIN responses ON responses.certificate_sha256 = sha256 AND responses.digest = wanted.digest "
    "LEFT JOIN revocations ON revocations.certificate_sha256 = sha256 "
    f"WHERE kind = 'leaf' AND issuer_sha256 = ?1 AND not_after > ?3 AND (?4 OR status = 'revoked') AND {_NO_TEST} "
    "AND (renew_at IS NULL OR renew_at <= ?2 OR this_update > ?5 OR revoked <> (status = 'revoked')) "
    "ORDER BY certificates.rowid, wanted.digest"
)
# Left out is one that says good of what was revoked since it was due: other runs revoke while responses are signed.
STORE_RESPONSE = (
    "INSERT INTO responses SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, CASE WHEN ?3 THEN 0 ELSE ?5 END FROM certificates "
    f"WHERE sha256 = ?1 AND (?3 OR NOT {_REVOKED}) "
    "ON CONFLICT (certificate_sha256, digest) DO UPDATE SET revoked = excluded.revoked, "
    "this_update = excluded.this_update, next_update = excluded.next_update, renew_at = excluded.renew_at, "
    "der = excluded.der, "
    "good_until = CASE WHEN responses.good_until > excluded.good_until THEN responses.good_until "
    "ELSE excluded.good_until END"
)
RESPONSES = (
    "SELECT certificate, digest, der FROM responses JOIN certificates ON sha256 = certificate_sha256 "
    "WHERE issuer_sha256 = ? AND next_update > ? AND revoked = (status = 'revoked')"
)
# Those that say good of a leaf that is revoked, or whose issuer is, too: rather no answer than that one. A ledger that
# was restored may lack the one that is published.
ENDED_RESPONSES = (
    "SELECT certificate, digest FROM responses JOIN certificates ON sha256 = certificate_sha256 "
    f"WHERE issuer_sha256 = ?1 AND (not_after <= ?2 OR revoked <> (status = 'revoked') OR NOT revoked AND {_REVOKED}) "
    "UNION ALL SELECT certificate, wanted.digest FROM revocations JOIN certificates ON sha256 = certificate_sha256 "
    f"CROSS JOIN {_DIGESTS} AS wanted WHERE kind = 'leaf' AND issuer_sha256 = ?1 AND not_after > ?2 AND NOT EXISTS "
    "(SELECT 1 FROM responses WHERE certificate_sha256 = sha256 AND digest = wanted.digest)"
)
IS_ANSWERED = (
    "SELECT COALESCE(MAX(CASE WHEN next_update > ?3 THEN 1 ELSE 0 END), 1) <> 0 FROM certificates "
    "LEFT JOIN responses ON certificate_sha256 = sha256 "
    "WHERE issuer_sha256 = ?1 AND not_after > ?3 AND kind = 'leaf' AND status <> 'revoked' AND not_before < ?2 "
    f"AND {_NO_TEST}"
)
# None of them outlives its leaf, so that those which ended are all that can be meant.
FORGET_RESPONSES = (
    "DELETE FROM responses WHERE next_update <= ?1 AND "
    "(SELECT not_after FROM certificates WHERE sha256 = certificate_sha256) <= ?1"
)
