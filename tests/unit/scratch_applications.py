# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with applications that take other roots by their environment."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.anchorage.pki.tests.unit.roots import pem_of
from ansible_collections.anchorage.pki.tests.unit.scratch_host import OTHER_ROOT, ROOT, ScratchHost


class ScratchApplications(ScratchHost):
    """A host with a shell, systemd (which does not run) and a bundle that holds both anchors."""

    kinds = ("applications",)

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        for folder in ("etc/systemd/system.conf.d", "etc/profile.d", "etc/environment.d", "etc/ssl/certs"):
            (root / folder).mkdir(parents=True)
        (root / "etc/debian_version").touch()
        self.bundle = root / "etc/ssl/certs/ca-certificates.crt"
        self.bundle.write_bytes(pem_of(ROOT) + pem_of(OTHER_ROOT))
        self.profile = root / "etc/profile.d/anchorage.sh"
        self.user = root / "etc/environment.d/anchorage.conf"
        self.system = root / "etc/systemd/system.conf.d/anchorage.conf"
