# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two hosts with leaves, while the root of their authority gives way to another one."""

from __future__ import annotations

from datetime import datetime, timezone

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proofs import Proof
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.tests.playbooks.fleets import Fleet, tree
from ansible_collections.anchorage.pki.tests.playbooks.handshakes import accepting
from ansible_collections.anchorage.pki.tests.playbooks.plays import Run
from ansible_collections.anchorage.pki.tests.unit.rotations import rotated

HOSTS = ("host1", "host2")


class RotatingFleet(Fleet):
    """A fleet whose authority's root gives way to another one."""

    def rotate(self, step: str | None, *options: str, **variables: object) -> Run:
        named = {} if step is None else {"anchorage_rotate_step": step}
        return self.run("rotate_authority", *options, **named, **variables)

    def read(self) -> Authority:
        return read_authority(self.authority)

    @property
    def state(self) -> str:
        with open_ledger(self.authority / "ledger.sqlite3", read_only=True) as ledger:
            return next((rotation.state.value for rotation in reversed(ledger.rotations.all())), "none")

    def have(self, state: State) -> None:
        """Have a rotation in that state."""
        rotated(self.read(), state, datetime.now(timezone.utc))

    def prove(self, states: dict[int, str], *hosts: str) -> None:
        """Have the ledger know what these hosts showed of the roots with these numbers."""
        now, roots = datetime.now(timezone.utc), {root.number: root.sha256 for root in self.read().roots}
        proofs = [Proof(roots[number], "nss", "test", state, "0" * 64) for number, state in states.items()]
        with open_ledger(self.authority / "ledger.sqlite3") as ledger, ledger.transaction():
            for host in hosts:
                ledger.proofs.enter(host, ledger.proofs.difference(host, proofs, ("nss",), now), now)

    def is_below(self, host: str) -> int:
        """The number of the epoch whose leaf the host has."""
        issuer = self.leaf(host).issuer
        epochs = self.read().epochs
        return next(one.number for one in epochs if issuer in [each.certificate.subject for each in one.issuers])

    def accepting(self, host: str) -> list[str]:
        """Which clients accept the leaf that the host has: those of the old root, of the new one, or of both."""
        old, new = (self.authority / "root" / number / "certificate.pem" for number in ("1", "2"))
        return accepting(self.folder / host / "site", "site.test", {"old": [old], "new": [new], "both": [old, new]})

    def kept(self) -> dict[str, bytes]:
        """All files of the authority and of the hosts, but for those that come and go with a connection."""
        folders = [self.authority, *(self.folder / host for host in HOSTS if (self.folder / host).exists())]
        files = {f"{folder.name}/{path}": content for folder in folders for path, content in tree(folder).items()}
        return {path: content for path, content in files.items() if "sqlite3-" not in path}
