# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The private keys of a root that has given way and of what it signed, or of one that was given up: which of them
nothing is signed with any more. Certificates stay: whatever is read or judged later needs no key."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import remove, sync
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    Authority,
    Epoch,
    IssuingAuthority,
    Standing,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import KEY
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import opened_path


def needless_keys(
    authority: Authority, leaf_ends: Mapping[str, datetime], now: datetime, retiring: Collection[str] = ()
) -> tuple[Path, ...]:
    """The key files that are still there and of no use: of retired epochs, and of those of the roots ``retiring``.

    A root's signs nothing any more. An issuing authority and its responders sign lists and staples until the last leaf
    of it has ended, of which ``leaf_ends`` tells by its fingerprint, wherever that leaf is.
    """
    keys = []
    for epoch in _retired(authority, retiring):
        useless = [issuer for issuer in epoch.issuers if leaf_ends.get(issuer.sha256, now) <= now]
        holders = [*epoch.roots, *(one for issuer in useless for one in (issuer, *issuer.responders))]
        keys += [holder.folder / KEY for holder in holders]
    return tuple(key for key in keys if key.exists())


def awaited_issuers(
    authority: Authority, leaf_ends: Mapping[str, datetime], now: datetime
) -> dict[IssuingAuthority, datetime]:
    """The issuing authorities of retired epochs whose keys are still needed, and until when."""
    issuers = [issuer for epoch in _retired(authority, ()) for issuer in epoch.issuers]
    return {issuer: leaf_ends[issuer.sha256] for issuer in issuers if leaf_ends.get(issuer.sha256, now) > now}


def remove_keys(keys: Iterable[Path]) -> None:
    """Remove these files, for good. Raises PkiError."""
    for key in keys:
        try:
            with opened_path(key.parent) as folder:
                remove(folder, key.name)
                sync(folder)
        except OSError as error:
            raise PkiError(f"{key} cannot be removed: {error.strerror}. Fix that and run again.") from error


def _retired(authority: Authority, retiring: Collection[str]) -> list[Epoch]:
    return [
        epoch
        for epoch in authority.epochs
        if epoch.standing is Standing.RETIRED or any(root.sha256 in retiring for root in epoch.roots)
    ]
