# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists, responses and staples of both epochs while one root gives way to another, and once it has."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import Action
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.issuers import list_issuers
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import response_path
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.transaction import RotationTransaction
from ansible_collections.anchorage.pki.tests.unit.rotations import rotated
from cryptography import x509
from cryptography.x509 import ocsp

DAY = timedelta(days=1)
MADE = [state for state in State if state is not State.PLANNED]


def reached(authority: Authority, state: State, now: datetime) -> Authority:
    """The authority with a rotation in that state, whose needless keys are gone."""
    rotating = rotated(authority, state, now)
    with open_ledger(rotating.ledger_path) as ledger:
        RotationTransaction(rotating.folder, ledger, (), now).clean_up([])
    return rotating


def names(authority: Authority, at: datetime) -> set[str]:
    """Who signs lists."""
    with open_ledger(authority.ledger_path) as ledger:
        issuers = list_issuers(authority, ledger.last_leaf_ends(), at)
    return {f"{issuer.signer.folder.parent.name} {issuer.signer.number}" for issuer in issuers}


@pytest.mark.parametrize("state", MADE)
def test_whoever_has_a_leaf_of_the_old_root_finds_lists_and_responses(fleet: Any, state: State) -> None:
    authority = reached(fleet.authority, state, fleet.now)
    fleet.run()
    result = fleet.run(after=4 * DAY, reason="key_compromise", name="app", host="web1")
    assert (result["crl"], result["ocsp"]) == ("signed", "signed")
    old, new = authority.epochs
    crl = fleet.crl(old.issuers[0].certificate)
    assert {entry.serial_number for entry in crl} == {fleet.leaves["web1"].serial_number}
    assert crl.last_update_utc > fleet.now + 3 * DAY
    for host, status in (("web1", ocsp.OCSPCertStatus.REVOKED), ("web2", ocsp.OCSPCertStatus.GOOD)):
        path = fleet.public / response_path(fleet.leaves[host], old.issuers[0].certificate, "sha256")
        response = ocsp.load_der_ocsp_response(path.read_bytes())
        assert response.certificate_status is status
        assert response.this_update_utc > fleet.now + 3 * DAY
    lists = {path.name for path in (Path(fleet.public) / "crl").iterdir()}
    expected = [] if state is State.DONE else [old.root]
    expected += [] if state is State.ABORTED else [new.root, new.issuers[0]]
    assert lists == {f"{identifier(key.certificate)}.crl" for key in (*expected, old.issuers[0])}


def identifier(certificate: x509.Certificate) -> str:
    return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest.hex()


@pytest.mark.parametrize("state", MADE)
def test_a_leaf_of_the_old_root_keeps_being_stapled(
    own_authority: Authority, renew, now: datetime, state: State
) -> None:
    assert renew().decision.action is Action.LEAF
    authority = reached(own_authority, state, now)
    for day in (4, 8, 12):
        plan = renew(at=now + day * DAY, authority=authority, issues=False)
        assert plan.decision.action is Action.STAPLE
        assert plan.record.issuer_sha256 == own_authority.issuing.sha256


@pytest.mark.parametrize(
    ("state", "lists"),
    [
        (State.MADE, {"root 1", "issuing 1", "root 2", "issuing 2"}),
        (State.DISTRIBUTING, {"root 1", "issuing 1", "root 2", "issuing 2"}),
        (State.SWITCHING, {"root 1", "root 2", "issuing 2"}),
        (State.DRAINING, {"root 1", "root 2", "issuing 2"}),
        (State.PURGING, {"root 1", "root 2", "issuing 2"}),
        (State.DONE, {"root 2", "issuing 2"}),
        (State.ABORTED, {"root 1", "issuing 1"}),
    ],
)
def test_once_its_leaves_have_ended_an_issuer_that_signs_none_has_no_list(
    fleet: Any, state: State, lists: set[str]
) -> None:
    authority = reached(fleet.authority, state, fleet.now)
    assert names(authority, fleet.now + 89 * DAY) == lists | {"issuing 1"}
    assert names(authority, fleet.now + 91 * DAY) == lists
