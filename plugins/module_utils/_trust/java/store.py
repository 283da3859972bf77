# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keystores of Java installations that the system does not feed from its own anchors."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable

from ansible_collections.anchorage.pki.plugins.module_utils._host.as_user import Account, call_as
from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import SEARCH_PATH
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError, UserNeeded
from ansible_collections.anchorage.pki.plugins.module_utils._trust.java import homes as java_homes
from ansible_collections.anchorage.pki.plugins.module_utils._trust.java import keystore as java_keystore
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import (
    ABSENT,
    NEEDS_USER,
    TRUSTED,
    Anchor,
    Finding,
)


@dataclass(frozen=True)
class Keystore:
    """A keystore at ``path``, its owner, and the keytool commands that may change it, the best one first.

    ``password`` is for where the usual one does not open it; empty for none.
    """

    path: str
    owner: Account
    keytools: tuple[str, ...]
    root: str
    password: str = field(default="", repr=False)

    readers = "Java"

    @property
    def name(self) -> str:
        return self.path

    @property
    def obstacle(self) -> str:
        if self.keytool:
            return ""
        return f"No keytool was found to change {self.path} with: install a JDK, or a Java runtime that has one."

    @property
    def keytool(self) -> str:
        """The command to use; "" for none. What others may replace, root does not run."""
        usable = [path for path in self.keytools if os.access(path, os.X_OK) and self._is_safe(path)]
        return usable[0] if usable else ""

    def _is_safe(self, command: str) -> bool:
        return self.owner.uid != 0 or not open_to_others(os.path.realpath(command), self.root)

    @property
    def is_own(self) -> bool:
        """Whether it belongs to whoever runs this."""
        return self.owner.uid == os.geteuid()


def sought() -> list[str]:
    return [f"/{home}" for home in java_homes.SYSTEM_HOMES] + [f"~/{home}" for home in java_homes.USER_HOMES]


def find(root: str) -> list[Keystore]:
    """Each keystore once, though several installations may lead to it."""
    installations = java_homes.installations(root)
    others = [os.path.join(installation.home, "bin/keytool") for installation in installations]
    others += [os.path.join(folder, "keytool") for folder in SEARCH_PATH.split(":")]
    stores: dict[str, Keystore] = {}
    for installation in installations:
        own = [os.path.join(installation.home, "bin/keytool"), os.path.join(installation.home, "jre/bin/keytool")]
        for path in installation.keystores:
            stores.setdefault(path, Keystore(path, installation.owner, (*own, *others), root))
    return list(stores.values())


def with_password(store: Keystore, password: str) -> Keystore:
    """The keystore, to be opened with this password too. Another user's is not: that user's keytool would learn it."""
    return replace(store, password=password) if store.is_own else store


def inspect(store: Keystore, anchor: Anchor) -> Finding:
    try:
        aliases = _work(store, java_keystore.aliases, anchor.der)
    except HostError as error:
        if store.is_own:
            raise
        return Finding(NEEDS_USER, (str(error),), private=True)
    if aliases:
        return Finding(TRUSTED, tuple(f"{store.path} trusts it as {alias}" for alias in aliases))
    return Finding(ABSENT, (f"{store.path} lacks it",))


def foresee(store: Keystore, anchor: Anchor, operation: str) -> Finding:
    _require_safe(store)
    _work(store, java_keystore.require_password)
    if operation == "install":
        return Finding(TRUSTED, (f"{store.path} would trust it as {anchor.name}",))
    return Finding(ABSENT, (f"{store.path} would lack it",))


def install(store: Keystore, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
    _require_safe(store)
    former = call_as(store.owner, java_keystore.read, store.path)
    undo.callback(call_as, store.owner, java_keystore.write, store.path, former)
    _work(store, java_keystore.add, anchor.name, anchor.pem)


def remove(store: Keystore, anchors: Sequence[Anchor]) -> None:
    _require_safe(store)
    _work(store, java_keystore.delete, [anchor.pem for anchor in anchors])


def _work(store: Keystore, function: Callable[..., Any], *arguments: Any) -> Any:
    """What the owner does by a function of java_keystore.py that takes a keytool."""
    try:
        return call_as(store.owner, function, store.path, *arguments, store.keytool, store.password)
    except UserNeeded as error:
        if not store.is_own:
            raise
        hint = "java_keystore_password is not it" if store.password else "or give the task java_keystore_password"
        raise UserNeeded(f"{error} ({hint})") from error


def _require_safe(store: Keystore) -> None:
    culprit = open_to_others(store.path, store.root) if store.owner.uid == 0 else ""
    if culprit:
        raise HostError(f"Others than root may write in {culprit}, and so replace what root trusts there: chmod it.")


def open_to_others(path: str, root: str) -> str:
    """The first folder or file on the way from ``root`` to ``path`` that others than root may replace; or ""."""
    ways = [way for way in (*reversed(Path(path).parents), Path(path)) if Path(root) in (way, *way.parents)]
    for way in ways:
        status = way.stat()
        by_group = status.st_mode & stat.S_IWGRP and status.st_gid != 0
        if status.st_uid != 0 or by_group or status.st_mode & stat.S_IWOTH:
            return str(way)
    return ""
