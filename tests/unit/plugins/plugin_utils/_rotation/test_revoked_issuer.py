# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The issuing certificate below the new root is revoked while the old one gives way: no leaf is left without a chain
that anybody would believe."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    Passphrases,
    carry_out,
    plan_provisioning,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import COMPROMISED, State
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import AuthorityDueError, KeyAwayError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import LeafRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.transaction import LeafTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import NOTHING
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.results import issuing_result
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import RevocationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.decisions import NO_ISSUER
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.results import rotation_result
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.status import Status
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.transaction import RotationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.constraints import DEFAULT_DOMAINS, constraints_of
from ansible_collections.anchorage.pki.tests.unit.function_host import Host
from ansible_collections.anchorage.pki.tests.unit.rotations import follow, rotated
from cryptography import x509

OPEN = Passphrases()
APP = LeafPlace("web1", "/etc/pki/anchorage", "app")
WIDE = {"permitted_domains": [*DEFAULT_DOMAINS, "example.com"]}


def revoke(authority: Authority, number: int, now: datetime) -> bool:
    """Revoke the issuing certificate with that number; whether its list says so."""
    path = authority.folder / "issuing" / str(number) / "certificate.pem"
    named = {**NOTHING, "reason": "ca_compromise", "certificate": str(path)}
    with open_ledger(authority.ledger_path) as ledger:
        transaction = RevocationTransaction(read_authority(authority.folder), OPEN, ledger, None, now)
        lists = transaction.carry_out(named).lists
        stored = [ledger.revocations.last_list(outcome.issuer.identifier) for outcome in lists]
    serial = x509.load_pem_x509_certificate(path.read_bytes()).serial_number
    return any(last is not None and serial in last.serials for last in stored)


def complete(authority: Authority, now: datetime, **options: Any) -> list[str]:
    """What a task of certificate_authority does."""
    plan = plan_provisioning(authority.folder, options, "Test authority", now)
    carry_out(plan, OPEN, now)
    return [str(step) for step in plan.steps]


def told(authority: Authority, now: datetime) -> dict[str, Any]:
    """What the status says."""
    with open_ledger(authority.ledger_path, read_only=True) as ledger:
        transaction = RotationTransaction(authority.folder, ledger, ("web1",), now)
        looked = transaction.look()
        assert looked is not None
        return rotation_result(transaction.authority(), Status(transaction.authority(), *looked, transaction.terms, {}))


def advance(authority: Authority, now: datetime) -> State | None:
    with open_ledger(authority.ledger_path) as ledger:
        return RotationTransaction(authority.folder, ledger, ("web1",), now).advance(OPEN)


def is_due(authority: Authority) -> bool:
    """Whether the playbook revoke has another issuing certificate made."""
    with open_ledger(authority.ledger_path, read_only=True) as ledger:
        return bool(issuing_result(read_authority(authority.folder), ledger)["issuing_due"])


def issue(authority: Authority, request: LeafRequest, host: Host, now: datetime) -> x509.Certificate:
    """The certificate that signed the leaf which the host gets."""
    current = read_authority(authority.folder)
    with open_ledger(current.ledger_path) as ledger:
        transaction = LeafTransaction(current, OPEN, ledger, host, None, now)
        plans, _inspection = transaction.plan([request], [APP])
        ((leaf,), _deployment) = transaction.carry_out(plans)
    chain = x509.load_pem_x509_certificates(leaf.delivery.chain.encode())
    leaf.certificate.verify_directly_issued_by(chain[0])
    chain[0].verify_directly_issued_by(current.root.certificate)
    return chain[0]


