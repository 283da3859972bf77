# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs over copies of this machine's trust store, mounted in its place for the run alone (a mount namespace)."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import IO

from ansible_collections.anchorage.pki.tests.playbooks.plays import Controller
from ansible_collections.anchorage.pki.tests.unit.scratch_debian import PROGRAM

STORE = ("/etc/ssl", "/usr/local/share/ca-certificates", "/etc/ca-certificates")
#: Holds the folder in which a refresh that is under way is marked, which a look at the real store must not find.
STATE = "/var/lib"
MARKS = "anchorage"


def can_copy_stores() -> bool:
    """Whether this machine's store can be replaced for a run: as root on Debian, where mounting is permitted."""
    if os.geteuid() != 0 or not os.path.exists(PROGRAM) or not shutil.which("unshare"):
        return False
    command = ["unshare", "--mount", "mount", "--bind", "/etc/ssl", "/etc/ssl"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


class MountingController(Controller):
    """A controller whose runs have copies of the store."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.mounts = [(STATE, self._original_state())]
        for number, original in enumerate(original for original in STORE if os.path.isdir(original)):
            copy = Path(shutil.copytree(original, folder / f"store{number}", symlinks=True))
            self.mounts.append((str(copy), original))
        self.mounts.append((str(self._state()), STATE))

    def _original_state(self) -> str:
        """Where the machine's own folder of states is in a run."""
        path = self.folder / "original-state"
        path.mkdir()
        return str(path)

    def _state(self) -> Path:
        """One that leads to all of that but for the marks."""
        path = self.folder / "state"
        (path / MARKS).mkdir(parents=True)
        for name in set(os.listdir(STATE)) - {MARKS}:
            (path / name).symlink_to(self.folder / "original-state" / name)
        return path

    def execute(
        self, arguments: list[str | Path], environment: dict[str, str], output: IO[str], errors: IO[str]
    ) -> int:
        own = {name: value for name, value in environment.items() if name != "SSL_CERT_FILE"}
        return super().execute(arguments, own, output, errors)
