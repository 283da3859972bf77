# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host in a scratch folder with people on it, whose files are theirs: by numbers that no user database needs to know.

Without root's rights, everybody on it is whoever runs the tests.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.accounts import Account
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ScratchHost

ALICE, BOB = 23456, 23457


class ScratchPeople(ScratchHost):
    """The host. Its people are alice and bob, its homes are below ``root``."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.entries: list[pwd.struct_passwd] = []
        self.alice = self.person("alice", ALICE)
        self.bob = self.person("bob", BOB)

    def person(self, name: str, uid: int, shell: str = "/bin/bash") -> Account:
        """A user with a home of mode 0700."""
        number = uid if os.geteuid() == 0 else os.geteuid()
        home = self.root / "home" / name
        home.mkdir(parents=True, mode=0o700)
        os.chown(home, number, number if os.geteuid() == 0 else -1)
        self.entries.append(pwd.struct_passwd((name, "x", number, number, "", f"/home/{name}", shell)))
        return Account(name, number, number, str(home))


def as_person(person: Account, *command: str | Path, stdin: bytes = b"") -> str:
    """Run a command as that person; its output."""
    # subprocess would fork for another user, which takes long in a process as large as that of the tests.
    become = (
        ("setpriv", f"--reuid={person.uid}", f"--regid={person.gid}", "--clear-groups") if os.geteuid() == 0 else ()
    )
    environment = {"PATH": os.environ["PATH"], "HOME": person.home}
    outcome = subprocess.run((*become, *command), input=stdin, check=False, capture_output=True, env=environment)
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout.decode()


def give(person: Account, *paths: Path) -> None:
    """Make the person the owner of these files and folders, of links themselves."""
    for path in paths:
        os.chown(path, person.uid, person.gid if os.geteuid() == 0 else -1, follow_symlinks=False)


def write_as(person: Account, path: Path, content: bytes) -> Path:
    """A file of that person in a folder of theirs."""
    folders = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    give(person, path, *folders)
    return path


@contextmanager
def scratch_people(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScratchPeople]:
    """The host, in a folder that all may pass through, as pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="anchorage-test-"))
    folder.chmod(0o755)
    try:
        people = ScratchPeople(folder)
        monkeypatch.setattr(pwd, "getpwall", lambda: people.entries)
        yield people
    finally:
        shutil.rmtree(folder)
