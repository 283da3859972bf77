# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements of SQL about a ledger that was restored from a backup."""

from __future__ import annotations

CREATE_RESTORES = """
CREATE TABLE restores (
  id INTEGER PRIMARY KEY,
  backed_up_at INTEGER NOT NULL,    -- seconds since 1970-01-01 UTC, as all times here
  restored_at INTEGER NOT NULL,
  revocations_at INTEGER            -- when what was revoked between the two was entered; NULL until then
)
"""
CREATE_REVOKED_SERIALS = """
CREATE TABLE revoked_serials (
  issuer_sha256 TEXT NOT NULL,      -- whose list says that a certificate is revoked, which this ledger lacks
  serial TEXT NOT NULL,             -- of that, lower-case hexadecimal
  revoked_at INTEGER NOT NULL,
  reason TEXT NOT NULL,             -- as in the table of revocations
  PRIMARY KEY (issuer_sha256, serial)
)
"""
CREATE = (CREATE_RESTORES, CREATE_REVOKED_SERIALS)

INSERT_RESTORE = "INSERT INTO restores (backed_up_at, restored_at) VALUES (?, ?)"
RESTORES = "SELECT backed_up_at, restored_at, revocations_at FROM restores ORDER BY id"
MARK_REVOCATIONS_ENTERED = "UPDATE restores SET revocations_at = ? WHERE revocations_at IS NULL"

INSERT_REVOKED_SERIAL = "INSERT INTO revoked_serials VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
REVOKED_SERIAL = "SELECT revoked_at, reason FROM revoked_serials WHERE serial = ?"
DELETE_REVOKED_SERIAL = "DELETE FROM revoked_serials WHERE serial = ?"
# The date is that of the list which told of it first.
INSERT_FOUND_REVOCATION = (
    "INSERT INTO revocations SELECT ?1, revoked_at, reason, NULL, NULL FROM revoked_serials WHERE serial = ?2"
)
