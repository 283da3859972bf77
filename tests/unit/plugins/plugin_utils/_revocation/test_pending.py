# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where something good may still be shown of what is revoked: on hosts that have not said that it is gone, also where
nobody saw it arrive, and in copies; and what becomes of the leaves of a revoked issuing authority."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.renewal import plan_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import (
    AuthorityDueError,
    HostFailedError,
    PkiError,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import Action
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.transaction import LeafTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signing import sign_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import NOTHING
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import RevocationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer
from ansible_collections.anchorage.pki.tests.unit.function_host import Host
from cryptography import x509

DAY = timedelta(days=1)
MINUTES = timedelta(minutes=5)
PLACE = LeafPlace("web1", "/etc/pki/anchorage", "app")


@pytest.fixture
def lose(host: Host, renew) -> Callable[..., None]:
    """A function that does the same, and is killed before the host answers, ``arrives`` tells whether it got it."""

    def run(at: datetime, arrives: bool, **options: Any) -> None:
        there = host._deploy if arrives else lambda _arguments: None

        def unseen(arguments: dict[str, Any]) -> dict[str, Any]:
            there(arguments)
            return {"unreachable": True, "msg": "the connection was lost"}

        host._deploy = unseen  # type: ignore[method-assign]
        try:
            with suppress(HostFailedError):
                renew(at, **options)
        finally:
            del host._deploy

    return run


@pytest.fixture
def revoke(own_authority: Authority, tmp_path: Path, now: datetime) -> Callable[..., None]:
    """A function that does what a task of certificate_revocation does, unless told otherwise for the leaf's place."""

    def run(at: datetime = now, **options: Any) -> None:
        named = {} if {"serial", "certificate"} & options.keys() else {"name": "app", "host": "web1"}
        arguments = {**NOTHING, **named, "reason": "key_compromise", **options}
        with open_ledger(own_authority.ledger_path) as ledger:
            RevocationTransaction(own_authority, Passphrases(), ledger, tmp_path / "public", at).carry_out(arguments)

    return run


def pending(authority: Authority, at: datetime) -> dict[LeafPlace, datetime | None]:
    with open_ledger(authority.ledger_path) as ledger:
        return ledger.revocations.pending_places(at)


def due(authority: Authority, at: datetime) -> set[LeafPlace]:
    with open_ledger(authority.ledger_path) as ledger:
        return set(ledger.due_staples(at))


# Staples that nobody saw arrive


@pytest.mark.parametrize("arrives", [True, False])
def test_a_first_leaf_that_nobody_saw_arrive_is_pending_until_its_host_says_what_it_has(
    own_authority, host: Host, renew, lose, revoke, now: datetime, arrives: bool
) -> None:
    lose(now, arrives)
    assert due(own_authority, now) == set()
    revoke(reissue=False)
    assert pending(own_authority, now) == {PLACE: now + 7 * DAY - MINUTES}
    assert due(own_authority, now) == {PLACE}
    plan = renew(issues=False)
    assert plan.decision.action is (Action.STAPLE if arrives else Action.NONE)
    assert [leaf.staple_sha256 for leaf in host.leaves.values()] == ([""] if arrives else [])
    assert (pending(own_authority, now), due(own_authority, now)) == ({}, set())


@pytest.mark.parametrize("arrives", [True, False])
def test_a_renewed_staple_that_nobody_saw_arrive_is_the_last_one_that_may_be_shown(
    own_authority, host: Host, renew, lose, revoke, now: datetime, arrives: bool
) -> None:
    renew()
    later = now + 4 * DAY
    lose(later, arrives)
    revoke(later)
    assert pending(own_authority, later) == {PLACE: later + 7 * DAY - MINUTES}
    after = now + 8 * DAY  # when the first one has ended
    assert set(pending(own_authority, after)) == due(own_authority, after) == {PLACE}
    renew(after)
    assert (pending(own_authority, after), due(own_authority, after)) == ({}, set())


def test_what_ended_is_neither_pending_nor_due(own_authority, lose, revoke, now: datetime) -> None:
    lose(now, arrives=True)
    revoke()
    end = now + 7 * DAY - MINUTES
    assert set(pending(own_authority, end - MINUTES)) == due(own_authority, end - MINUTES) == {PLACE}
    assert (pending(own_authority, end), due(own_authority, end)) == ({}, set())


