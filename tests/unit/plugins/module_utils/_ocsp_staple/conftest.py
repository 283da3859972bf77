# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts with certificates of another authority."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.tests.unit.leaves import Leaf, make_leaf
from ansible_collections.anchorage.pki.tests.unit.scratch_staples import StapleHost


@pytest.fixture
def leaf() -> Leaf:
    return make_leaf()


@pytest.fixture
def host(private_folder: Path, leaf: Leaf) -> StapleHost:
    """A host whose nginx uses what certbot renews."""
    host = StapleHost(private_folder)
    host.certbot.renew(leaf)
    return host


@pytest.fixture
def haproxy(private_folder: Path, leaf: Leaf) -> StapleHost:
    """A host whose HAProxy has a PEM file of its own."""
    host = StapleHost(private_folder, server="haproxy")
    pem = private_folder / "haproxy" / "app.pem"
    pem.parent.mkdir()
    pem.write_text(leaf.certificate + leaf.chain + leaf.private_key)
    host.paths = {"app": str(pem)}
    return host
