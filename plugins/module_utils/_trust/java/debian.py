# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keystore that Debian's ca-certificates-java makes of the system's anchors.

A refresh of the system's store feeds it, by a hook and a trigger of dpkg, unless the hook failed or the administrator
opted out; a removed anchor stays in it for ever. Sources: /etc/default/cacerts, and the package's hook and triggers.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import find_command, run
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError, UserNeeded
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import closed_to_others, read_regular
from ansible_collections.anchorage.pki.plugins.module_utils._trust.java import keystore as java_keystore
from ansible_collections.anchorage.pki.plugins.module_utils._trust.java.homes import DEBIAN_KEYSTORE, DEBIAN_MARK
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import (
    ABSENT,
    STALE,
    TRUSTED,
    Anchor,
    Finding,
)

SETTINGS = "/etc/default/cacerts"
HOOK = "/etc/ca-certificates/update.d/jks-keystore"
_SETTING = re.compile(rb"""^\s*(storepass|cacerts_updates)=(["']?)(.*?)\2\s*(?:#.*)?$""", re.MULTILINE)
_LIMIT = 180.0


@dataclass(frozen=True)
class DebianKeystore:
    """The keystore of a host whose paths lie below ``root``."""

    root: str
    name: str = "debian-java"
    readers: str = "Java of the distribution's packages"

    def path(self, absolute: str) -> str:
        return os.path.join(self.root, absolute.lstrip("/"))

    @property
    def keystore(self) -> str:
        return self.path(DEBIAN_KEYSTORE)

    @property
    def settings(self) -> dict[str, str]:
        """What the administrator set, a file of shell assignments."""
        found = _SETTING.findall(read_regular(self.path(SETTINGS)) or b"")
        return {name.decode(): value.decode(errors="replace") for name, _quote, value in found}

    @property
    def password(self) -> str:
        return self.settings.get("storepass", "")

    @property
    def keytool(self) -> str:
        installed = sorted(glob.glob(self.path("/usr/lib/jvm/*/bin/keytool")))
        return find_command("keytool") or (installed[0] if installed else "")

    @property
    def obstacle(self) -> str:
        if self.keytool:
            return ""
        return f"There is no keytool to change {self.keystore} with: install the package default-jre-headless."


def sought() -> list[str]:
    return []  # it goes with the system's own store


def find(root: str) -> list[DebianKeystore]:
    store = DebianKeystore(root)
    present = os.path.exists(store.path(DEBIAN_MARK)) and os.path.exists(store.keystore)
    return [store] if present else []


def inspect(store: DebianKeystore, anchor: Anchor) -> Finding:
    names = java_keystore.aliases(store.keystore, anchor.der, store.keytool, store.password)
    if not names:
        return Finding(ABSENT, (f"{store.keystore} lacks it",))
    sentences = tuple(f"{store.keystore} holds it as {name}" for name in names)
    barred = closed_to_others(store.keystore, store.root)
    if barred:
        return Finding(STALE, (*sentences, f"{barred} is closed to other users"))
    return Finding(TRUSTED, sentences)


def foresee(store: DebianKeystore, anchor: Anchor, operation: str) -> Finding:
    if operation == "install":
        _require_updates(store)
        return Finding(TRUSTED, (f"{store.keystore} would be fed with it by the system's refresh",))
    return Finding(ABSENT, (f"{store.keystore} would lack it",))


def install(store: DebianKeystore, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
    """The system's refresh, which comes first, has not fed it: have the package make all of it again."""
    _require_updates(store)
    if before.state == STALE:
        raise HostError(f"{before.evidence[-1]}: open it, and run again.")
    for command in (
        ["dpkg-trigger", "--no-await", "update-ca-certificates-java-fresh"],
        ["dpkg", "--triggers-only", "--pending"],
    ):
        outcome = run(command, _LIMIT)
        if outcome.status:
            raise HostError(f"{' '.join(command)} failed: {outcome.last_line.rstrip('.')}.")


def remove(store: DebianKeystore, anchors: Sequence[Anchor]) -> None:
    java_keystore.delete(store.keystore, [anchor.pem for anchor in anchors], store.keytool, store.password)


def _require_updates(store: DebianKeystore) -> None:
    if store.settings.get("cacerts_updates", "yes") != "yes":
        raise UserNeeded(
            f"cacerts_updates in {store.path(SETTINGS)} keeps {store.keystore} from updates: set it to yes, or add the "
            "root certificate by hand."
        )
    if not os.access(store.path(HOOK), os.X_OK):
        raise UserNeeded(f"{store.path(HOOK)} is missing, which feeds {store.keystore}: add the certificate by hand.")
