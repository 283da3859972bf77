# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Debian host with a Java keystore of the real keytool's, dpkg's part played by a script."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._trust.java import debian as debian_java
from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import Finder, Kind
from ansible_collections.anchorage.pki.tests.unit.keystores import QUICK, give_quick_keytool
from ansible_collections.anchorage.pki.tests.unit.roots import make_root
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ANCHOR, ScratchHost, anchor_of

PASSWORD = "not the usual one"


class ScratchDebianJava(ScratchHost):
    """A host whose keystore holds another root, with a password of the administrator's."""

    table = (Kind("system", (Finder(debian_java.find, debian_java.sought),)),)

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
        self.add("debian:other.pem", make_root("Other root"))
        (root / "ours.pem").write_text(ANCHOR.pem)
        self.set_program(hook, "exit 0")
        self.set_program(root / "bin/dpkg-trigger", 'test "$*" = "--no-await update-ca-certificates-java-fresh"')
        add = " ".join(f"'{word}'" for word in self.keytool("-importcert", "-noprompt", "-alias", "debian:ours.pem"))
        self.set_program(root / "bin/dpkg", f"{add} -file {root}/ours.pem")

    def keytool(self, *arguments: str) -> list[str]:
        store = ["-storetype", "JKS", "-keystore", str(self.keystore), "-storepass", PASSWORD]
        return [str(shutil.which("keytool")), *QUICK, *arguments, *store]

    def add(self, alias: str, certificate: object) -> None:
        pem = anchor_of(certificate).pem.encode()  # type: ignore[arg-type]
        command = self.keytool("-importcert", "-noprompt", "-alias", alias)
        subprocess.run(command, input=pem, check=True, capture_output=True)

    def aliases(self) -> list[str]:
        """What keytool itself lists."""
        listing = subprocess.run(self.keytool("-list"), check=True, capture_output=True, text=True).stdout
        return sorted(line.split(",")[0] for line in listing.splitlines() if "trustedCertEntry" in line)

    def set_program(self, path: Path, command: str) -> None:
        path.write_text(f"#!/bin/sh\n{command}\n")
        path.chmod(0o755)
