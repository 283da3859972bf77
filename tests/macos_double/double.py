# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Mac made of a folder: the double's libraries, and the state, orders and records that they share.

``state.c`` describes the files.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ansible_collections.anchorage.pki.plugins.module_utils._macos.helper import Mac
from ansible_collections.anchorage.pki.tests.macos_double import forks

SOURCES = Path(__file__).parent
BUILD = SOURCES.parents[1] / "build"
FLAGS = ("-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared")
CORE_FOUNDATION, SECURITY, TOOL = "libCoreFoundation.so", "libSecurity.so", "security"
SECURITY_SOURCES = ("state", "security", "writing", "exchange", "items", "certificates", "evaluation")
#: Apple's own CoreFoundation, where Debian has it: in its package libswiftlang, of Debian 13 and later.
APPLE_CORE_FOUNDATION = Path("/usr/libexec/swift/lib/swift/linux/libFoundation.so")

SSL, BASIC, MAIL = "1.2.840.113635.100.1.3", "1.2.840.113635.100.1.2", "1.2.840.113635.100.1.8"
ALWAYS = (f"policy={SSL};name=sslServer;result=1", f"policy={BASIC};name=basicX509;result=1")


class Libraries(NamedTuple):
    """The paths of the two libraries, and of the tool C(security)."""

    core_foundation: str
    security: str
    tool: str


def build(apple: str | None = None) -> Libraries:
    """The double's libraries, built once for what their sources and the system's C library are now.

    With the path of a CoreFoundation of ``apple``, that takes the place of the double's own.
    """
    sources = sorted([*SOURCES.glob("*.c"), *SOURCES.glob("*.h")])
    content = b"".join(path.read_bytes() for path in sources) + repr((apple, platform.libc_ver())).encode()
    folder = BUILD / f"macos_double-{hashlib.sha256(content).hexdigest()[:16]}"
    if not folder.exists():
        BUILD.mkdir(exist_ok=True)
        staged = Path(tempfile.mkdtemp(dir=BUILD))
        _compile(staged, apple)
        try:
            staged.rename(folder)
        except OSError:  # another process was as quick
            shutil.rmtree(staged)
    return Libraries(apple or str(folder / CORE_FOUNDATION), str(folder / SECURITY), str(folder / TOOL))


def _compile(folder: Path, apple: str | None) -> None:
    base = ["cc", *FLAGS, "-o"]
    sources = [SOURCES / f"{name}.c" for name in SECURITY_SOURCES]
    if apple:
        objects = [SOURCES / "apple_objects.c", SOURCES / "rules.c", SOURCES / "living.c"]
        linked = [*objects, apple, f"-Wl,-rpath,{Path(apple).parent}"]
    else:
        objects = [SOURCES / "core_foundation.c", SOURCES / "rules.c", SOURCES / "living.c"]
        subprocess.run([*base, folder / CORE_FOUNDATION, *objects], check=True)
        linked = [f"-L{folder}", f"-l:{CORE_FOUNDATION}", "-Wl,-rpath,$ORIGIN"]
    subprocess.run([*base, folder / SECURITY, *sources, *linked], check=True)
    tool = [SOURCES / f"{name}.c" for name in ("tool", "state", "rules")]
    subprocess.run(["cc", *(flag for flag in FLAGS if flag != "-shared"), "-o", folder / TOOL, *tool], check=True)


class DoubledMac:
    """A Mac in a folder, without any trust settings at first; with a CoreFoundation of ``apple``, if that is named, or
    chosen for all tests by ANCHORAGE_CORE_FOUNDATION=apple."""

    def __init__(self, folder: Path, apple: str | None = None) -> None:
        self.folder = folder
        self._apple = apple or (str(APPLE_CORE_FOUNDATION) if _is_apples() else None)
        folder.mkdir(exist_ok=True)
        (folder / "state").touch()
        _MADE.append(self)

    @functools.cached_property
    def libraries(self) -> Libraries:
        return build(self._apple)

    def mac(self, *version: int) -> Mac:
        """How the collection is told of it, as one with this version of macOS."""
        core_foundation, security, tool = self.libraries
        return Mac(version, core_foundation, security, {"ANCHORAGE_DOUBLE": str(self.folder)}, tool)

    def quick_mac(self, *version: int) -> Mac:
        """The same, with a process that is a fork of a Python which has started: for tests of all but that start."""
        return self.mac(*version)._replace(run=forks.runner())

    def trust(self, domain: str, der: bytes, *settings: str, keychain: str | None = "system") -> None:
        """Put a certificate into a keychain, or None, and give it trust settings: a word for each dictionary."""
        if keychain:
            self._append("state", f"item {keychain} {der.hex()}")
        self._append("state", " ".join(["entry", domain, der.hex(), *settings]))

    def order(self, function: str, domain: str, status: int | str, count: int) -> None:
        """Have the next ``count`` calls of a function for a domain give a status, or "hang"."""
        self._append("faults", f"{function} {domain} {status} {count}")

    def host(self, **values: str) -> None:
        """Set what decides about a write, such as ``version="13.7.4"`` and ``gui="on"``."""
        for name, value in values.items():
            self._append("host", f"{name} {value}")

    def authorizationdb(self, *arguments: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """What the tool makes of a right, and says."""
        command = [self.libraries.tool, "authorizationdb", *arguments]
        environment = {**os.environ, "ANCHORAGE_DOUBLE": str(self.folder)}
        return subprocess.run(command, input=content, env=environment, capture_output=True, check=False)

    @property
    def entries(self) -> list[tuple[str, bytes, str]]:
        """All trust settings: domain, certificate, words."""
        rows = [f"{line}    ".split(" ", 3) for line in self._lines("state") if line.startswith("entry")]
        return [(domain, bytes.fromhex(der), words.strip()) for _entry, domain, der, words in rows]

    @property
    def items(self) -> list[tuple[str, bytes]]:
        """The certificates in keychains: keychain, certificate."""
        rows = [line.split() for line in self._lines("state") if line.startswith("item")]
        return [(keychain, bytes.fromhex(der)) for _item, keychain, der in rows]

    @property
    def calls(self) -> list[str]:
        """The calls so far, each as function and domain."""
        return self._lines("calls")

    @property
    def living(self) -> list[int]:
        """How many objects lived at the end of each process that ended by itself."""
        return [int(line) for line in self._lines("living")]

    def _append(self, name: str, line: str) -> None:
        with open(self.folder / name, "a", encoding="ascii") as file:
            file.write(f"{line}\n")

    def _lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text(encoding="ascii").splitlines() if path.exists() else []


_MADE: list[DoubledMac] = []


def left_over() -> list[str]:
    """The folders of those Macs, of all made since this was last asked, on which objects were not released."""
    made, _MADE[:] = [*_MADE], []
    return [str(mac.folder) for mac in made if any(mac.living)]


def count_of(calls: Iterable[str], function: str) -> int:
    """How many of the calls are of a function."""
    return sum(call.split()[0] == function for call in calls)


def is_real() -> bool:
    """Whether the tests are asked to use Apple's own libraries."""
    return _chosen("ANCHORAGE_SECURITY", "real")


def _is_apples() -> bool:
    """Whether the double of Security is to work on Apple's own CoreFoundation."""
    return _chosen("ANCHORAGE_CORE_FOUNDATION", "apple")


def _chosen(variable: str, other: str) -> bool:
    value = os.environ.get(variable, "double")
    if value not in ("double", other):
        raise ValueError(f"{variable} is {value}: set it to double or {other}.")
    return value == other
