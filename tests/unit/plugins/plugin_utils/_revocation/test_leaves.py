# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of a revoked leaf on its host: it is replaced, or stays without a staple; and never is a staple signed
for it that says it is good, whatever runs at the same time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import DeployedLeaf
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import AuthorityDueError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import Action
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.results import planned_result
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.transaction import LeafTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.requests import DIGESTS
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import NOTHING
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import RevocationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import response_path
from ansible_collections.anchorage.pki.tests.unit.function_host import Host
from cryptography import x509
from cryptography.x509 import ocsp

DAY = timedelta(days=1)
PLACE = LeafPlace("web1", "/etc/pki/anchorage", "app")
ROUNDS = 50
#: Whoever enters that a revoked leaf is good is refused by the database itself.
NEVER_GOOD = """
CREATE TRIGGER never_stapled BEFORE INSERT ON staples
WHEN (SELECT status FROM certificates WHERE sha256 = NEW.certificate_sha256) = 'revoked'
BEGIN SELECT RAISE(ABORT, 'a staple for a revoked leaf'); END;
CREATE TRIGGER never_good BEFORE INSERT ON responses
WHEN NOT NEW.revoked AND (SELECT status FROM certificates WHERE sha256 = NEW.certificate_sha256) = 'revoked'
BEGIN SELECT RAISE(ABORT, 'a good response about a revoked leaf'); END;
"""


@pytest.fixture
def revoke(own_authority: Authority, tmp_path: Path, now: datetime) -> Callable[..., None]:
    """A function that does what a task of certificate_revocation does for the leaf on the host."""

    def run(at: datetime = now, authority: Authority = own_authority, **options: Any) -> None:
        arguments = {**NOTHING, "name": "app", "host": "web1", "reason": "key_compromise", **options}
        with open_ledger(authority.ledger_path) as ledger:
            RevocationTransaction(authority, Passphrases(), ledger, tmp_path / "public", at).carry_out(arguments)

    return run


def pending(authority: Authority, at: datetime) -> dict[LeafPlace, datetime]:
    with open_ledger(authority.ledger_path) as ledger:
        return ledger.revocations.pending_places(at)


def test_a_revoked_leaf_is_replaced_and_pending_until_then(own_authority, host: Host, renew, revoke, now) -> None:
    renew()
    former = host.leaves["app"]
    assert pending(own_authority, now) == {}
    revoke()
    (until,) = pending(own_authority, now).values()
    assert until == now + 7 * DAY - timedelta(minutes=5)
    assert pending(own_authority, until) == {}
    assert renew().decision.reason == "the deployed leaf is revoked"
    assert host.leaves["app"].leaf_sha256 != former.leaf_sha256
    assert host.leaves["app"].staple_sha256
    assert pending(own_authority, now) == {}
    assert renew().decision.action is Action.NONE


@pytest.mark.parametrize("must_staple", [False, True])
def test_one_that_is_not_to_be_reissued_stays_without_its_staple(
    own_authority, host: Host, renew, revoke, now: datetime, must_staple: bool
) -> None:
    renew(must_staple=must_staple)
    former = host.leaves["app"]
    revoke(reissue=False)
    plan = renew(must_staple=must_staple)
    assert plan.decision.action is Action.STAPLE
    assert plan.decision.reason == "its staple is taken away, since the deployed leaf is revoked"
    assert plan.decision.blocked == "it was revoked on 2026-06-01 (key_compromise), not to be reissued"
    kept = host.leaves["app"]
    assert (kept.leaf_sha256, kept.staple_sha256) == (former.leaf_sha256, "")
    assert pending(own_authority, now) == {}
    assert renew(must_staple=must_staple).decision.action is Action.NONE
    # Not in the last third of its lifetime either, nor once it is gone from its host.
    assert renew(now + 80 * DAY, must_staple=must_staple).decision.action is Action.NONE
    host.leaves.clear()
    plan = renew(must_staple=must_staple)
    assert (plan.decision.action, bool(plan.decision.blocked)) == (Action.NONE, True)
    revoke(reissue=True)
    assert renew(must_staple=must_staple).decision.action is Action.LEAF


