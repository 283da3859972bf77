# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person has a ledger forget: leaves that ended long ago, and hosts that are gone for good."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.entries import Entry
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import STAPLE_MEMORY

#: For how many days a leaf stays in the ledger after its end, unless somebody wants it otherwise.
KEEP_DAYS = 365
_LONGEST_KEEP = 36500


def prune(authority: Authority, ledger: Ledger, keep_days: int, now: datetime, check_mode: bool) -> list[Entry]:
    """Remove the leaves that nothing needs, and that ended so many days ago; those which were, or in check mode would
    be, removed. Raises PkiError for less days than those for which a list may have to name a leaf that has ended."""
    least = max(STAPLE_MEMORY.days, authority.policy.lifetimes.staple)
    if not least <= keep_days <= _LONGEST_KEEP:
        raise PkiError(f"keep_days: is {keep_days}; give {least} to {_LONGEST_KEEP} days.")
    before = now - timedelta(days=keep_days)
    if check_mode:
        return _entries(ledger, ledger.entries.prunable(before))
    with ledger.transaction():
        fingerprints = ledger.entries.prunable(before)
        pruned = _entries(ledger, fingerprints)
        ledger.entries.prune(fingerprints)
    return pruned


def _entries(ledger: Ledger, fingerprints: Collection[str]) -> list[Entry]:
    wanted = set(fingerprints)
    return [entry for entry in ledger.entries.all() if entry.sha256 in wanted] if wanted else []


def forget(
    ledger: Ledger, host: str, reason: str, by: str, inventory: Collection[str], now: datetime, check_mode: bool
) -> list[Entry] | None:
    """Enter that a host is gone for good: the leaves of it that have not ended, None where the ledger knew it before.
    Raises PkiError for a host that is unknown, and for one of the inventory, which the next run would count again."""
    if host in inventory:
        raise PkiError(
            f"host: {host} is in the inventory, so that the next run would give it leaves again. Take it out first."
        )
    if not ledger.entries.knows_host(host):
        raise PkiError(f"host: the ledger knows no host {host!r}. The step list shows those that it knows.")
    if not ledger.entries.counts_host(host) and any(gone.host == host for gone in ledger.entries.forgotten()):
        return None
    if not check_mode:
        with ledger.transaction():
            ledger.entries.forget_host(host, reason, by, now)
    leaves = [entry for entry in ledger.entries.all() if entry.place.host == host]
    return [entry for entry in leaves if entry.not_after > now and entry.status != "revoked"]
