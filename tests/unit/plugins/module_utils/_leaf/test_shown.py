# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificates that a host shows to a controller which does not know them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import Shown, ShownLeaf
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.shown import show_leaves
from ansible_collections.anchorage.pki.tests.unit.leaves import deploy_leaf, destination_at, make_leaf, tree


def test_it_is_that_of_the_generation_in_use(private_folder: Path) -> None:
    destination, first, second = destination_at(private_folder / "tls"), make_leaf(), make_leaf()
    deploy_leaf(destination, first)
    deploy_leaf(destination, second, expected=1)
    before = tree(private_folder)
    assert show_leaves(destination, ["app", "other"]) == Shown(
        False, (ShownLeaf("app", second.certificate), ShownLeaf("other", ""))
    )
    assert tree(private_folder) == before


def test_where_nothing_is_deployed_nothing_is_shown(private_folder: Path) -> None:
    assert show_leaves(destination_at(private_folder / "tls"), ["app"]).certificates == (ShownLeaf("app", ""),)


def test_no_file_outside_of_the_destination_is_shown(private_folder: Path) -> None:
    destination = destination_at(private_folder / "tls")
    with pytest.raises(HostError):
        show_leaves(destination, ["../app"])
    deploy_leaf(destination, make_leaf())
    certificate = private_folder / "tls/app/v1/cert.pem"
    certificate.unlink()
    certificate.symlink_to("/etc/hostname")
    try:
        shown = show_leaves(destination, ["app"]).certificates[0].certificate
    except HostError:
        shown = ""
    assert Path("/etc/hostname").read_text() not in (shown, f"{shown}\n")
