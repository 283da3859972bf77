# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Mac with trust settings alone, by the double of Apple's libraries, for the engine of trust."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import Finder, Kind
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.macos import FRAMEWORK, MacStore
from ansible_collections.anchorage.pki.tests.macos_double.double import ALWAYS, DoubledMac
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_root
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ScratchHost

PAUSES = (0.01, 0.02, 0.04)  # seconds
THEIRS = der_of(make_root("An administrator's root"))


class ScratchTrustSettings(ScratchHost):
    """A Mac of a version, with what decides about a write there, which may be changed later.

    It is asked by root, unless ``root`` is "off". Another root is trusted there by the administrator and by the user.
    Unless it ``is_quick``, a new Python is started for each request, as on a Mac.
    """

    notes = ("mac",)

    def __init__(
        self,
        folder: Path,
        version: str = "15.1.0",
        reading: float = 60.0,
        patience: float = 120.0,
        pauses: tuple[float, ...] = PAUSES,
        is_quick: bool = True,
        **host: str,
    ) -> None:
        super().__init__(folder)
        (folder / FRAMEWORK.lstrip("/")).mkdir(parents=True)
        (folder / "mac").mkdir()
        self.double = DoubledMac(folder / "mac")
        self.double.host(version=version, **host)
        self.double.trust("admin", THEIRS, *ALWAYS)
        self.double.trust("user", THEIRS, *ALWAYS, keychain="login")
        numbers = tuple(int(part) for part in version.split("."))
        uid = 501 if host.get("root") == "off" else 0
        self.home = folder / "Users/me"
        (self.home / "Library/Application Support").mkdir(parents=True)
        mac = self.double.quick_mac(*numbers) if is_quick else self.double.mac(*numbers)
        home = str(self.home)

        def find(settings: Settings) -> list[MacStore]:
            return [MacStore(mac, settings, uid, home, reading, patience, pauses)]

        self.table = [Kind("system", (Finder(find, lambda: ["nothing"], [FRAMEWORK]),))]

    def content(self) -> tuple[Any, Any]:
        """All items and trust settings, in no order."""
        return sorted(self.double.items), sorted(self.double.entries)

    def picture(self) -> dict[str, tuple[str, bytes]]:
        """Of the double's folder, what it stands for."""
        files = {path: each for path, each in super().picture().items() if "/mac/" not in path}
        return {**files, "trust": ("", repr(self.content()).encode())}

    def called(self, function: str) -> int:
        """How often a function was called so far."""
        return sum(call.split()[0] == function for call in self.double.calls)
