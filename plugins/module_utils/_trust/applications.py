# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applications that bring roots of their own and take others by their environment: Node, Python requests, git, curl.

Drop-in files point them at the system's whole bundle, never at a single root, since some of these variables replace all
other roots. Each file lists the anchors it is there for, in comments, and goes with the last of them. What a user or
administrator has set stays. For the system's services, systemd joins the lists of all its files, and of a variable that
several set, the file that is read last wins: what another file sets is left out of ours, whatever their order.
Sources: profile.d as in sh(1), environment.d(5), systemd-system.conf(5) and the manuals of the four programs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import run
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._trust.certificates import holds
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import closed_to_others, read_regular
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import (
    ABSENT,
    INSTALL,
    STALE,
    TRUSTED,
    Anchor,
    Finding,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.platforms import find_platform
from ansible_collections.anchorage.pki.plugins.module_utils._trust.writing import write_public

VARIABLES = ("CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE")
RELOAD_LIMIT = 60.0
SYSTEMD_FOLDERS = ("/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd")
SERVICE_SETTINGS = ("/etc/systemd/system.conf", *(f"{folder}/system.conf.d/*.conf" for folder in SYSTEMD_FOLDERS))

_HEADING = """\
# Has programs that bring roots of their own read the system's: Node, Python requests, git and curl.
# Written by anchorage.pki, which removes it with the last of these anchors:
"""
_ANCHOR = re.compile(r"^#   ([a-z0-9-]+)$", re.MULTILINE)


@dataclass(frozen=True)
class DropIn:
    """A file of settings: ``mark`` exists where the host reads such files, ``body`` writes the variables for a bundle.
    ``rivals`` are patterns of the files whose settings it would override, where it cannot ask for what is set."""

    path: str
    mark: str
    readers: str
    body: Callable[[str, Sequence[str]], str]
    rivals: tuple[str, ...] = ()


def _profile(bundle: str, names: Sequence[str]) -> str:
    lines = [f'    export {name}="${{{name}:-{bundle}}}"' for name in names]
    return "\n".join([f"if [ -r {bundle} ]; then", *lines, "fi"])


def _user_services(bundle: str, names: Sequence[str]) -> str:
    return "\n".join(f"{name}=${{{name}:-{bundle}}}" for name in names)


def _system_services(bundle: str, names: Sequence[str]) -> str:
    # An empty list would have systemd forget those of the files before.
    setting = "DefaultEnvironment=" + " ".join(f"{name}={bundle}" for name in names)
    return "\n".join(["[Manager]", *([setting] if names else [])])


DROP_INS = (
    DropIn("/etc/profile.d/anchorage.sh", "/etc/profile.d", "login shells", _profile),
    DropIn("/etc/environment.d/anchorage.conf", "/etc/systemd", "users' sessions and services", _user_services),
    DropIn(
        "/etc/systemd/system.conf.d/anchorage.conf",
        "/etc/systemd",
        "the system's services",
        _system_services,
        SERVICE_SETTINGS,
    ),
)


@dataclass(frozen=True)
class Environment:
    """The drop-in files of a host."""

    settings: Settings
    drop_ins: tuple[DropIn, ...]

    kind = "applications"
    name = "applications"
    readers = "Node, Python requests, git, curl"

    @property
    def bundle(self) -> str:
        """The absolute path of what holds all roots of the system for OpenSSL's readers, "" where there is none."""
        platform = find_platform(self.settings)
        bundles = platform.layout.bundles[:1] if platform else ()
        return next((bundle for bundle in bundles if os.path.exists(self.settings.path(bundle))), "")

    @property
    def obstacle(self) -> str:
        return "" if self.bundle else "The system has no bundle of its roots: have its own store make one first."

    def inspect(self, anchor: Anchor) -> Finding:
        anchors = self._anchors()
        if anchor.name not in anchors:
            return Finding(ABSENT, tuple(f"{self._path(each)} does not list it" for each in self.drop_ins))
        faults = [
            *(
                f"{self._path(each)} has unexpected content"
                for each in self.drop_ins
                if self._read(each) != self._text(each, anchors)
            ),
            *(fault for each in self.drop_ins if (fault := self._closed(each.path))),
            *self._faults_of_bundle(anchor),
        ]
        if faults:
            return Finding(STALE, tuple(faults))
        evidence = [
            *(f"{self._path(each)} points {each.readers} at {self.bundle}" for each in self.drop_ins),
            *(
                f"{self._path(each)} leaves {name} as {path} sets it"
                for each in self.drop_ins
                for name, path in self._set_by_rivals(each).items()
            ),
        ]
        return Finding(TRUSTED, tuple(evidence))

    def preview(self, anchor: Anchor, operation: str) -> Finding:
        paths = [self._path(each) for each in self.drop_ins]
        if operation == INSTALL:
            return Finding(TRUSTED, tuple(f"{path} would point at {self.bundle}" for path in paths))
        others = [name for name in self._anchors() if name != anchor.name]
        become = f"would stay, for {', '.join(others)}" if others else "would be removed"
        return Finding(ABSENT, tuple(f"{path} {become}" for path in paths))

    def install(self, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
        faults = self._faults_of_bundle(anchor)
        if faults:
            raise HostError(f"{faults[0]}: have the system's own store trust it first, by the kind of stores system.")
        anchors = [*self._anchors(), anchor.name]
        undo.callback(self._reload)
        for drop_in in self.drop_ins:
            write_public(Path(self._path(drop_in)), self._text(drop_in, anchors).encode(), undo)
        self._reload()

    def remove(self, anchors: Sequence[Anchor]) -> None:
        removed = {anchor.name for anchor in anchors}
        left = [name for name in self._anchors() if name not in removed]
        for drop_in in self.drop_ins:
            path = Path(self._path(drop_in))
            if left:
                write_public(path, self._text(drop_in, left).encode(), ExitStack())
            else:
                path.unlink(missing_ok=True)
        self._reload()

    def _path(self, drop_in: DropIn) -> str:
        return self.settings.path(drop_in.path)

    def _read(self, drop_in: DropIn) -> str:
        return (read_regular(self._path(drop_in)) or b"").decode(errors="replace")

    def _anchors(self) -> list[str]:
        """The names of those that any of the files lists."""
        return sorted({name for drop_in in self.drop_ins for name in _ANCHOR.findall(self._read(drop_in))})

    def _text(self, drop_in: DropIn, anchors: Sequence[str]) -> str:
        listed = "".join(f"#   {name}\n" for name in sorted(set(anchors)))
        taken = self._set_by_rivals(drop_in)
        names = [name for name in VARIABLES if name not in taken]
        return f"{_HEADING}{listed}{drop_in.body(self.bundle, names)}\n"

    def _set_by_rivals(self, drop_in: DropIn) -> dict[str, str]:
        """The variables that are not for this file to set, each with a file that does."""
        paths = [path for pattern in drop_in.rivals for path in self.settings.matches(pattern)]
        others = [path for path in paths if path != self._path(drop_in)]
        return {name: path for path in others for name in VARIABLES if _sets(path, name)}

    def _faults_of_bundle(self, anchor: Anchor) -> list[str]:
        path = self.settings.path(self.bundle)
        if not holds(read_regular(path) or b"", anchor.der):
            return [f"{path} lacks it"]
        closed = self._closed(self.bundle)
        return [closed] if closed else []

    def _closed(self, absolute: str) -> str:
        """The sentence that says why not all users can read a file; "" where they can, or where it is missing."""
        path = self.settings.path(absolute)
        barred = closed_to_others(path, self.settings.root) if os.path.exists(path) else ""
        return f"{path} cannot be read by all: {barred} is closed to other users" if barred else ""

    def _reload(self) -> None:
        """Have a running systemd read its settings anew, for the services that it starts from now on."""
        if not os.path.isdir(self.settings.path("/run/systemd/system")):
            return
        outcome = run(["systemctl", "daemon-reload"], RELOAD_LIMIT)
        if outcome.status:
            raise HostError(f"systemctl daemon-reload failed: {outcome.last_line.rstrip('.')}.")


def find(settings: Settings) -> list[Environment]:
    drop_ins = tuple(each for each in DROP_INS if os.path.exists(settings.path(each.mark)))
    return [Environment(settings, drop_ins)] if drop_ins else []


def _sets(path: str, variable: str) -> bool:
    """Whether a file of systemd sets the variable, in a line that is no comment."""
    text = (read_regular(path) or b"").decode(errors="replace")
    return re.search(rf"^(?![ \t]*[#;]).*\b{variable}=", text, re.MULTILINE) is not None


def sought() -> list[str]:
    """What a host has that reads such settings."""
    return [f"{drop_in.mark} ({drop_in.readers})" for drop_in in DROP_INS]
