# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements of SQL about rotations of the root, and about who trusts it."""

from __future__ import annotations

CREATE_ROTATIONS = """
CREATE TABLE rotations (
  id INTEGER PRIMARY KEY,
  from_root TEXT NOT NULL,          -- fingerprints; a renewed root has another one and the same key
  to_root TEXT NOT NULL,            -- empty until there is one
  state TEXT NOT NULL CHECK (state IN ('planned', 'made', 'distributing', 'switching', 'draining', 'purging', 'done',
    'aborted')),
  reason TEXT NOT NULL,             -- in the words of who began it
  started_at INTEGER NOT NULL,      -- seconds since 1970-01-01 UTC, as all times here
  state_at INTEGER NOT NULL,        -- when it came into its state
  overlap INTEGER NOT NULL,         -- seconds that the old root stays once no leaf below it is in use
  introduced INTEGER NOT NULL       -- 1 once hosts were to trust the new root, whatever came then
)
"""
CREATE_EXCEPTIONS = """
CREATE TABLE exceptions (
  rotation_id INTEGER NOT NULL REFERENCES rotations (id),
  host TEXT NOT NULL,               -- which the rotation does not wait for
  reason TEXT NOT NULL,
  "by" TEXT NOT NULL,               -- who said so
  PRIMARY KEY (rotation_id, host)
)
"""
CREATE_COUNTED = """
CREATE TABLE counted (
  rotation_id INTEGER NOT NULL REFERENCES rotations (id),
  host TEXT NOT NULL,               -- which the rotation counts, whatever hosts later runs name
  PRIMARY KEY (rotation_id, host)
)
"""
CREATE_PROOFS = """
CREATE TABLE proofs (
  host TEXT NOT NULL,               -- its name in the inventory
  root_sha256 TEXT NOT NULL,
  store TEXT NOT NULL,              -- its kind and its name
  state TEXT NOT NULL,              -- of the root in that store, in the words of trust_anchor
  evidence_sha256 TEXT NOT NULL,    -- of the sentences that showed it
  seen_at INTEGER NOT NULL,
  PRIMARY KEY (host, root_sha256, store)
)
"""
CREATE = (
    CREATE_PROOFS,
    "CREATE INDEX proof_of ON proofs (root_sha256)",
    CREATE_ROTATIONS,
    CREATE_EXCEPTIONS,
    CREATE_COUNTED,
    "CREATE UNIQUE INDEX one_rotation ON rotations ((1)) WHERE state NOT IN ('done', 'aborted')",
)

ROTATIONS = (
    "SELECT id, from_root, to_root, state, reason, started_at, state_at, overlap, introduced FROM rotations ORDER BY id"
)
INSERT_ROTATION = (
    "INSERT INTO rotations (from_root, to_root, state, reason, started_at, state_at, overlap, introduced) "
    "VALUES (?, '', 'planned', ?, ?, ?, ?, FALSE)"
)
NAME_ROOT = "UPDATE rotations SET to_root = ? WHERE id = ?"
MOVE = "UPDATE rotations SET state = ?, state_at = ?, introduced = (introduced OR ?) WHERE id = ? AND state = ?"
KEEP_OVERLAP = "UPDATE rotations SET overlap = ? WHERE id = ?"

PROOFS_OF_HOST = "SELECT root_sha256, store, state, evidence_sha256, seen_at FROM proofs WHERE host = ?"
PROOFS_OF_ROOT = "SELECT host, store, state, seen_at FROM proofs WHERE root_sha256 = ? ORDER BY host, store"
STORE_PROOF = (
    "INSERT INTO proofs VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (host, root_sha256, store) DO UPDATE SET "
    "state = excluded.state, evidence_sha256 = excluded.evidence_sha256, seen_at = excluded.seen_at"
)
DELETE_PROOF = "DELETE FROM proofs WHERE host = ? AND root_sha256 = ? AND store = ?"

EXCEPTIONS = "SELECT host, reason FROM exceptions WHERE rotation_id = ? ORDER BY host"
INSERT_EXCEPTION = (
    "INSERT INTO exceptions VALUES (?, ?, ?, ?) ON CONFLICT (rotation_id, host) DO UPDATE SET "
    'reason = excluded.reason, "by" = excluded."by"'
)
DELETE_EXCEPTION = "DELETE FROM exceptions WHERE rotation_id = ? AND host = ?"
COUNTED = "SELECT host FROM counted WHERE rotation_id = ?"
COUNT = "INSERT INTO counted VALUES (?, ?)"
# Leaves that are in use on hosts, or may be since they were signed, until they end.
LEAVES_IN_USE = (
    "SELECT DISTINCT host, destination, name, issuer_sha256 FROM certificates WHERE kind = 'leaf' "
    "AND status IN ('signed', 'deployed') AND private_key <> 'requester' AND not_after > ? "
    "ORDER BY host, destination, name"
)
