# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts shaped like RHEL, SUSE, Arch and Alpine in scratch folders, refreshed by the laboratory's stand-ins.

Their engines are the real ones: p11-kit's ``trust`` and ``openssl rehash``. p11-kit takes its folders from a
configuration that it reads for every user but root, so what it writes there belongs to nobody.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust.jks import read_jks
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor
from ansible_collections.anchorage.pki.tests.unit.made_once import make_once
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ScratchHost

LAB = Path(__file__).resolve().parents[1] / "lab"


class Platform(NamedTuple):
    """What marks a platform, its stand-in, and its folders: of sources, of anchors, packaged, and what is made."""

    mark: str
    command: str
    stand_in: str
    sources: str
    anchors: str
    packaged: str
    made: tuple[str, ...]
    links: dict[str, str] = {}  # of legacy paths to what is made


_TLS = "/etc/pki/tls"
_EXTRACTED = "/etc/pki/ca-trust/extracted"
_REDHAT = Platform(
    mark="/etc/redhat-release",
    command="/usr/bin/update-ca-trust",
    stand_in="redhat/update-ca-trust-9",
    sources="/etc/pki/ca-trust/source",
    anchors="/etc/pki/ca-trust/source/anchors",
    packaged="/usr/share/pki/ca-trust-source",
    made=(f"{_EXTRACTED}/pem", f"{_EXTRACTED}/openssl", f"{_EXTRACTED}/java"),
    links={
        f"{_TLS}/cert.pem": f"{_EXTRACTED}/pem/tls-ca-bundle.pem",
        f"{_TLS}/certs/ca-bundle.crt": f"{_EXTRACTED}/pem/tls-ca-bundle.pem",
    },
)
PLATFORMS = {
    "redhat-9": _REDHAT,
    "redhat-10": _REDHAT._replace(
        stand_in="redhat/update-ca-trust-10", links={"/etc/ssl/cert.pem": f"{_EXTRACTED}/pem/tls-ca-bundle.pem"}
    ),
    "suse": Platform(
        mark="/etc/zypp/zypp.conf",
        command="/usr/sbin/update-ca-certificates",
        stand_in="suse/update-ca-certificates",
        sources="/etc/pki/trust",
        anchors="/etc/pki/trust/anchors",
        packaged="/usr/share/pki/trust",
        made=("/var/lib/ca-certificates",),
        links={"/etc/ssl/ca-bundle.pem": "/var/lib/ca-certificates/ca-bundle.pem"},
    ),
    "arch": Platform(
        mark="/etc/arch-release",
        command="/usr/bin/update-ca-trust",
        stand_in="arch/update-ca-trust",
        sources="/etc/ca-certificates/trust-source",
        anchors="/etc/ca-certificates/trust-source/anchors",
        packaged="/usr/share/ca-certificates/trust-source",
        made=("/etc/ca-certificates/extracted", "/etc/ssl/certs/java"),
    ),
    "alpine": Platform(
        mark="/etc/alpine-release",
        command="/usr/sbin/update-ca-certificates",
        stand_in="alpine/update-ca-certificates",
        sources="",
        anchors="/usr/local/share/ca-certificates",
        packaged="/usr/share/ca-certificates",
        made=("/etc/ssl/certs",),
        links={"/etc/ssl/cert.pem": "/etc/ssl/certs/ca-certificates.crt"},
    ),
}
P11_KIT = tuple(name for name in PLATFORMS if name != "alpine")

# The commands by which the stand-ins change something. Each call is noted first; at the one that a test chooses, the
# refresh and the process that waits for it are killed.
_STEPS = ("trust", "ln", "mv", "rm", "find", "run-parts")
_STEP = """#!/bin/sh
echo {name} >> {root}/steps
if [ -e {root}/kill_at ]; then
    read -r last < {root}/kill_at
    while read -r _; do last=$((last - 1)); done < {root}/steps
    if [ "$last" = 0 ]; then
        read -r victim < {root}/victim
        kill -9 "$victim" "$PPID"
        exit 1
    fi
fi
unset P11_KIT_NO_USER_CONFIG
XDG_CONFIG_HOME={root}/configuration exec {command} "$@"
"""
_AS_NOBODY = "setpriv --reuid=nobody --regid={group} --clear-groups {command}"
_MODULE = """module: p11-kit-trust.so
trust-policy: yes
x-trust-lookup: pkcs11:library-description=PKCS%2311%20Kit%20Trust%20Module
x-init-reserved: paths='{sources}:{packaged}'
"""


