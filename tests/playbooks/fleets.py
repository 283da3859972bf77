# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two hosts with leaves, and the folders in which something is published about these."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.tests.playbooks.plays import Controller, Run
from cryptography import x509
from cryptography.x509 import ocsp

NAMED = {"anchorage_revoke_name": "site", "anchorage_revoke_host": "host1", "anchorage_revoke_reason": "key_compromise"}


class Fleet:
    """Two hosts that have a leaf each, and a controller, with all that is made in a folder of their own."""

    def __init__(self, folder: Path, controller: Callable[[Path], Controller] = Controller) -> None:
        self.folder = folder
        self.authority = folder / "authority"
        self.controller = controller(folder)
        self.variables: dict[str, object] = {
            "ansible_become": False,
            "anchorage_authority": str(self.authority),
            "leaf_certificate_certificates": [{"name": "site", "names": ["site.test"]}],
            "leaf_certificate_destination": f"{folder}/{{{{ inventory_hostname }}}}",
            "leaf_certificate_withdrawal": "off",  # no unit of systemd may stay on this machine
        }

    def run(self, playbook: str, *options: str, hosts: int = 2, **variables: object) -> Run:
        extra = json.dumps({**self.variables, **variables})
        return self.controller.run(f"anchorage.pki.{playbook}", f"--extra-vars={extra}", *options, hosts=hosts)

    def revoke(self, *options: str, **variables: object) -> Run:
        return self.run("revoke", *options, **variables)

    def leaf(self, host: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate((self.folder / host / "site" / "current" / "cert.pem").read_bytes())

    def serial(self, host: str) -> str:
        return f"{self.leaf(host).serial_number:x}"

    def is_stapled(self, host: str) -> bool:
        return (self.folder / host / "site" / "current" / "staple.der").exists()

    @property
    def leaves(self) -> dict[str, int]:
        """How many leaves the ledger has, by their status."""
        with open_ledger(self.authority / "ledger.sqlite3", read_only=True) as ledger:
            return dict(ledger.leaf_counts())


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def statuses(files: dict[str, bytes]) -> list[ocsp.OCSPCertStatus]:
    return [
        ocsp.load_der_ocsp_response(content).certificate_status
        for path, content in sorted(files.items())
        if path.startswith("ocsp/")
    ]
