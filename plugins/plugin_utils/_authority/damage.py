# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of a ledger that are damaged, in a file that opens well: what is read of them, and which they are."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import sql_listing
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.database import Database
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509


class DamagedEntryError(Exception):
    """What the ledger has in one column cannot be read."""


def stored_certificate(der: bytes) -> x509.Certificate:
    """A certificate of the ledger. Raises DamagedEntryError."""
    try:
        return x509.load_der_x509_certificate(der)
    except (TypeError, ValueError) as error:
        raise DamagedEntryError("the bytes of a certificate") from error


def damaged_entries(database: Database) -> str:
    """Which certificates of the ledger cannot be read, in words; an empty string for none."""
    rows = database.execute(sql_listing.BYTES).fetchall()
    return ", ".join(_described(*names) for *names, der in rows if not _is_readable(der))


def _is_readable(der: bytes) -> bool:
    try:
        stored_certificate(der)
    except DamagedEntryError:
        return False
    return True


def _described(sha256: str, kind: str, host: str, name: str) -> str:
    place = f" {name} of {host}" if host else ""
    return f"{kind}{place} ({sha256[:16]})"