class ScratchPlatform(ScratchHost):
    """The folders that matter, with an anchor of the distribution's own in place."""

    notes = ("steps", "victim")

    def __init__(self, root: Path, name: str) -> None:
        super().__init__(root)
        self.name, self.platform = name, PLATFORMS[name]
        self.anchors = self.path(self.platform.anchors)
        self.program = self.path(self.platform.command)
        make_once(name, root, self._make)

    def _make(self) -> None:
        root = self.root
        made = [self.path(folder) for folder in self.platform.made]
        folders = [self.anchors, self.path(self.platform.packaged), *made]
        for folder in (*folders, root / "var/lib", root / "bin"):
            folder.mkdir(parents=True, exist_ok=True)
        self.put(self.platform.mark, b"")
        self.put(f"{self.platform.packaged}/public.crt", pem_of(make_root("Public root")))
        for legacy, target in self.platform.links.items():
            self.path(legacy).parent.mkdir(parents=True, exist_ok=True)
            self.path(legacy).symlink_to(self.path(target))
        if self.platform.sources:
            self._prepare_p11_kit(made)
        else:
            self._prepare_alpine()
        self._write_stand_in()
        self.refresh()

    def path(self, absolute: str) -> Path:
        return self.root / absolute.lstrip("/")

    def _prepare_p11_kit(self, made: list[Path]) -> None:
        nobody = pwd.getpwnam("nobody")
        for folder in made:
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        self.put("/configuration/pkcs11/pkcs11.conf", b"user-config: only\n")
        text = _MODULE.format(sources=self.path(self.platform.sources), packaged=self.path(self.platform.packaged))
        self.put("/configuration/pkcs11/modules/scratch.module", text.encode())
        command = _AS_NOBODY.format(group=nobody.pw_gid, command=shutil.which("trust"))
        self._write_steps({"trust": command})

    def _prepare_alpine(self) -> None:
        self.put("/etc/ca-certificates.conf", b"public.crt\n")
        hook = f"#!/bin/sh\nexec openssl rehash {self.path('/etc/ssl/certs')}\n"
        self.put("/etc/ca-certificates/update.d/certhash", hook.encode(), mode=0o755)
        self._write_steps({})

    def _write_steps(self, commands: dict[str, str]) -> None:
        for name in _STEPS:
            text = _STEP.format(name=name, root=self.root, command=commands.get(name) or shutil.which(name))
            self.put(f"/bin/{name}", text.encode(), mode=0o755)

    def _write_stand_in(self) -> None:
        """The laboratory's script, with all its paths below ``root``."""
        heading, text = (LAB / self.platform.stand_in).read_text().split("\n", 1)
        text = re.sub(r"(?<![\w.$])/(?=(etc|usr|var)/)", f"{self.root}/", text)
        self.set_program(f"{heading}\nPATH={self.root}/bin:$PATH\n{text}")

    def set_program(self, script: str) -> None:
        self.put(self.platform.command, script.encode(), mode=0o755)

    def refresh(self) -> None:
        """What an administrator does, or a package's trigger."""
        subprocess.run([self.program], check=True, capture_output=True)
        self.forget_steps()

    def spent(self) -> list[str]:
        """The steps of the refreshes since they were forgotten."""
        log = self.root / "steps"
        return log.read_text().splitlines() if log.exists() else []

    def forget_steps(self) -> None:
        (self.root / "steps").unlink(missing_ok=True)

    def is_killed(self, step: int, work: Callable[[], Any]) -> bool:
        """Do the work in a process of its own, which is killed with its refresh before that step of it; False where
        the refresh has fewer of them."""
        self.forget_steps()
        (self.root / "kill_at").write_text(f"{step}\n")
        child = os.fork()
        if child == 0:
            try:
                (self.root / "victim").write_text(f"{os.getpid()}\n")
                work()
            finally:
                os._exit(0)
        killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        (self.root / "kill_at").unlink()
        return killed

    def own_file(self, anchor: Anchor) -> Path:
        suffix = ".crt" if self.name == "alpine" else ".pem"
        return self.anchors / f"{anchor.name}{suffix}"

    def trusted(self) -> dict[str, bytes]:
        """Every file that programs read, by each of its names. Of Java's, which tell the time too, the certificates."""
        keystores = {path for path in self.picture() if path.endswith("cacerts")}
        files = {path: Path(path).read_bytes() for path in self.picture() if Path(path).is_file()}
        certificates = {path: b"".join((read_jks(files[path]) or {}).values()) for path in keystores & files.keys()}
        return {**files, **certificates}


@contextmanager
def scratch_platform(name: str) -> Iterator[ScratchPlatform]:
    """The host, in a folder that all may pass through, as pytest's own is not. Skips where its engine is missing."""
    if name in P11_KIT and (os.geteuid() != 0 or shutil.which("trust") is None):
        pytest.skip("needs p11-kit, and root to be nobody for it")
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    folder = Path(tempfile.mkdtemp(prefix="anchorage-test-"))
    folder.chmod(0o755)
    try:
        yield ScratchPlatform(folder, name)
    finally:
        shutil.rmtree(folder)
