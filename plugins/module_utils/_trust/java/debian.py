# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keystore that Debian's ca-certificates-java makes of the system's anchors.

A refresh of the system's store feeds it, by a hook and a trigger of dpkg, unless the hook failed or the administrator
opted out; a removed anchor stays in it forever. Sources: /etc/default/cacerts, and the package's hook and triggers.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import ExitStack

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import run
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError, UserNeeded
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import closed_to_others, read_regular
from ansible_collections.anchorage.pki.plugins.module_utils._trust.java import keystore as java_keystore
from ansible_collections.anchorage.pki.plugins.module_utils._trust.java.homes import DEBIAN_KEYSTORE, DEBIAN_MARK
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import (
    ABSENT,
    INSTALL,
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
    """The keystore of a host."""

    host: Settings

    kind = "system"
    name = "debian-java"
    readers = "Java of the distribution's packages"

    @property
    def keystore(self) -> str:
        return self.host.path(DEBIAN_KEYSTORE)

    @property
    def settings(self) -> dict[str, str]:
        """What the administrator set, a file of shell assignments."""
        found = _SETTING.findall(read_regular(self.host.path(SETTINGS)) or b"")
        return {name.decode(): value.decode(errors="replace") for name, _quote, value in found}

    @property
    def password(self) -> str:
        return self.settings.get("storepass", "")

    @property
    def keytool(self) -> str:
        return self.host.command("keytool") or next(iter(self.host.matches("/usr/lib/jvm/*/bin/keytool")), "")

    @property
    def obstacle(self) -> str:
        if self.keytool:
            return ""
        return f"There is no keytool to change {self.keystore} with: install the package default-jre-headless."

    def inspect(self, anchor: Anchor) -> Finding:
        names = java_keystore.aliases(self.keystore, anchor.der, self.keytool, self.password)
        if not names:
            return Finding(ABSENT, (f"{self.keystore} lacks it",))
        sentences = tuple(f"{self.keystore} holds it as {name}" for name in names)
        barred = closed_to_others(self.keystore, self.host.root)
        if barred:
            return Finding(STALE, (*sentences, f"{barred} is closed to other users"))
        return Finding(TRUSTED, sentences)

    def preview(self, anchor: Anchor, operation: str) -> Finding:
        if operation == INSTALL:
            self._require_updates()
            return Finding(TRUSTED, (f"{self.keystore} would be fed with it by the system's refresh",))
        return Finding(ABSENT, (f"{self.keystore} would lack it",))

    def install(self, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
        """The system's refresh, which comes first, has not fed it: have the package make all of it again."""
        self._require_updates()
        if before.state == STALE:
            raise HostError(f"{before.evidence[-1]}: make it readable (chmod o+rX), and run again.")
        for command in (
            ["dpkg-trigger", "--no-await", "update-ca-certificates-java-fresh"],
            ["dpkg", "--triggers-only", "--pending"],
        ):
            outcome = run(command, _LIMIT, search_path=self.host.search_path)
            if outcome.status:
                raise HostError(f"{' '.join(command)} failed: {outcome.last_line.rstrip('.')}.")

    def remove(self, anchors: Sequence[Anchor]) -> None:
        java_keystore.delete(self.keystore, [anchor.pem for anchor in anchors], self.keytool, self.password)

    def _require_updates(self) -> None:
        """Raise UserNeeded where the administrator or a missing hook keeps the keystore from being fed."""
        if self.settings.get("cacerts_updates", "yes") != "yes":
            raise UserNeeded(
                f"cacerts_updates in {self.host.path(SETTINGS)} keeps {self.keystore} from being updated: set it to "
                "yes, or add the root certificate by hand."
            )
        if not os.access(self.host.path(HOOK), os.X_OK):
            raise UserNeeded(
                f"{self.host.path(HOOK)}, which feeds {self.keystore}, is missing: add the certificate by hand."
            )


def find(settings: Settings) -> list[DebianKeystore]:
    store = DebianKeystore(settings)
    present = os.path.exists(settings.path(DEBIAN_MARK)) and os.path.exists(store.keystore)
    return [store] if present else []


def sought() -> list[str]:
    """Nothing of its own: it goes with the system's store."""
    return []
