# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of the ledger about leaves that no run deploys, and about who has a certain key."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import sql_listing as sql
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.damage import stored_certificate
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.database import Database
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import (
    KeyHolder,
    LeafPlace,
    RequestedLeaf,
)


class Undeployed:
    """That of an open ledger."""

    def __init__(self, connection: Database) -> None:
        self._connection = connection

    def requested(self) -> list[RequestedLeaf]:
        """The leaves that were signed last for requests, by their names, but for those that were revoked."""
        return [
            RequestedLeaf(name, sha256, stored_certificate(der), issuer, bool(issuer_revoked))
            for name, sha256, der, issuer, issuer_revoked in self._connection.execute(sql.REQUESTED)
        ]

    def holders_of(self, public_key: bytes, compromised: bool = False) -> list[KeyHolder]:
        """All certificates with that key, which is in DER as certificates have it; or those alone that were revoked as
        compromised, which costs little. No others are parsed."""
        return [
            KeyHolder(kind, LeafPlace(host, destination, name), stored_certificate(der), status, reason or "")
            for kind, host, destination, name, der, status, reason in self._connection.execute(
                sql.COMPROMISED_KEYS if compromised else sql.KEYS
            )
            if public_key in bytes(der)
        ]
