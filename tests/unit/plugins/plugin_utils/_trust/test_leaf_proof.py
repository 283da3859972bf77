# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of which leaf a host is given, to prove that it trusts servers of an authority."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.leaf_proof import LeafProof, leaf_proof
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    Profile,
    Signer,
    sign_leaf,
    validity_from,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, generate_key
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import parse_names
from ansible_collections.anchorage.pki.tests.unit.rotations import move, rotated
from cryptography import x509

MakeLeaf = Callable[..., x509.Certificate]


def enter(authority: Authority, leaf: x509.Certificate, host: str = "mac") -> str:
    """Have the ledger say that the authority signed the leaf for a host."""
    with open_ledger(authority.ledger_path) as ledger, ledger.transaction():
        place = LeafPlace(host, "/etc/pki/anchorage", fingerprint(leaf)[:8])
        ledger.record_leaf(leaf, authority.issuing.sha256, place, [], "controller")
    return fingerprint(leaf)


def revoke(authority: Authority, sha256: str, now: datetime) -> None:
    with open_ledger(authority.ledger_path) as ledger, ledger.transaction():
        ledger.revocations.enter(sha256, "superseded", True, now)


def test_a_leaf_of_the_host_itself_comes_with_its_issuer(
    own_authority: Authority, make_leaf: MakeLeaf, now: datetime
) -> None:
    own = make_leaf("*.wide.app.test", "10.0.0.1", "app.test")
    enter(own_authority, own)
    enter(own_authority, make_leaf("other.test"), "other")
    issuer = to_pem(own_authority.issuing.certificate)
    assert leaf_proof(own_authority, "mac", now) == LeafProof("app.test", (to_pem(own), issuer))


def test_without_one_it_is_the_last_of_another_host(
    own_authority: Authority, make_leaf: MakeLeaf, now: datetime
) -> None:
    assert leaf_proof(own_authority, "mac", now) == LeafProof()
    for name in ("first.test", "last.test"):
        enter(own_authority, make_leaf(name), "other")
    assert leaf_proof(own_authority, "mac", now).name == "last.test"


@pytest.mark.parametrize(
    ("names", "leaf"),
    [
        (["10.0.0.1"], {}),
        (["*.wide.app.test"], {}),
        (["app.test"], {"profile": Profile.CLIENT}),
    ],
)
def test_a_leaf_that_no_server_of_a_name_has_is_none(
    own_authority: Authority, make_leaf: MakeLeaf, now: datetime, names: list[str], leaf: dict[str, Any]
) -> None:
    enter(own_authority, make_leaf(*names, **leaf))
    assert leaf_proof(own_authority, "mac", now) == LeafProof()
    enter(own_authority, make_leaf("peer.test", profile=Profile.PEER))
    assert leaf_proof(own_authority, "mac", now).name == "peer.test"


def test_a_key_that_macos_does_not_take_proves_nothing(
    own_authority: Authority, issuing: Signer, now: datetime
) -> None:
    key = generate_key(KeyType.ED25519).public_key()
    enter(own_authority, sign_leaf(key, issuing, parse_names(["app.test"]), Profile.SERVER, validity_from(now, 90)))
    assert leaf_proof(own_authority, "mac", now) == LeafProof()


def test_a_leaf_is_only_good_while_it_is_valid(own_authority: Authority, make_leaf: MakeLeaf, now: datetime) -> None:
    enter(own_authority, make_leaf(days=1))
    for days, name in ((-1, ""), (0, "app.test"), (2, "")):
        assert leaf_proof(own_authority, "mac", now + timedelta(days=days)).name == name


def test_a_leaf_that_is_revoked_proves_nothing(own_authority: Authority, make_leaf: MakeLeaf, now: datetime) -> None:
    revoke(own_authority, enter(own_authority, make_leaf()), now)
    assert leaf_proof(own_authority, "mac", now) == LeafProof()


def test_nor_does_one_whose_issuer_is(own_authority: Authority, make_leaf: MakeLeaf, now: datetime) -> None:
    enter(own_authority, make_leaf())
    revoke(own_authority, own_authority.issuing.sha256, now)
    assert leaf_proof(own_authority, "mac", now) == LeafProof()


def test_a_leaf_of_a_former_root_proves_nothing_of_the_active_one(
    own_authority: Authority, make_leaf: MakeLeaf, now: datetime
) -> None:
    enter(own_authority, make_leaf())
    distributing = rotated(own_authority, State.DISTRIBUTING, now)
    assert leaf_proof(distributing, "mac", now).name == "app.test"
    assert leaf_proof(move(distributing, State.SWITCHING, now), "mac", now) == LeafProof()


def test_to_trust_an_anchor_needs_no_ledger(own_authority: Authority, make_leaf: MakeLeaf, now: datetime) -> None:
    enter(own_authority, make_leaf())
    own_authority.ledger_path.write_bytes(b"damaged")
    assert leaf_proof(own_authority, "mac", now) == LeafProof()
