# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Debian host with a Java keystore of the real keytool's, dpkg's part played by a script."""

from __future__ import annotations

import shlex
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._trust.java import debian as debian_java
from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import Finder, Kind
from ansible_collections.anchorage.pki.tests.unit.keystores import (
    aliases_in,
    give_quick_keytool,
    import_into,
    keytool_command,
    make_keystore,
)
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ANCHOR, ScratchHost

PASSWORD = "not the usual one"
OTHER_ROOT = pem_of(make_root("Other root")).decode()


class ScratchDebianJava(ScratchHost):
    """A host whose keystore holds another root, with a password of the administrator's."""

    table = (Kind("system", (Finder(debian_java.find, debian_java.sought),), ""),)

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.keystore = root / "etc/ssl/certs/java/cacerts"
        self.defaults = root / "etc/default/cacerts"
        hook = root / "etc/ca-certificates/update.d/jks-keystore"
        for path in (self.keystore, self.defaults, hook, root / "bin/dpkg"):
            path.parent.mkdir(parents=True, exist_ok=True)
        give_quick_keytool(self)
        (root / "etc/debian_version").write_text("13.1\n")
        self.defaults.write_text(f"#storepass=''\nstorepass='{PASSWORD}'  # ours\n")
        make_keystore(self.keystore, "JKS", PASSWORD, **{"debian:other.pem": OTHER_ROOT})
        (root / "ours.pem").write_text(ANCHOR.pem)
        self.set_program(hook, "exit 0")
        self.set_program(root / "bin/dpkg-trigger", 'test "$*" = "--no-await update-ca-certificates-java-fresh"')
        add = ["-importcert", "-noprompt", "-alias", "debian:ours.pem", "-file", f"{root}/ours.pem"]
        self.set_program(root / "bin/dpkg", shlex.join(keytool_command(self.keystore, *add, password=PASSWORD)))

    def add(self, alias: str, pem: str) -> None:
        import_into(self.keystore, alias, pem, password=PASSWORD)

    def aliases(self) -> list[str]:
        """What keytool itself lists."""
        return aliases_in(self.keystore, PASSWORD)

    def set_program(self, path: Path, command: str) -> None:
        path.write_text(f"#!/bin/sh\n{command}\n")
        path.chmod(0o755)