@pytest.mark.parametrize(("state", "compromised"), [(State.DISTRIBUTING, False), (State.MADE, True)])
def test_before_the_switch_leaves_stay_until_there_is_another_one(
    own_authority: Authority, request_leaf: Callable[..., LeafRequest], now: datetime, state: State, compromised: bool
) -> None:
    host = Host()
    issue(own_authority, request_leaf(), host, now)
    with open_ledger(own_authority.ledger_path) as ledger:
        RotationTransaction(own_authority.folder, ledger, ("web1",), now).begin(
            COMPROMISED if compromised else "", OPEN
        )
    while told(own_authority, now)["state"] != state.value:
        advance(own_authority, now)
    follow(own_authority, now)
    assert not is_due(own_authority)
    assert revoke(own_authority, 2, now)
    status = told(own_authority, now)
    assert status["blockers"] == [{"host": None, "reason": NO_ISSUER}]
    assert NO_ISSUER in status["lines"]
    assert advance(own_authority, now) is None
    assert is_due(own_authority)

    (own_authority.folder / "root" / "1" / "key.pem").rename(own_authority.folder / "away.pem")  # it is not needed
    steps = complete(own_authority, now)
    assert [step.partition(":")[0] for step in steps] == [
        "issuing authority 3",
        "OCSP responder 1 of issuing authority 3",
    ]
    assert steps[0].endswith("the one below the root that is to come is revoked")
    assert complete(own_authority, now) == []
    assert not is_due(own_authority)
    status = told(own_authority, now)
    assert (status["blockers"], NO_ISSUER in status["lines"]) == ([], False)
    assert advance(own_authority, now) is State.SWITCHING
    made = read_authority(own_authority.folder)
    assert [issuer.number for issuer in made.active.issuers] == [2, 3]
    assert issue(own_authority, request_leaf(), host, now) == made.issuing.certificate


def test_the_other_one_is_of_the_policy_that_the_new_root_brings(own_authority: Authority, now: datetime) -> None:
    with open_ledger(own_authority.ledger_path) as ledger:
        RotationTransaction(own_authority.folder, ledger, ("web1",), now).begin("more names", OPEN, WIDE)
    assert [advance(own_authority, now) for _step in range(2)] == [State.MADE, State.DISTRIBUTING]
    revoke(own_authority, 2, now)
    complete(own_authority, now, **WIDE)
    authority = read_authority(own_authority.folder)
    made = constraints_of(authority.epochs[1].issuers[-1].certificate)
    assert made == constraints_of(authority.epochs[1].root.certificate)
    assert made is not None
    assert "example.com" in made.domains
    assert authority.policy == own_authority.policy


def test_without_the_key_of_the_new_root_there_is_none(own_authority: Authority, now: datetime) -> None:
    authority = rotated(own_authority, State.DISTRIBUTING, now)
    revoke(authority, 2, now)
    (authority.folder / "root" / "2" / "key.pem").rename(authority.folder / "away.pem")
    with pytest.raises(KeyAwayError, match=r"root/2/key\.pem cannot be read"):
        complete(authority, now)
    assert read_authority(authority.folder) == authority


def test_after_the_switch_no_leaf_changes_until_there_is_another_one(
    own_authority: Authority, request_leaf: Callable[..., LeafRequest], now: datetime
) -> None:
    host, request = Host(), request_leaf()
    issue(own_authority, request, host, now)
    authority = rotated(own_authority, State.SWITCHING, now)
    revoke(authority, 2, now)
    before = host.leaves["app"]
    with pytest.raises(AuthorityDueError, match=r"The issuing authority is revoked\. Run certificate_authority"):
        issue(authority, request, host, now)
    assert host.leaves["app"] == before
    status = told(authority, now)
    assert NO_ISSUER in status["lines"]
    assert [blocker["host"] for blocker in status["blockers"]] == ["web1"]
    complete(authority, now)
    made = read_authority(authority.folder)
    assert issue(authority, request, host, now) == made.issuing.certificate
    assert made.issuing.number == 3
    assert advance(authority, now) is State.DRAINING


def test_a_leaf_of_the_revoked_one_gives_way_to_another_one_below_the_same_root(
    own_authority: Authority, request_leaf: Callable[..., LeafRequest], now: datetime
) -> None:
    host, request = Host(), request_leaf()
    authority = rotated(own_authority, State.SWITCHING, now)
    first = issue(authority, request, host, now)
    revoke(authority, 2, now)
    complete(authority, now)
    second = issue(authority, request, host, now)
    assert (first != second, first.issuer) == (True, second.issuer)
