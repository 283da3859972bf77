# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Mac in a scratch folder: what Homebrew and MacPorts keep of their OpenSSL, with the real openssl in its place."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ANCHOR
from ansible_collections.anchorage.pki.tests.unit.scratch_people import ScratchPeople, give

#: The program of an installation, which knows its own folder.
_OPENSSL = """#!/bin/sh
if [ "$1" = rehash ]; then
    echo rehash >> {prefix}/refreshes
    exec {openssl} rehash {certs}
fi
exec {openssl} "$@"
"""


class ScratchInstallation:
    """An installation of OpenSSL below a prefix: its folder OPENSSLDIR, and its program, which a link leads to."""

    def __init__(self, host: ScratchMac, prefix: str, folder: str, program: str, real: str, bundle: str) -> None:
        self.host, self.prefix = host, host.root / prefix
        self.certs = self.prefix / folder / "certs"
        self.program, self.bundle = self.prefix / program, self.prefix / bundle
        (self.prefix / "var").mkdir(parents=True, exist_ok=True)
        self.real = host.put(self.prefix / real, self.script(), 0o755)
        if self.program != self.real:
            self.program.parent.parent.mkdir(parents=True)
            self.program.parent.symlink_to(self.real.parent)
        host.put(self.certs / "theirs.pem", pem_of(make_root("An administrator's root")))
        host.put(self.bundle, pem_of(make_root("Public root")))
        (self.certs.parent / "cert.pem").symlink_to(self.bundle)
        subprocess.run([self.program, "rehash"], check=True)
        (self.prefix / "refreshes").unlink()

    def script(self) -> str:
        return _OPENSSL.format(prefix=self.prefix, openssl=shutil.which("openssl"), certs=self.certs)

    def set_program(self, text: str) -> None:
        self.real.write_text(text)

    def refresh_by(self, commands: str) -> None:
        """Have a refresh do this instead."""
        self.set_program(f'#!/bin/sh\nif [ "$1" = rehash ]; then {commands}; fi\nexec {shutil.which("openssl")} "$@"\n')

    def refreshes(self) -> list[str]:
        log = self.prefix / "refreshes"
        return log.read_text().splitlines() if log.exists() else []

    def trusts(self, anchor: Anchor = ANCHOR) -> bool:
        """The verdict of a program that reads what OpenSSL reads by default: the folder as well as the bundle."""
        paths = ["-CApath", self.certs, "-CAfile", self.certs.parent / "cert.pem"]
        command = [str(shutil.which("openssl")), "verify", "-partial_chain", "-no_check_time", *paths]
        return subprocess.run(command, input=anchor.pem.encode(), capture_output=True, check=False).returncode == 0


class ScratchMac(ScratchPeople):
    """A Mac whose administrator is alice, with the installations that a test makes."""

    kinds = ("system",)
    notes = ("refreshes",)

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.installations: list[ScratchInstallation] = []

    def homebrew(self, prefix: str = "opt/homebrew", package: str = "openssl@3") -> ScratchInstallation:
        """What is alice's, as Homebrew has it."""
        program, real = f"opt/{package}/bin/openssl", f"Cellar/{package}/3.5.0/bin/openssl"
        made = ScratchInstallation(self, prefix, f"etc/{package}", program, real, "etc/ca-certificates/cert.pem")
        give(self.alice, made.prefix, *made.prefix.rglob("*"))
        self.installations.append(made)
        return made

    def macports(self) -> ScratchInstallation:
        """What is root's, as MacPorts has it."""
        program = "libexec/openssl3/bin/openssl"
        bundle = "share/curl/curl-ca-bundle.crt"
        made = ScratchInstallation(self, "opt/local", "libexec/openssl3/etc/openssl", program, program, bundle)
        self.installations.append(made)
        return made

    def upgrade(self, brewed: ScratchInstallation) -> None:
        """What ``brew upgrade`` does: another folder of the program, and a bundle made anew."""
        cellar = brewed.real.parents[2]
        shutil.copytree(brewed.real.parents[1], cellar / "3.6.0")
        shutil.rmtree(brewed.real.parents[1])
        brewed.program.parent.unlink()
        brewed.program.parent.symlink_to(cellar / "3.6.0/bin")
        brewed.bundle.write_bytes(pem_of(make_root("Another public root")))
        give(self.alice, *cellar.rglob("*"), brewed.program.parent)

    def spent(self) -> list[str]:
        """The refreshes of all installations."""
        return [each for made in self.installations for each in made.refreshes()]


@contextmanager
def scratch_mac() -> Iterator[ScratchMac]:
    """The host, in a folder that all may pass through, as pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="anchorage-test-"))
    folder.chmod(0o755)
    try:
        yield ScratchMac(folder)
    finally:
        shutil.rmtree(folder)