def test_a_leaf_that_never_arrived_is_settled_by_a_host_that_has_another_one(
    own_authority, host: Host, renew, lose, revoke, now: datetime
) -> None:
    renew(names=("app.test",))
    lose(now, arrives=False, names=("other.test",))
    with open_ledger(own_authority.ledger_path) as ledger:
        lost = list(ledger.revocations.known_at("web1", "app", now))[-1].certificate
    revoke(serial=f"{lost.serial_number:x}")
    assert set(pending(own_authority, now)) == {PLACE}
    assert renew(names=("app.test",)).decision.action is Action.NONE
    assert pending(own_authority, now) == {}


@pytest.mark.parametrize("arrives", [True, False])
def test_a_host_that_said_what_it_has_is_not_asked_to_say_it_again(
    own_authority, renew, lose, now: datetime, arrives: bool
) -> None:
    renew()
    lose(now + 4 * DAY, arrives)
    with open_ledger(own_authority.ledger_path) as ledger:
        assert ledger.is_awaited(PLACE)
        renew(now + 4 * DAY)
        assert not ledger.is_awaited(PLACE)


# Hosts that were emptied


def test_a_blocked_place_on_a_host_that_was_emptied_is_settled(
    own_authority, host: Host, renew, revoke, now: datetime
) -> None:
    renew()
    revoke(reissue=False)
    host.leaves.clear()
    plan = renew(issues=False)
    assert (plan.decision.action, bool(plan.decision.blocked)) == (Action.NONE, True)
    assert (pending(own_authority, now), due(own_authority, now)) == ({}, set())
    with open_ledger(own_authority.ledger_path) as ledger:
        assert ledger.leaf_counts() == {"revoked": 1}


def test_leaves_of_a_revoked_issuer_on_a_host_that_was_emptied_are_settled(
    own_authority, host: Host, renew, revoke_issuing, now: datetime
) -> None:
    renew()
    revoke_issuing(now)
    host.leaves.clear()
    assert renew(issues=False).decision.action is Action.NONE
    assert (pending(own_authority, now), due(own_authority, now)) == ({}, set())


def test_a_good_leaf_of_a_host_that_was_emptied_stays_known_by_its_name(
    own_authority, host: Host, renew, revoke, now: datetime
) -> None:
    renew()
    host.leaves.clear()
    renew(issues=False)
    revoke()
    assert set(pending(own_authority, now)) == {PLACE}


# Copies


def good_until(authority: Authority, certificate: x509.Certificate) -> datetime | None:
    with open_ledger(authority.ledger_path) as ledger:
        return ledger.revocations.good_until(fingerprint(certificate))


def test_a_published_response_can_be_shown_as_a_staple_can(fleet) -> None:
    leaf, issuing = fleet.leaves["web1"], fleet.authority.issuing.certificate
    of_staple, of_response = (fleet.now + days * DAY - MINUTES for days in (7, 12))
    assert good_until(fleet.authority, leaf) == of_staple
    fleet.run(after=5 * DAY)
    assert good_until(fleet.authority, leaf) == good_until(fleet.authority, issuing) == of_response
    revoked = fleet.run(name="app", host="web1", after=6 * DAY)
    again = fleet.run(name="app", host="web1", after=6 * DAY)
    assert revoked["certificates"][0]["good_until"] == again["certificates"][0]["good_until"]
    assert again["certificates"][0]["good_until"] == f"{of_response:%Y-%m-%dT%H:%M:%SZ}"


def test_of_what_nobody_said_good_nothing_can_be_shown(own_authority, make_leaf) -> None:
    with open_ledger(own_authority.ledger_path) as ledger, ledger.transaction():
        ledger.record_leaf(leaf := make_leaf(), own_authority.issuing.sha256, PLACE, ["app.test"], "controller")
    assert good_until(own_authority, leaf) is None


# Leaves of a revoked issuing authority


def responses(folder: Path) -> list[Path]:
    return [path for path in (folder / "ocsp").rglob("*") if path.is_file()]


@pytest.fixture
def revoke_issuing(own_authority: Authority, revoke) -> Callable[..., None]:
    serial = f"{own_authority.issuing.certificate.serial_number:x}"
    return lambda at: revoke(at, serial=serial, reason="ca_compromise")