@pytest.mark.parametrize("by_serial", [False, True])
def test_a_block_can_be_lifted_when_its_leaf_has_ended(
    own_authority, renew, revoke, now: datetime, by_serial: bool
) -> None:
    renew()
    with open_ledger(own_authority.ledger_path) as ledger:
        leaf = ledger.current_leaf(PLACE)
    revoke(reissue=False)
    later = leaf.certificate.not_valid_after_utc + DAY
    assert renew(later, staple=False).decision.blocked
    serial = {"name": None, "host": None, "serial": f"{leaf.certificate.serial_number:x}"}
    revoke(later, reissue=True, **(serial if by_serial else {}))
    assert renew(later, staple=False).decision.action is Action.LEAF


def test_a_blocked_place_is_told(own_authority, host: Host, renew, revoke, request_leaf, now: datetime) -> None:
    renew()
    revoke(reissue=False)
    with open_ledger(own_authority.ledger_path) as ledger:
        transaction = LeafTransaction(own_authority, Passphrases(), ledger, host, None, now)
        plans, inspection = transaction.plan([request_leaf("app")], [PLACE])
    (warning,) = planned_result(plans, inspection, [])["warnings"]
    assert warning == (
        "app on web1 gets no leaf: it was revoked on 2026-06-01 (key_compromise), not to be reissued. A task of "
        "certificate_revocation with reissue=true lifts that."
    )


def test_without_issuing_a_revoked_leaf_loses_its_staple_too(host: Host, renew, revoke) -> None:
    renew()
    revoke()
    plan = renew(issues=False)
    assert (plan.decision.action, plan.decision.withheld) == (Action.STAPLE, "the deployed leaf is revoked")
    assert host.leaves["app"].staple_sha256 == ""
    assert renew(issues=False).decision.action is Action.NONE
    assert renew().decision.action is Action.LEAF


def test_a_former_leaf_that_is_revoked_blocks_nothing(own_authority, host: Host, renew, revoke, now: datetime) -> None:
    renew()
    with open_ledger(own_authority.ledger_path) as ledger:
        former = ledger.current_leaf(PLACE)
    renew(now + 61 * DAY, own_authority, staple=False)
    revoke(now + 61 * DAY, name=None, host=None, serial=f"{former.certificate.serial_number:x}", reissue=False)
    plan = renew(now + 61 * DAY, staple=False)
    assert (plan.decision.action, plan.decision.blocked) == (Action.NONE, "")


@pytest.mark.parametrize("confirmed", [False, True])
def test_a_leaf_that_was_signed_and_never_arrived_lifts_no_block(
    own_authority, host: Host, renew, revoke, make_leaf, now: datetime, confirmed: bool
) -> None:
    renew()
    with open_ledger(own_authority.ledger_path) as ledger:
        deployed = ledger.current_leaf(PLACE)
        with ledger.transaction():
            ledger.record_leaf(make_leaf(), own_authority.issuing.sha256, PLACE, ["app.test"], "controller")
            if confirmed:  # that the host still has the former one
                ledger.mark_deployed(PLACE, deployed.sha256, host.leaves["app"].staple_sha256, now)
    serial = f"{deployed.certificate.serial_number:x}"
    revoke(name=None, host=None, serial=serial, reissue=False)
    plan = renew()
    assert (plan.decision.action, bool(plan.decision.blocked)) == (Action.STAPLE, True)
    assert renew().decision.action is Action.NONE
    revoke(name=None, host=None, serial=serial, reissue=True)
    assert renew().decision.action is Action.LEAF


def test_leaves_of_a_revoked_issuing_authority_are_replaced_once_there_is_another_one(
    own_authority, host: Host, renew, revoke, make_authority, now: datetime
) -> None:
    renew()
    serial = f"{own_authority.issuing.certificate.serial_number:x}"
    revoke(name=None, host=None, serial=serial, reason="ca_compromise")
    with pytest.raises(AuthorityDueError, match=r"The issuing authority is revoked. Run certificate_authority"):
        renew()
    renewed = make_authority(own_authority.folder)
    assert renewed.issuing.number == 2
    assert renew(authority=renewed).decision.reason == "the issuer of the deployed leaf is revoked"
    with open_ledger(renewed.ledger_path) as ledger:
        assert ledger.current_leaf(PLACE).issuer_sha256 == renewed.issuing.sha256
    assert renew(authority=renewed).decision.action is Action.NONE
    assert make_authority(own_authority.folder) == renewed


