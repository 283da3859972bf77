# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An operator who names another domain in the inventory, and has the root rotated for it, in real runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.constraints import DEFAULT_DOMAINS
from ansible_collections.anchorage.pki.tests.playbooks.fleets import Fleet

HOSTS = ("host1", "host2")
WIDE = {"certificate_authority_permitted_domains": [*DEFAULT_DOMAINS, "example.com"]}
WIDE_LEAF = {"leaf_certificate_certificates": [{"name": "site", "names": ["site.test", "www.example.com"]}]}


@pytest.fixture
def fleet(folder_with_leaves: Path) -> Fleet:
    """Hosts that have a leaf, and no store to be looked at."""
    made = Fleet(folder_with_leaves)
    made.variables |= {"trust_anchor_stores": []}
    return made


def wait_for_nobody(fleet: Fleet) -> None:
    """Have the rotation not wait for hosts to show that they trust the new root, which these cannot."""
    with open_ledger(fleet.authority / "ledger.sqlite3") as ledger, ledger.transaction():
        rotation = ledger.rotations.current()
        assert rotation is not None
        for host in HOSTS:
            ledger.rotations.add_exception(rotation, host, "has no store", "test")


def test_another_domain_comes_with_another_root(fleet: Fleet) -> None:
    refused = fleet.run("authority", **WIDE)
    assert refused.status == 2, refused.output
    assert "have the playbook anchorage.pki.rotate_authority bring another root" in refused.text

    begun = fleet.run("rotate_authority", anchorage_rotate_step="begin", **WIDE)
    assert begun.status == 0, begun.output
    assert "Brings: permitted_domains: localhost, local, test, internal, home.arpa, example.com" in begun.text
    went_on = fleet.run("rotate_authority", anchorage_rotate_step="continue", **WIDE)
    assert (went_on.status, "State: distributing" in went_on.text) == (0, True), went_on.output
    # What runs each night, and before that is told to wait.
    nightly = fleet.run("authority", **WIDE)
    assert (nightly.status, nightly.output.count("changed=0 ")) == (0, 1), nightly.output
    early = fleet.run("issue", **WIDE, **WIDE_LEAF)
    assert early.status == 2, early.output
    assert "only the new root of the rotation that is on its way permits www.example.com" in early.text

    wait_for_nobody(fleet)
    went_on = fleet.run("rotate_authority", anchorage_rotate_step="continue", **WIDE, **WIDE_LEAF)
    assert (went_on.status, "State: draining" in went_on.text) == (0, True), went_on.output
    for host in HOSTS:
        assert "www.example.com" in str(fleet.leaf(host).extensions)
        chain = (fleet.folder / host / "site" / "current" / "chain.pem").read_text()
        assert chain.count("BEGIN CERTIFICATE") == 1  # the old root's word for the new one is of no use to it
    for playbook in ("authority", "issue"):
        again = fleet.run(playbook, **WIDE, **WIDE_LEAF)
        assert again.status == 0, again.output
        assert again.output.count("changed=0 ") == again.output.count(" changed=")
