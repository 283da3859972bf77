# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A FreeBSD host's trust store in a scratch folder, refreshed by a stand-in for certctl(8): see certctl.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ansible_collections.anchorage.pki.tests.unit.certctl import COMPILED
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ScratchHost

_COMPILED = """#!{python} -IS
import sys
sys.path[:0] = ["{folder}"]
import certctl
certctl.certctl("{kind}", "{root}", sys.argv[1:])
"""
_SHELL = """#!/bin/sh
exec "{root}/certctl.py" "$@"
"""


class ScratchFreebsd(ScratchHost):
    """The folders that matter, with one anchor of the base system in place."""

    notes = ("refreshes",)

    def __init__(self, root: Path, kind: str, packaged: bytes) -> None:
        super().__init__(root)
        self.anchors = root / "usr/local/share/certs"
        self.links = root / "etc/ssl/certs"
        self.bundle = root / "etc/ssl/cert.pem"
        self.program = root / "usr/sbin/certctl"
        for folder in ("usr/sbin", "bin", "var/lib", "usr/share/certs/trusted"):
            (root / folder).mkdir(parents=True)
        (root / "usr/share/certs/trusted/public.pem").write_bytes(packaged)
        (root / "bin/freebsd-version").write_text("#!/bin/sh\necho 15.0-RELEASE\n")
        text = _COMPILED.format(python=sys.executable, folder=Path(__file__).parent, kind=kind, root=root)
        self._set_program(root / "certctl.py", text)
        self._set_program(self.program, text if kind == COMPILED else _SHELL.format(root=root))
        self.refresh()

    def _set_program(self, path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)

    def refresh(self) -> None:
        """What an administrator does, or an update of the base system."""
        subprocess.run([self.program, "rehash"], check=True)
        (self.root / "refreshes").unlink()

    def spent(self) -> list[str]:
        """The refreshes of the real store."""
        log = self.root / "refreshes"
        return log.read_text().splitlines() if log.exists() else []