@pytest.mark.parametrize("reissue", [True, False])
def test_what_was_planned_before_a_revocation_is_not_delivered(
    own_authority, host: Host, renew, revoke, request_leaf, now: datetime, reissue: bool
) -> None:
    renew()
    at = now + 61 * DAY if not reissue else now + 4 * DAY  # a new leaf is due, or a staple alone
    with open_ledger(own_authority.ledger_path) as ledger:
        transaction = LeafTransaction(own_authority, Passphrases(), ledger, host, None, at)
        plans, _inspection = transaction.plan([request_leaf("app", staple=reissue)], [PLACE])
        revoke(at, reissue=reissue)
        before = dict(host.leaves)
        with pytest.raises(PkiError, match="was revoked while this task ran"):
            transaction.carry_out(plans)
    assert host.leaves == before


def test_a_revocation_and_a_renewal_at_once_leave_nothing_good_of_what_is_revoked(
    make_authority, host: Host, renew, revoke, tmp_path: Path, now: datetime
) -> None:
    authority = make_authority(tmp_path / "long", responder_lifetime=500)
    with closing(sqlite3.connect(authority.ledger_path)) as connection:
        connection.executescript(NEVER_GOOD)
    renew(authority=authority)
    for number in range(1, ROUNDS + 1):
        at = now + number * 4 * DAY  # a staple is due each time, and a leaf now and then
        at_once(lambda at=at: renew(at, authority), lambda at=at: revoke(at, authority))
        renew(at, authority)
        with open_ledger(authority.ledger_path) as ledger:
            deployed = ledger.leaf(PLACE, host.leaves["app"].leaf_sha256)
        assert deployed.status == "deployed"
        assert deployed.staple(host.leaves["app"].staple_sha256).in_use
    check_published(authority, tmp_path / "public")


def test_a_place_that_is_blocked_while_a_leaf_is_issued_for_it_stays_blocked(
    make_authority, host: Host, renew, revoke, tmp_path: Path, now: datetime
) -> None:
    authority = make_authority(tmp_path / "long", responder_lifetime=500)
    with closing(sqlite3.connect(authority.ledger_path)) as connection:
        connection.executescript(NEVER_GOOD)
    for number in range(ROUNDS // 2):
        at = now + number * 10 * DAY
        host.leaves.clear()  # so that a leaf is issued each time
        renew(at, authority)
        host.leaves.clear()
        at_once(lambda at=at: renew(at, authority), lambda at=at: revoke(at, authority, reissue=False))
        plan = renew(at, authority)
        assert plan.decision.action is not Action.LEAF
        assert plan.decision.blocked
        assert host.leaves.get("app", DeployedLeaf("app")).staple_sha256 == ""
        assert renew(at, authority).decision.action is Action.NONE
        revoke(at, authority, reissue=True)


def at_once(*works: Callable[[], object]) -> None:
    """Do all of ``works`` at once. That a leaf was revoked meanwhile is no problem."""
    barrier, problems = threading.Barrier(len(works)), []

    def run(work: Callable[[], object]) -> None:
        barrier.wait()
        try:
            work()
        except PkiError as error:
            if "was revoked while this task ran" not in str(error):
                problems.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def check_published(authority: Authority, folder: Path) -> None:
    """Every response that is published says what the ledger says."""
    issuer = authority.issuing.certificate
    with closing(sqlite3.connect(authority.ledger_path)) as connection:
        leaves = connection.execute(
            "SELECT certificate, status FROM certificates WHERE kind = 'leaf' AND status = 'revoked'"
        ).fetchall()
    assert len(leaves) >= ROUNDS
    seen = 0
    for der, _status in leaves:
        for digest in DIGESTS:
            path = folder / response_path(x509.load_der_x509_certificate(der), issuer, digest)
            if path.exists():  # until its leaf has ended
                response = ocsp.load_der_ocsp_response(path.read_bytes())
                assert response.certificate_status is ocsp.OCSPCertStatus.REVOKED
                seen += 1
    assert seen > ROUNDS / 2
