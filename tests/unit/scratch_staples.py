# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host in a scratch folder whose certificates are renewed as certbot renews them, for tests of their staples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import replace as changed
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import Removal
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.deployment import deploy_staples
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.inspection import inspect_staples
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.messages import (
    REPAIR,
    STAPLE,
    DeployedStaple,
    StapleDelivery,
    StapleDeployment,
    StapleInquiry,
)
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.removal import remove_staples
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdraw import withdraw_staples
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.drift import Withdrawal
from ansible_collections.anchorage.pki.tests.unit.leaves import Leaf
from ansible_collections.anchorage.pki.tests.unit.scratch_systemd import SystemdHost


class Certbot:
    """The folder of an ACME client (certbot(1)): numbered files in ``archive``, links to the newest in ``live``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hooks = folder / "renewal-hooks" / "deploy"
        self.hooks.mkdir(parents=True, exist_ok=True)

    def live(self, name: str = "app") -> Path:
        return self.folder / "live" / name

    def certificate(self, name: str = "app") -> Path:
        return self.live(name) / "fullchain.pem"

    def renew(self, leaf: Leaf, name: str = "app") -> None:
        """Write the files of a renewal, then turn the links over, one after the other; the hooks are not run."""
        archive = self.folder / "archive" / name
        for folder in (archive, self.live(name)):
            folder.mkdir(parents=True, exist_ok=True)
        number = len(list(archive.glob("cert*.pem"))) + 1
        texts = {
            "cert": leaf.certificate,
            "chain": leaf.chain,
            "fullchain": leaf.certificate + leaf.chain,
            "privkey": leaf.private_key,
        }
        for kind, text in texts.items():
            (archive / f"{kind}{number}.pem").write_text(text)
        for kind in texts:
            link = self.live(name) / f"{kind}.pem"
            link.unlink(missing_ok=True)
            link.symlink_to(f"../../archive/{name}/{kind}{number}.pem")


@dataclass
class StapleHost(SystemdHost):
    """A host below ``root``, with staples in ``staples`` for certificates in ``letsencrypt`` or elsewhere."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.certbot = Certbot(self.root / "letsencrypt")
        self.paths = {"app": str(self.certbot.certificate())}

    @property
    def destination(self) -> Destination:
        at = super().destination
        return changed(at, path=f"{self.root}/staples", staples_only=True, private=at.public)

    @property
    def withdrawal(self) -> Withdrawal:
        return changed(super().withdrawal, certificates=self.paths)

    @property
    def folder(self) -> Path:
        return self.root / "staples" / "app"

    def order(self, leaf: Leaf, expected: int = 0, name: str = "app", **changes: Any) -> StapleDelivery:
        """What a controller sends to deploy the staple of a leaf."""
        order = StapleDelivery(name, self.paths[name], STAPLE, expected, leaf.certificate, leaf.staple)
        return changed(order, **changes)

    def repair(self, leaf: Leaf, expected: int = 1) -> StapleDelivery:
        return self.order(leaf, expected, action=REPAIR, staple=b"")

    def staple(self, *orders: StapleDelivery) -> StapleDeployment:
        """What the module does for deliveries."""
        return deploy_staples(orders, self.withdrawal)

    def see(self, name: str = "app") -> DeployedStaple:
        """What the module says of a staple."""
        return inspect_staples([StapleInquiry(name, self.paths[name])], self.withdrawal).certificates[0]

    def remove(self, *names: str, check_mode: bool = False) -> Removal:
        """What the module does to remove staples."""
        return remove_staples(self.destination, names, check_mode, self.layout)

    def renewed(self, now: float) -> int:
        """What the deploy hook does at that time."""
        return withdraw_staples(lambda: now, self.layout, timeout=5)


def served_files(folder: Path) -> tuple[str, bytes]:
    """The text of the pointer file, and the staple that it names, b"" for none."""
    text = (folder / "nginx.conf").read_text()
    path = text.partition('ssl_stapling_file "')[2].partition('"')[0]
    return text, Path(path).read_bytes() if path else b""