def test_leaves_of_a_revoked_issuer_are_pending_until_they_are_replaced(
    own_authority, make_authority, host: Host, renew, revoke_issuing, now: datetime
) -> None:
    renew()
    revoke_issuing(now)
    end = now + 7 * DAY - MINUTES
    assert pending(own_authority, now) == {PLACE: end}
    assert due(own_authority, now) == {PLACE}
    plan = renew(issues=False)
    assert plan.decision.action is Action.STAPLE
    assert plan.decision.reason == "its staple is taken away, since the issuer of the deployed leaf is revoked"
    assert host.leaves["app"].staple_sha256 == ""
    # Nothing says good of it any more, but it is there.
    assert (pending(own_authority, now), due(own_authority, now)) == ({PLACE: None}, set())
    assert renew(issues=False).decision.action is Action.NONE
    renewed = make_authority(own_authority.folder)
    assert renew(authority=renewed).decision.action is Action.LEAF
    assert pending(own_authority, now) == {}
    assert host.leaves["app"].staple_sha256


def test_nothing_is_signed_by_a_revoked_issuer_nor_in_check_mode_said_to_be(
    own_authority, host: Host, renew, revoke_issuing, request_leaf, now: datetime
) -> None:
    revoke_issuing(now)
    with pytest.raises(AuthorityDueError, match=r"The issuing authority is revoked. Run certificate_authority"):
        renew()
    assert host.calls == ["inspect"]
    with open_ledger(own_authority.ledger_path, read_only=True) as ledger:
        transaction = LeafTransaction(own_authority, Passphrases(), ledger, host, None, now)
        plans, _inspection = transaction.plan([request_leaf("app")], [PLACE])
        with pytest.raises(AuthorityDueError, match="The issuing authority is revoked"):
            transaction.preflight(plans)


def test_a_staple_that_was_planned_before_its_issuer_was_revoked_is_not_delivered(
    own_authority, host: Host, renew, revoke_issuing, request_leaf, now: datetime
) -> None:
    renew()
    later = now + 4 * DAY
    with open_ledger(own_authority.ledger_path) as ledger:
        transaction = LeafTransaction(own_authority, Passphrases(), ledger, host, None, later)
        plans, _inspection = transaction.plan([request_leaf("app")], [PLACE])
        assert plans[0].decision.action is Action.STAPLE
        revoke_issuing(later)
        with pytest.raises(PkiError, match="or its issuer was revoked while this task ran"):
            transaction.carry_out(plans)


def test_nothing_good_is_published_of_the_leaves_of_a_revoked_issuer(fleet) -> None:
    fleet.run(name="app", host="web1")
    assert len(responses(fleet.public)) == 4
    serial = f"{fleet.authority.issuing.certificate.serial_number:x}"
    done = fleet.run(serial=serial)
    assert (done["changed"], done["crl"], done["ocsp"]) == (True, "signed", "signed")
    # Those which say that a leaf is revoked harm nobody.
    assert len(responses(fleet.public)) == 2
    for check in (True, False):
        assert not fleet.run(check=check, after=timedelta(minutes=1))["changed"]
    elsewhere = fleet.at(DAY)
    elsewhere.public = fleet.public.with_name("elsewhere")
    elsewhere.run()
    assert responses(elsewhere.public) == []


def test_a_responder_of_a_revoked_issuer_is_not_renewed_and_nothing_waits_for_it(
    fleet, issuing: Signer, responder: Signer
) -> None:
    authority = fleet.authority
    fleet.run(serial=f"{authority.issuing.certificate.serial_number:x}")
    later = fleet.at(40 * DAY)
    with open_ledger(fleet.ledger_path) as ledger:
        leaf_ends, revoked = ledger.last_leaf_ends(), ledger.revocations.revoked_authorities()
    steps = plan_authority(authority, authority.policy, leaf_ends, later.now, revoked)
    assert [str(step) for step in steps] == [
        "issuing authority 2: the last one is revoked",
        "OCSP responder 1 of issuing authority 2: the issuing authority is new",
    ]
    assert later.run()["ocsp"] == "signed"
    with pytest.raises(PkiError):
        sign_staple(fleet.leaves["web1"], issuing.certificate, responder, 7, later.now)
