# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keystores of Java installations that the system does not feed from its own anchors."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from ansible_collections.anchorage.pki.plugins.module_utils._host.accounts import Account
from ansible_collections.anchorage.pki.plugins.module_utils._host.as_user import call_as
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any, dataclass, field
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError, UserNeeded
from ansible_collections.anchorage.pki.plugins.module_utils._trust.java import homes as java_homes
from ansible_collections.anchorage.pki.plugins.module_utils._trust.java import keystore as java_keystore
from ansible_collections.anchorage.pki.plugins.module_utils._trust.owners import open_to_others, require_own
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import (
    ABSENT,
    INSTALL,
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

    kind = "java"
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

    def inspect(self, anchor: Anchor) -> Finding:
        try:
            aliases = self._work(java_keystore.aliases, anchor.der)
        except HostError as error:
            if self.is_own:
                raise
            return Finding(NEEDS_USER, (str(error),), private=True)
        if aliases:
            return Finding(TRUSTED, tuple(f"{self.path} trusts it as {alias}" for alias in aliases))
        return Finding(ABSENT, (f"{self.path} lacks it",))

    def preview(self, anchor: Anchor, operation: str) -> Finding:
        self._require_safe()
        self._work(java_keystore.require_password)
        if operation == INSTALL:
            return Finding(TRUSTED, (f"{self.path} would trust it as {anchor.name}",))
        return Finding(ABSENT, (f"{self.path} would lack it",))

    def install(self, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
        self._require_safe()
        former = call_as(self.owner, java_keystore.read, self.path)
        undo.callback(call_as, self.owner, java_keystore.write, self.path, former)
        self._work(java_keystore.add, anchor.name, anchor.pem)

    def remove(self, anchors: Sequence[Anchor]) -> None:
        self._require_safe()
        self._work(java_keystore.delete, [anchor.pem for anchor in anchors])

    def _work(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What the owner does by a function of keystore.py that takes a keytool."""
        try:
            return call_as(self.owner, function, self.path, *arguments, self.keytool, self.password)
        except UserNeeded as error:
            if not self.is_own:
                raise
            hint = "java_keystore_password is wrong" if self.password else "or give the task java_keystore_password"
            raise UserNeeded(f"{error} ({hint})") from error

    def _require_safe(self) -> None:
        if self.owner.uid == 0:
            require_own(self.path, self.root)


def find(settings: Settings) -> list[Keystore]:
    """Each keystore once, though several installations may lead to it."""
    installations = java_homes.installations(settings)
    others = [os.path.join(installation.home, "bin/keytool") for installation in installations]
    others += [os.path.join(folder, "keytool") for folder in settings.search_path.split(":")]
    stores: dict[str, Keystore] = {}
    for installation in installations:
        owner = installation.owner
        own = [os.path.join(installation.home, "bin/keytool"), os.path.join(installation.home, "jre/bin/keytool")]
        # Another user's keytool would learn the password.
        password = settings.java_password if owner.uid == os.geteuid() else ""
        for path in installation.keystores:
            stores.setdefault(path, Keystore(path, owner, (*own, *others), settings.root, password))
    return list(stores.values())


def sought() -> list[str]:
    """Where Java installations are looked for."""
    return [*java_homes.SYSTEM_HOMES, *(f"~/{home}" for home in java_homes.USER_HOMES)]
