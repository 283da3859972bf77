# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger held against what a host has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import (
    ActivationOutcome,
    DeployedLeaf,
    Inspection,
)
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import encode
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.results import verification_result
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.verification import verify_host
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer
from ansible_collections.anchorage.pki.tests.unit.function_host import Host
from cryptography import x509

DESTINATION = "/etc/pki/anchorage"
PLACE = LeafPlace("web1", DESTINATION, "app")


class WatchedHost(Host):
    """A host that also tells of leaves that it was not asked about."""

    def _inspect(self, arguments: dict[str, Any]) -> dict[str, Any]:
        asked = [entry["name"] for entry in arguments["inspect"]]
        leaves = tuple(self.leaves.get(name, DeployedLeaf(name)) for name in asked)
        others = tuple(sorted(set(self.leaves) - set(asked)))
        return encode(Inspection(ActivationOutcome(), leaves, others))

    def has(self, leaf: x509.Certificate, name: str = "app") -> None:
        self.leaves[name] = DeployedLeaf(name, 1, fingerprint(leaf))
        self.certificates[name] = to_pem(leaf)


@pytest.fixture
def host() -> WatchedHost:
    return WatchedHost()


@pytest.fixture
def record(own_authority: Authority, make_leaf, now: datetime) -> Callable[..., x509.Certificate]:
    """A function that signs a leaf for a place of the host, which confirms it where ``deploy`` says so."""

    def run(place: LeafPlace = PLACE, deploy: bool = True) -> x509.Certificate:
        leaf = make_leaf()
        with open_ledger(own_authority.ledger_path) as ledger, ledger.transaction():
            ledger.record_leaf(leaf, own_authority.issuing.sha256, place, ["app.test"], "controller")
            if deploy:
                ledger.mark_deployed(place, fingerprint(leaf), "", now)
        return leaf

    return run


@pytest.fixture
def verify(own_authority: Authority, host: WatchedHost) -> Callable[[], dict[str, Any]]:
    def run() -> dict[str, Any]:
        with open_ledger(own_authority.ledger_path, read_only=True) as ledger:
            return verification_result(
                "web1", verify_host("web1", DESTINATION, lambda _folder: host, own_authority, ledger)
            )

    return run


def kinds(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["path"], one["difference"]) for one in result["differences"]]


def test_nothing_differs_where_the_host_has_what_the_ledger_says(host: WatchedHost, record, verify) -> None:
    host.has(record())
    assert verify() == {
        "changed": False,
        "places": 1,
        "differences": [],
        "lines": ["web1: 1 place in the ledger, 0 differences"],
    }
    assert host.calls == ["inspect"]


def test_a_leaf_that_is_not_there_is_told(host: WatchedHost, record, verify) -> None:
    leaf = record()
    (difference,) = verify()["differences"]
    assert (difference["difference"], difference["recorded"]) == ("nothing there", f"{leaf.serial_number:x}")
    assert difference["found"] is None


def test_one_that_never_arrived_is_told_so(record, verify) -> None:
    record(deploy=False)
    assert "nobody saw it arrive" in verify()["lines"][1]


def test_another_leaf_is_told_with_both_serial_numbers(host: WatchedHost, record, verify) -> None:
    old, new = record(), record()
    host.has(old)
    (difference,) = verify()["differences"]
    assert difference["difference"] == "another leaf"
    assert (difference["recorded"], difference["found"]) == (f"{new.serial_number:x}", f"{old.serial_number:x}")
    assert "superseded" in difference["detail"]


def test_an_unknown_leaf_of_the_authority_is_told_at_a_place_and_beside(
    host: WatchedHost, record, verify, make_leaf
) -> None:
    record()
    host.has(make_leaf())
    host.has(make_leaf(), "more")
    assert kinds(verify()) == [(f"{DESTINATION}/app", "unknown leaf"), (f"{DESTINATION}/more", "unknown leaf")]


def test_a_leaf_of_another_authority_differs_only_where_ours_should_be(
    host: WatchedHost, record, verify, make_leaf, make_authority, tmp_path
) -> None:
    other = make_authority(tmp_path / "other")
    foreign = make_leaf(signer=Signer(other.issuing.certificate, other.issuing.key(None, "passphrase")))
    record()
    host.has(foreign)
    host.has(foreign, "more")
    host.has(foreign, "damaged")
    host.certificates["damaged"] = "nothing"
    assert kinds(verify()) == [(f"{DESTINATION}/app", "foreign certificate")]


def test_damage_is_told_as_text(host: WatchedHost, record, verify) -> None:
    leaf = record()
    host.leaves["app"] = replace(DeployedLeaf("app", 1), damage="cert.pem is missing")
    (difference,) = verify()["differences"]
    assert (difference["difference"], difference["recorded"]) == ("damaged", f"{leaf.serial_number:x}")


def test_each_folder_that_the_ledger_knows_is_looked_into(host: WatchedHost, record, verify) -> None:
    record(replace(PLACE, destination="/srv/tls"))
    assert kinds(verify()) == [("/srv/tls/app", "nothing there")]
    assert host.calls == ["inspect", "inspect"]
