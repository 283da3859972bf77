# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NSS databases, in which the browsers of every user keep whom that user trusts.

A database belongs to its user, so everything in it happens as that user, never as root. Where a browser
has made none yet, none is made: what a browser trusts before its first start is for its policies to say.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack

from ansible_collections.anchorage.pki.plugins.module_utils._host.accounts import Account, find_accounts
from ansible_collections.anchorage.pki.plugins.module_utils._host.as_user import call_as
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.homes import search_home
from ansible_collections.anchorage.pki.plugins.module_utils._host.programs import find_command
from ansible_collections.anchorage.pki.plugins.module_utils._trust.nss import profiles as nss_profiles
from ansible_collections.anchorage.pki.plugins.module_utils._trust.nss.database import CERTUTIL, TRUST, Database
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import (
    ABSENT,
    INSTALL,
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
    "brew": "nss",
    "port": "nss",
}
# Where Homebrew and MacPorts have their programs on macOS.
_MANAGED = ("/opt/homebrew/bin", "/opt/local/bin")
# Seconds for a look into a database, whose user may have made it endless.
_READING_TIMEOUT = 60.0


@dataclass(frozen=True)
class BrowserDatabase:
    """An NSS database of an account's browser. ``failure`` says why the account's could not be looked for."""

    account: Account
    database: Database
    settings: Settings
    browser: str = "browsers"
    failure: str = ""

    kind = "nss"

    @property
    def name(self) -> str:
        return self.database.folder

    @property
    def readers(self) -> str:
        return f"{self.browser} of {self.account.name}"

    @property
    def obstacle(self) -> str:
        if self.database.certutil:
            return ""
        for path in _programs(CERTUTIL, self.settings):
            return f"{path} belongs to another user, who could replace what {self.account.name} would run there."
        packages = [package for command, package in PACKAGES.items() if _programs(command, self.settings)]
        return f"The command certutil is missing: install the package {packages[0] if packages else 'of NSS tools'}."

    def inspect(self, anchor: Anchor) -> Finding:
        if self.failure:
            raise HostError(self.failure)
        try:
            return self._inspect(anchor) if self.database.certutil else self._inspect_without_certutil(anchor)
        except HostError as error:
            if self.account.uid == os.geteuid():
                raise
            return Finding(NEEDS_USER, (str(error),), private=True)

    def preview(self, anchor: Anchor, operation: str) -> Finding:
        if operation == INSTALL:
            call_as(self.account, self.database.require_unlocked, anchor.name)
            return Finding(TRUSTED, (f"{self.name} would hold it, trusted as {TRUST}",))
        return Finding(ABSENT, (f"{self.name} would lack it",))

    def install(self, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
        account, database = self.account, self.database
        call_as(account, database.require_unlocked, anchor.name)
        former = call_as(account, database.examine, anchor.der)
        if former:
            undo.callback(call_as, account, database.set_trust, former[0][1], anchor.pem)
        else:
            undo.callback(call_as, account, database.delete, [anchor.pem])
        call_as(account, database.add, anchor.name, anchor.pem)

    def remove(self, anchors: Sequence[Anchor]) -> None:
        call_as(self.account, self.database.delete, [anchor.pem for anchor in anchors])

    def _inspect(self, anchor: Anchor) -> Finding:
        found = call_as(self.account, self.database.examine, anchor.der, timeout=_READING_TIMEOUT)
        evidence = tuple(self._describe(nickname, flags) for nickname, flags in found)
        if any("C" in flags.split(",")[0] for _nickname, flags in found):
            return Finding(TRUSTED, evidence)
        return Finding(STALE, evidence) if found else Finding(ABSENT, (f"{self.name} lacks it",))

    def _inspect_without_certutil(self, anchor: Anchor) -> Finding:
        nicknames = call_as(self.account, self.database.nicknames, anchor.der, timeout=_READING_TIMEOUT)
        if not nicknames:
            return Finding(ABSENT, (f"{self.name} lacks it",))
        return Finding(STALE, (f"{self.name} holds it; only certutil can tell whether it is trusted",))

    def _describe(self, nickname: str, flags: str) -> str:
        if not nickname:
            return f"{self.name} holds it without a nickname, so that only its browser can change it"
        trust = f"trusted as {flags}" if flags.strip(",") else "trusted for nothing"
        return f"{self.name} holds it as {nickname}, {trust}"


def _programs(name: str, settings: Settings) -> list[str]:
    """The paths of a program in all folders in which there may be one."""
    folders = [*settings.search_path.split(":"), *map(settings.path, _MANAGED)]
    return [path for folder in folders if (path := find_command(name, folder))]


def _certutil(account: Account, settings: Settings) -> str:
    """The path of the one to run, "" for none. With Homebrew, programs belong to a user, and no other runs them."""
    usable = [path for path in _programs(CERTUTIL, settings) if os.stat(path).st_uid in (0, account.uid)]
    return usable[0] if usable else ""


def find(settings: Settings) -> list[BrowserDatabase]:
    accounts = find_accounts(settings.root, _PLACES, settings.survey_timeout)
    return [store for account in accounts for store in _of(account, settings)]


def _of(account: Account, settings: Settings) -> list[BrowserDatabase]:
    def store(folder: str, browser: str = "browsers", failure: str = "") -> BrowserDatabase:
        certutil = _certutil(account, settings)
        database = Database(folder, account.name, certutil, settings.database_timeout, settings.reads_only)
        return BrowserDatabase(account, database, settings, browser, failure)

    try:
        found = search_home(account, nss_profiles.databases, account.home, timeout=settings.search_timeout)
    except HostError as error:
        return [store(account.home, failure=str(error))]
    return [store(folder, browser) for folder, browser in found]


def sought() -> list[str]:
    """Where databases are looked for."""
    return [f"~/{place} of every user" for place in _PLACES]
