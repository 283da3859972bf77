# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Debian host's trust store in a scratch folder, refreshed by the real update-ca-certificates."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor
from ansible_collections.anchorage.pki.tests.unit.made_once import make_once
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ScratchHost

PROGRAM = "/usr/sbin/update-ca-certificates"
_WRAPPER = """#!/bin/sh
echo "refresh $*" >> {root}/refreshes
exec {program} --certsconf {root}/etc/ca-certificates.conf --certsdir {root}/usr/share/ca-certificates \\
    --localcertsdir {root}/usr/local/share/ca-certificates --etccertsdir {root}/etc/ssl/certs \\
    --hooksdir {root}/hooks "$@"
"""


def _is_trial(command: str) -> bool:
    return "--localcertsdir" in command


class ScratchDebian(ScratchHost):
    """The folders that matter, with two anchors of the distribution's own in place."""

    notes = ("refreshes",)
    packaged = make_root("Public root 1")

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.anchors = root / "usr/local/share/ca-certificates"
        self.links = root / "etc/ssl/certs"
        self.bundle = self.links / "ca-certificates.crt"
        self.program = root / "usr/sbin/update-ca-certificates"
        make_once("Debian", root, self._make)

    def _make(self) -> None:
        root = self.root
        for folder in (self.anchors, self.links, self.program.parent, root / "var/lib"):
            folder.mkdir(parents=True)
        for folder in (root / "usr/share/ca-certificates", root / "hooks"):
            folder.mkdir(parents=True)
        (root / "usr/share/ca-certificates/public-1.crt").write_bytes(pem_of(self.packaged))
        (root / "usr/share/ca-certificates/public-2.crt").write_bytes(pem_of(make_root("Public root 2")))
        (root / "etc/ca-certificates.conf").write_text("public-1.crt\npublic-2.crt\n")
        (root / "etc/debian_version").write_text("13.1\n")
        self.set_program(_WRAPPER.format(root=root, program=PROGRAM))
        self.refresh()

    def set_program(self, script: str) -> None:
        self.program.write_text(script)
        self.program.chmod(0o755)

    def refresh(self) -> None:
        """What an administrator does, or a package's trigger: the plain command."""
        subprocess.run([self.program], check=True, capture_output=True)
        (self.root / "refreshes").unlink()

    def spent(self) -> list[str]:
        """The refresh commands."""
        return [command for command in self._commands() if not _is_trial(command)]

    def tried(self) -> list[str]:
        """Those that were tried in a folder elsewhere."""
        return [command for command in self._commands() if _is_trial(command)]

    def _commands(self) -> list[str]:
        log = self.root / "refreshes"
        return log.read_text().splitlines() if log.exists() else []

    def own_file(self, anchor: Anchor) -> Path:
        return self.anchors / f"{anchor.name}.crt"
