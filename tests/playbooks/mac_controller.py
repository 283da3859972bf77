# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Mac as controller and as host at once, in a scratch root: whole playbooks, run by a user of it.

What the collection finds there is where macOS has it: Apple's links, the version of macOS in its file, Security and
CoreFoundation as frameworks (the double's, with its state), /sbin/mount, launchctl (a double, too) and sudo. Its Python
is this one, without what Linux alone has, and says ``darwin``. The rest of Linux is shown, and cannot be written to.
"""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import ansible
from ansible_collections.anchorage.pki.tests.conftest import ROOT
from ansible_collections.anchorage.pki.tests.macos_double.double import DoubledMac
from ansible_collections.anchorage.pki.tests.playbooks.launchctl import Launchd
from ansible_collections.anchorage.pki.tests.playbooks.plays import Run
from ansible_collections.anchorage.pki.tests.playbooks.startup.kept_by_runs import KEPT
from ansible_collections.anchorage.pki.tests.unit import scratch_mac

UID, GID, HOME = 501, 20, "/Users/alice"
PROGRAMS = "Library/Programs"
#: The folders of this Python and of the checkout, and where they are on the Mac: there, all may read them.
SHOWN = {"Library/Python/base": sys.base_prefix, "Library/Python/packages": sys.prefix, "Users/Shared/pki": str(ROOT)}
PYTHON = f"Library/Python/mac/bin/python{sys.version_info[0]}.{sys.version_info[1]}"
STARTS = "/Users/Shared/pki/tests/playbooks/startup"
SYSTEM_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"

ENTER = """
root=$1 identity=$2; shift 2
for name in $SHOWN; do
    mount --rbind "/$name" "$root/$name" && { [ "$name" = dev ] || mount -o remount,bind,ro "$root/$name"; } || exit
done
while [ "$1" != -- ]; do mount --bind "$1" "$root/$2" && mount -o remount,bind,ro "$root/$2" && shift 2 || exit; done
shift
exec chroot "$root" setpriv $identity "$@"
"""
#: What this Python runs first. Debian's lacks what ctypes.util would import on a Mac.
STARTUP = """
import ctypes.util, os, sys
exec(compile(open("/Users/Shared/pki/tests/unit/as_on_a_mac.py").read(), "as_on_a_mac.py", "exec"))
linux = os.uname()
os.uname = lambda: os.uname_result(("Darwin", linux.nodename, "24.1.0", "Darwin Kernel Version 24.1.0", linux.machine))
sys.platform = "darwin"
"""
#: Names the folder of the double's state wherever Security is loaded, whose process has no environment of a test.
NAMES_STATE = """
#include <stdlib.h>
__attribute__((constructor)) static void name(void) { setenv("ANCHORAGE_DOUBLE", "/var/double", 1); }
"""
MOUNTED = """\
/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse, protect)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
//alice@files/share on /Volumes/share (smbfs, nodev, nosuid, mounted by alice)
"""
SUDO = """
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int count, char **words) {
    for (words++; *words && **words == '-'; words++)
        if (!strcmp(*words, "-u"))
            words++;
    return setgid(0) || setuid(0) || setenv("HOME", "/var/root", 1) || execvp(*words, words);
}
"""


class MacController(scratch_mac.ScratchMac):
    """A Mac with alice at its screen, who confirms what macOS asks her."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        root.chmod(0o755)
        self.home = root / HOME.lstrip("/")
        self.launchd = Launchd(root / "private/var/launchd")
        self.double = DoubledMac(root / "private/var/double")
        self._people()
        self._frameworks("15.1.0")
        self._programs()
        self._python()
        self.double.host(version="15.1.0", gui="on", root="off")
        (self.launchd.folder / "sessions").write_text(f"{UID}\n")

    def _people(self) -> None:
        etc = self.root / "private/etc"
        others = [line for line in (etc / "passwd").read_text().splitlines() if not line.startswith("root:")]
        accounts = ["root:*:0:0::/var/root:/bin/sh", f"alice:*:{UID}:{GID}::{HOME}:/bin/sh", *others]
        (etc / "passwd").write_text("".join(f"{line}\n" for line in accounts))
        (self.root / "private/var/root").mkdir(mode=0o700)
        (self.root / "private/var/run").mkdir()
        for path in (self.home, *(self.home / "Library" / name for name in ("", "Caches", "Logs"))):
            path.mkdir(parents=True, mode=0o700)
            os.chown(path, UID, GID)

    def _frameworks(self, version: str) -> None:
        library = self.put("System/Library/CoreServices/SystemVersion.plist", "")
        library.write_bytes(plistlib.dumps({"ProductVersion": version}))
        core_foundation, security = map(Path, self.double.libraries[:2])
        placed = self.put("System/Library/Frameworks/CoreFoundation.framework/CoreFoundation", "")
        shutil.copy(core_foundation, placed)
        folder = self.root / "System/Library/Frameworks/Security.framework"
        folder.mkdir()
        # One library for both: Security looks for it beside itself.
        (folder / core_foundation.name).symlink_to("../CoreFoundation.framework/CoreFoundation")
        shutil.copy(security, folder)
        linked = ["-Wl,--no-as-needed,-rpath,$ORIGIN", f"-L{folder}", f"-l:{security.name}"]
        command = ["cc", "-shared", "-fPIC", "-o", folder / "Security", "-x", "c", "-", *linked]
        subprocess.run(command, input=NAMES_STATE.encode(), check=True)
        for name in ("state", "host", "faults", "calls", "living"):
            (self.double.folder / name).touch()
            (self.double.folder / name).chmod(0o666)
        self.double.folder.chmod(0o777)

    def _python(self) -> None:
        for shown in SHOWN:
            (self.root / shown).mkdir(parents=True)
        python = self.root / PYTHON
        python.parent.mkdir(parents=True)
        python.symlink_to(f"/Library/Python/base/bin/{python.name}")
        packages = python.parents[1] / os.path.relpath(sysconfig.get_paths()["purelib"], sys.prefix)
        others = os.path.relpath(Path(ansible.__file__).parents[1], sys.prefix)
        self.put("Library/Python/mac/pyvenv.cfg", "home = /Library/Python/base/bin\n")
        self.put(packages / "mac.pth", f"/Library/Python/packages/{others}\nimport mac_startup\n")
        self.put(packages / "mac_startup.py", STARTUP)
        # A module of macOS' Python, by which urllib asks for the system's proxies: it has none.
        self.put(packages / "_scproxy.py", "_get_proxies = _get_proxy_settings = dict\n")
        shutil.copytree("/etc/ld.so.conf.d", self.root / "private/etc/ld.so.conf.d")
        self.put("private/etc/ld.so.conf", "/Library/Python/base/lib\ninclude /etc/ld.so.conf.d/*.conf\n")
        assert self.enter(["ldconfig"], root=True).returncode == 0

    def _programs(self) -> None:
        self.put(f"{PROGRAMS}/uname", '#!/bin/sh\n[ "$1" = -n ] && echo mac || echo Darwin\n', 0o755)
        source = "/Users/Shared/pki/tests/playbooks/launchctl.py"
        self.put(f"{PROGRAMS}/launchctl", f'#!/bin/sh\nexec /{PYTHON} {source} /var/launchd "$@"\n', 0o755)
        for folder in (self.launchd.folder, self.root / "private/var/kept"):
            folder.mkdir()
            folder.chmod(0o777)
        (self.root / "sbin").unlink()
        self.put("sbin/mount", f"#!/bin/sh\ncat <<'END'\n{MOUNTED}END\n", 0o755)
        sudo = self.root / PROGRAMS / "sudo"
        subprocess.run(["cc", "-x", "c", "-o", sudo, "-"], input=SUDO.encode(), check=True)
        sudo.chmod(0o4755)

    def put(self, path: str | Path, text: str, mode: int = 0o644) -> Path:
        placed = self.root / path
        placed.parent.mkdir(parents=True, exist_ok=True)
        placed.write_text(text)
        placed.chmod(mode)
        return placed

    def enter(self, command: list[str], root: bool = False, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command as alice, or as root, at home, or in the folder that ``PWD`` names."""
        identity = "--clear-groups" if root else f"--reuid={UID} --regid={GID} --clear-groups"
        shown = {**SHOWN, "usr/bin/uname": str(self.root / PROGRAMS / "uname")}
        binds = [word for place, real in shown.items() for word in (real, place)]
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh", str(self.root)]
        home = "/var/root" if root else HOME
        there = ["env", f"--chdir={environment.get('PWD', home)}", f"HOME={home}", *command]
        return subprocess.run(
            [*enter, identity, *binds, "--", *there],
            env={"SHOWN": " ".join(self.shown), "PATH": SYSTEM_PATH, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, playbook: str, *options: str, root: bool = False, **environment: str) -> Run:  # type: ignore[override]
        """Run a playbook, as alice unless that is root."""
        command = [f"/{PYTHON}", "/Library/Python/packages/bin/ansible-playbook", playbook, *options]
        variables = {
            "PATH": f"/{PROGRAMS}:{SYSTEM_PATH}",
            "ANSIBLE_COLLECTIONS_PATH": "/Users/Shared/pki/build/collections",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_CONFIG": f"{STARTS}/ansible.cfg",
            "PYTHONPATH": STARTS,
            KEPT: "/var/kept",
            **environment,
        }
        ended = self.enter(command, root, **variables)
        return Run(ended.returncode, ended.stdout, ended.stderr, None)

    def start_agent(self, label: str) -> subprocess.CompletedProcess[str]:
        """Do what launchd does when an agent's time has come."""
        agent: dict[str, Any] = self.launchd.loaded[label]
        environment = {"USER": "alice", **agent["EnvironmentVariables"], "PWD": "/"}
        return self.enter(agent["ProgramArguments"], **environment)

    def files(self) -> dict[str, str]:
        """The files in alice's home, with their modes, without what Ansible keeps for itself and Macs have anyhow."""
        found = (path for path in self.home.rglob("*") if path.is_file() and not path.is_symlink())
        named = {str(path.relative_to(self.home)): oct(path.stat().st_mode & 0o777) for path in found}
        return {name: mode for name, mode in named.items() if not name.startswith((".ansible/", "Library/Caches/"))}


def lacks() -> str:
    """What keeps it from being made here, "" for nothing."""
    missing = [name for name in ("cc", "setpriv", "chroot") if not shutil.which(name)]
    return scratch_mac.lacks() or (f"not installed: {', '.join(missing)}" if missing else "")
