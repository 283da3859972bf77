# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Authorities whose root gives way to another, in each state of that."""

from __future__ import annotations

from datetime import datetime

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proofs import Proof
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import Passphrases, PublishRoot
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.succession import make_successor


def begin(authority: Authority, now: datetime, reason: str = "test") -> None:
    """Plan a rotation of the authority's root."""
    with open_ledger(authority.ledger_path) as ledger, ledger.transaction():
        ledger.rotations.begin(authority.root.sha256, reason, now)


def make(authority: Authority, now: datetime, publish_root: PublishRoot | None = None) -> Authority:
    """Make the successor that the last rotation plans."""
    authority = read_authority(authority.folder)
    with open_ledger(authority.ledger_path) as ledger:
        return make_successor(authority, ledger.rotations.all()[-1], Passphrases(), ledger, now, publish_root)


def move(authority: Authority, state: State, now: datetime) -> Authority:
    """Have the last rotation in a state."""
    with open_ledger(authority.ledger_path) as ledger, ledger.transaction():
        ledger.rotations.move(ledger.rotations.all()[-1], state, now)
    return read_authority(authority.folder)


def follow(authority: Authority, now: datetime, host: str = "web1") -> None:
    """Have the ledger know that a host trusts the authority's last root, and no other one of it."""
    *former, last = read_authority(authority.folder).roots
    proofs = [Proof(root.sha256, "system", "debian", "absent", "0" * 64) for root in former]
    proofs.append(Proof(last.sha256, "system", "debian", "trusted", "0" * 64))
    with open_ledger(authority.ledger_path) as ledger, ledger.transaction():
        ledger.proofs.enter(host, ledger.proofs.difference(host, proofs, ("system",), now), now)


def rotated(authority: Authority, state: State, now: datetime, reason: str = "test") -> Authority:
    """The authority with a rotation in that state."""
    begin(authority, now, reason)
    if state is State.PLANNED:
        return read_authority(authority.folder)
    made = make(authority, now)
    return made if state is State.MADE else move(made, state, now)
