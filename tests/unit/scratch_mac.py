# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Mac as far as Linux can show one: a root folder with Apple's links, no /proc and no systemd, in which the host's
modules run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._host.programs import SEARCH_PATH

#: Linked as Apple does, with content of their own.
LINKED = ("etc", "tmp", "var")
#: What a Mac has not.
ABSENT = ("proc", "run", "sys", "private")
#: What programs read there.
SETTINGS = ("passwd", "group", "nsswitch.conf", "ld.so.cache", "ssl/openssl.cnf", "localtime")

#: Shows this Linux in the scratch root but for that, in a name space of its own, which ends with the module.
ENTER = """
root=$1; shift
for name in $SHOWN; do mount --rbind "/$name" "$root/$name" || exit; done
exec chroot "$root" "$@"
"""
#: Runs a module of the host's as on a Mac. What Ansible has for modules may find out that it is on Linux.
RUN = """
import importlib, subprocess, sys, urllib.request
import ansible.module_utils.basic
from ansible_collections.anchorage.pki.tests.unit import as_on_a_mac

sys.platform = "darwin"
importlib.import_module("ansible_collections.anchorage.pki.plugins.modules." + sys.argv.pop()).main()
"""


PLUGIN = "ansible_collections.anchorage.pki.tests.unit.as_on_a_mac"


def lacks() -> str:
    """What keeps a scratch Mac from being made here, "" for nothing."""
    entered = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return "" if entered.returncode == 0 else "needs root, who may show another root folder to a program"


class ScratchMac:
    """A Mac below ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in LINKED:
            (root / "private" / name).mkdir(parents=True)
            (root / name).symlink_to(f"private/{name}")
        (root / "private/tmp").chmod(0o1777)
        for name in SETTINGS:
            if Path("/etc", name).exists():
                (root / "private/etc" / name).parent.mkdir(exist_ok=True)
                shutil.copy(Path("/etc", name), root / "private/etc" / name)
        self.shown = []
        for entry in Path("/").iterdir():
            if entry.name in (*LINKED, *ABSENT):
                continue
            if entry.is_symlink():
                (root / entry.name).symlink_to(entry.readlink())
            elif entry.is_dir():
                (root / entry.name).mkdir()
                self.shown.append(entry.name)
        # First what holds the scratch root, in which nothing is mounted by then.
        self.shown.sort(key=lambda name: not root.is_relative_to(f"/{name}"))

    def run(self, module: str, arguments: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
        """What a module of the host's answers, without the arguments that Ansible adds."""
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", ENTER, "sh", str(self.root)]
        finished = subprocess.run(
            [*enter, sys.executable, "-c", RUN, module],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
            env={"SHOWN": " ".join(self.shown), "PATH": SEARCH_PATH, "HOME": "/root", **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.stdout.startswith("{") or "\n{" in finished.stdout, finished.stderr
        answer = json.loads(finished.stdout[finished.stdout.index("{") :])
        answer.pop("invocation", None)
        return answer  # type: ignore[no-any-return]
