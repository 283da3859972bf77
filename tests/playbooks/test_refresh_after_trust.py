# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that has its own controller trust a root and goes on with it, over a copy of this machine's trust store.

The copy is mounted in the place of the real store for the run alone (a mount namespace): nothing outside changes.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest
from ansible_collections.anchorage.pki.tests.playbooks.ansible_playbook import PROGRAM as PLAYBOOK_PROGRAM
from ansible_collections.anchorage.pki.tests.playbooks.plays import Controller
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of
from ansible_collections.anchorage.pki.tests.unit.scratch_debian import PROGRAM

#: The folder in which a refresh that is under way is marked, which a look at the real store must not find meanwhile.
MARKS = Path("/var/lib/anchorage")
STORE = ("/etc/ssl", "/usr/local/share/ca-certificates", "/etc/ca-certificates", str(MARKS))


def can_mount() -> bool:
    command = ["unshare", "--mount", "mount", "--bind", "/etc/ssl", "/etc/ssl"]
    return bool(shutil.which("unshare")) and subprocess.run(command, capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists(PROGRAM) or not can_mount(),
    reason="needs root, mount namespaces and Debian's package ca-certificates",
)


class MountingController(Controller):
    """A controller whose runs have mounts of their own."""

    mounts: str

    def execute(
        self, arguments: list[str | Path], environment: dict[str, str], output: IO[str], errors: IO[str]
    ) -> int:
        script = f'{self.mounts} && unset SSL_CERT_FILE && exec "$@"'
        command = ["unshare", "--mount", "sh", "-c", script, "sh", PLAYBOOK_PROGRAM, *arguments]
        streams = {"stdout": output, "stderr": errors}
        return subprocess.run(command, env=environment, cwd=self.folder, **streams, timeout=120, check=False).returncode


@pytest.fixture
def marks() -> Iterator[None]:
    """See that there is a folder of marks, which another one can be mounted on."""
    MARKS.mkdir(exist_ok=True)
    yield
    with suppress(OSError):  # something else is in it
        MARKS.rmdir()


@pytest.fixture
def controller(tmp_path: Path, marks: None) -> Controller:
    controller = MountingController(tmp_path)
    (tmp_path / "root.pem").write_bytes(pem_of(make_root("Corporate root")))
    mounts = []
    for number, folder in enumerate(folder for folder in STORE if os.path.isdir(folder)):
        copy = tmp_path / f"store{number}"
        shutil.copytree(folder, copy, symlinks=True)
        mounts.append(f"mount --bind {shlex.quote(str(copy))} {folder}")
    controller.mounts = " && ".join(mounts)
    return controller


def test_a_refresh_after_trust_anchor_sees_the_new_root(controller: Controller) -> None:
    count = "query('anchorage.pki.native_roots', select=select) | length"
    run = controller.play(
        f"""
    - debug: msg="first {{{{ {count} }}}}"
    - anchorage.pki.trust_anchor: src={controller.folder}/root.pem
      register: trusted
    - debug: msg="still {{{{ {count} }}}}"
    - set_fact: refreshed="{{{{ query('anchorage.pki.native_roots', refresh=true, view='pem') }}}}"
      when: trusted is changed
    - debug: msg="then {{{{ {count} }}}}"
""",
        header="  vars: {select: \"[?subject=='CN=Corporate root']\"}\n",
    )
    assert run.status == 0, run.output + run.errors
    assert re.findall(r'"msg": "(.*)"', run.output) == ["first 0", "still 0", "then 1"]
