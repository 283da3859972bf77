# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NSS databases, in which the browsers of every user keep whom that user trusts.

A database belongs to its user, and root has no business in it: everything in it happens as that user. Where a browser
has made none yet, none is made: what a browser trusts before its first start is for its policies to say.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from ansible_collections.anchorage.pki.plugins.module_utils._host.accounts import people, search
from ansible_collections.anchorage.pki.plugins.module_utils._host.as_user import Account, call_as
from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import find_command
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._trust.nss import database as nss_database
from ansible_collections.anchorage.pki.plugins.module_utils._trust.nss import profiles as nss_profiles
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import (
    ABSENT,
    NEEDS_USER,
    STALE,
    TRUSTED,
    Anchor,
    Finding,
)

_PLACES = (*nss_profiles.FIREFOX, *nss_profiles.CHROMIUM)
# What brings certutil where this command installs packages.
PACKAGES = {
    "apt-get": "libnss3-tools",
    "dnf": "nss-tools",
    "yum": "nss-tools",
    "zypper": "mozilla-nss-tools",
    "pacman": "nss",
    "apk": "nss-tools",
    "pkg": "nss",
}
# Seconds for a look into a database, whose user may have made it one without an end.
_READING_PATIENCE = 60.0


@dataclass(frozen=True)
class Database:
    """An NSS database in ``path``, the account's own. ``trouble`` says why the account's could not be looked for."""

    account: Account
    path: str
    browser: str = "browsers"
    trouble: str = ""

    @property
    def name(self) -> str:
        return self.path

    @property
    def readers(self) -> str:
        return f"{self.browser} of {self.account.name}"

    @property
    def obstacle(self) -> str:
        if find_command(nss_database.CERTUTIL):
            return ""
        packages = [package for command, package in PACKAGES.items() if find_command(command)]
        return f"The command certutil is missing: install the package {packages[0] if packages else 'of NSS tools'}."


def sought() -> list[str]:
    return [f"~/{place} of every user" for place in _PLACES]


def find(root: str) -> list[Database]:
    return [database for account in people(root, _PLACES) for database in _of(account)]


def _of(account: Account) -> list[Database]:
    try:
        found = search(account, nss_profiles.databases, account.home)
    except HostError as error:
        return [Database(account, account.home, trouble=str(error))]
    return [Database(account, path, browser) for path, browser in found]


def inspect(store: Database, anchor: Anchor) -> Finding:
    if store.trouble:
        raise HostError(store.trouble)
    try:
        return _inspect_without_certutil(store, anchor) if store.obstacle else _inspect(store, anchor)
    except HostError as error:
        if store.account.uid == os.geteuid():
            raise
        return Finding(NEEDS_USER, (str(error),), private=True)


def _inspect(store: Database, anchor: Anchor) -> Finding:
    found = call_as(store.account, nss_database.examine, store.path, anchor.der, patience=_READING_PATIENCE)
    evidence = tuple(_sentence(store, nickname, flags) for nickname, flags in found)
    if any(_is_trusted(flags) for _nickname, flags in found):
        return Finding(TRUSTED, evidence)
    return Finding(STALE, evidence) if found else Finding(ABSENT, (f"{store.path} lacks it",))


def _inspect_without_certutil(store: Database, anchor: Anchor) -> Finding:
    nicknames = call_as(store.account, nss_database.nicknames, store.path, anchor.der, patience=_READING_PATIENCE)
    if not nicknames:
        return Finding(ABSENT, (f"{store.path} lacks it",))
    return Finding(STALE, (f"{store.path} holds it; whether it is trusted, only certutil can tell",))


def _sentence(store: Database, nickname: str, flags: str) -> str:
    if not nickname:
        return f"{store.path} holds it without a nickname, so that only its browser can change it"
    trust = f"trusted as {flags}" if flags.strip(",") else "trusted for nothing"
    return f"{store.path} holds it as {nickname}, {trust}"


def _is_trusted(flags: str) -> bool:
    return "C" in flags.split(",")[0]


def foresee(store: Database, anchor: Anchor, operation: str) -> Finding:
    if operation == "install":
        call_as(store.account, nss_database.require_unlocked, store.path, store.account.name, anchor.name)
        return Finding(TRUSTED, (f"{store.path} would hold it, trusted as {nss_database.TRUST}",))
    return Finding(ABSENT, (f"{store.path} would lack it",))


def install(store: Database, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
    account, path = store.account, store.path
    call_as(account, nss_database.require_unlocked, path, account.name, anchor.name)
    former = call_as(account, nss_database.examine, path, anchor.der)
    if former:
        undo.callback(call_as, account, nss_database.set_trust, path, former[0][1], anchor.pem)
    else:
        undo.callback(call_as, account, nss_database.delete, path, account.name, [anchor.pem])
    call_as(account, nss_database.add, path, anchor.name, anchor.pem)


def remove(store: Database, anchors: Sequence[Anchor]) -> None:
    pems = [anchor.pem for anchor in anchors]
    call_as(store.account, nss_database.delete, store.path, store.account.name, pems)
