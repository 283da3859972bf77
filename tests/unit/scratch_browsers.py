# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with browsers that take policies."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.anchorage.pki.tests.unit.scratch_host import ScratchHost


class ScratchBrowsers(ScratchHost):
    """The folders of a host with the browsers that a test installs."""

    kinds = ("policies",)

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        for folder in ("var/lib", "etc"):
            (root / folder).mkdir(parents=True)
        self.firefox = root / "etc/firefox/policies/policies.json"
        self.chromium = root / "etc/chromium/policies/managed/00-anchorage.json"

    def install_firefox(self, folder: str = "usr/lib/firefox") -> Path:
        """Return the policies.json of the installation's own, which is still to be made."""
        self.put(f"{folder}/application.ini", "[App]\n")
        return self.root / folder / "distribution/policies.json"

    def install_chromium(self) -> None:
        (self.root / "usr/lib/chromium").mkdir(parents=True)
