# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests that somebody brings: signed once, renewed, refused, and in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer import Given
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.moving import move_to_server
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import AuthorityDueError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import NOTHING, find_targets
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.decisions import position
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.status import Status, status_lines
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.view import Terms, read_view
from ansible_collections.anchorage.pki.plugins.plugin_utils._undeployed.request import (
    difference_warnings,
    parse_signing_request,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._undeployed.results import requested_result
from ansible_collections.anchorage.pki.plugins.plugin_utils._undeployed.transaction import (
    SigningPlan,
    SigningTransaction,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import encode_key
from ansible_collections.anchorage.pki.tests.unit.brought import make_request
from ansible_collections.anchorage.pki.tests.unit.rotations import move, rotated
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

DAY = timedelta(days=1)
CSR = make_request("rsa", "DNS:printer.test")
TASK: dict[str, Any] = {
    "name": "printer",
    "names": ["printer.test"],
    "names_from_request": False,
    "profile": "server",
    "lifetime": None,
}


class Office:
    """An authority that signs requests, and what its ledger says."""

    def __init__(self, authority: Authority, now: datetime) -> None:
        self.authority, self.now = authority, now

    def task(self, csr: str = CSR, after: timedelta = timedelta(), **options: Any) -> SigningPlan:
        """What a task decides about a request, and does."""
        request = parse_signing_request({**TASK, **options}, Given("csr_content", csr.encode()))
        with open_ledger(self.authority.ledger_path) as ledger:
            transaction = SigningTransaction(self.authority, Passphrases(), ledger, self.now + after)
            plan = transaction.plan(request)
            if plan.reason:
                transaction.carry_out(plan)
        return plan

    def revoke(self, reason: str = "unspecified", reissue: bool = True, **named: Any) -> list[str]:
        """The serial numbers of what is revoked now."""
        given = {**NOTHING, "reason": reason, "reissue": reissue, **named}
        with open_ledger(self.authority.ledger_path) as ledger, ledger.transaction():
            targets = [each for each in find_targets(given, [], ledger.revocations, self.now) if each.is_new]
            for target in targets:
                ledger.revocations.enter(target.known.sha256, reason, target.reissue, self.now)
        return [f"{target.known.certificate.serial_number:x}" for target in targets]

    def requested(self, after: timedelta = timedelta()) -> list[dict[str, Any]]:
        with open_ledger(self.authority.ledger_path, read_only=True) as ledger:
            return requested_result(ledger.undeployed.requested(), self.authority, self.now + after)


@pytest.fixture
def office(own_authority: Authority, now: datetime) -> Office:
    return Office(own_authority, now)


@pytest.fixture(params=["sqlite", "postgresql"])
def either_office(request: pytest.FixtureRequest, office: Office) -> Office:
    """One whose ledger is in its folder, and one that shares a database."""
    if request.param == "postgresql":
        move_to_server(office.authority.folder, request.getfixturevalue("new_database"))
    return office


def test_a_request_is_signed_once_and_renewed_in_its_last_third(either_office: Office) -> None:
    office = either_office
    assert office.task().reason == "no leaf is signed for 'printer' yet, or the last one is revoked"
    (first,) = office.requested()
    assert (first["name"], first["names"], first["due"]) == ("printer", ["printer.test"], None)
    assert office.task(after=59 * DAY).reason == ""
    assert "last third" in office.requested(after=61 * DAY)[0]["due"]
    assert "last third" in office.task(after=61 * DAY).reason
    (second,) = office.requested(after=61 * DAY)
    assert second["serial_number"] != first["serial_number"]
    assert office.requested(after=200 * DAY)[0]["due"].startswith("it ended on")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"names": ["other.test"]}, "the names change from [printer.test] to [other.test]"),
        ({"profile": "peer"}, "the profile becomes peer"),
        ({"lifetime": 30}, "the lifetime becomes 30 days"),
        ({"csr": make_request("ec")}, "the request has another key"),
    ],
)
def test_it_is_signed_anew_where_something_else_is_wanted(office: Office, options: Any, reason: str) -> None:
    office.task()
    assert office.task(**options).reason == reason
    assert office.task(**options).reason == ""
    assert len(office.requested()) == 1


def test_only_the_key_is_taken_from_the_request(office: Office) -> None:
    asks = ("-addext", "keyUsage=keyCertSign", "-addext", "basicConstraints=critical,CA:TRUE")
    csr = make_request("ec", "DNS:thief.test", subject="/O=Thief/CN=thief.test", options=asks)
    office.task(csr, names=["10.0.0.9"])
    with open_ledger(office.authority.ledger_path, read_only=True) as ledger:
        (leaf,) = ledger.undeployed.requested()
    assert leaf.certificate.subject.rfc4514_string() == ""
    usage = leaf.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert not usage.key_cert_sign
    assert not leaf.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_names_are_told_where_they_differ_and_taken_from_the_request_only_when_asked(office: Office) -> None:
    given = Given("csr_content", make_request("ec", "DNS:a.test", "DNS:b_c.test").encode())
    request = parse_signing_request({**TASK, "names": ["d.test"]}, given)
    assert request.left_out == ("a.test", "DNSName 'b_c.test'")
    (warning,) = difference_warnings(request)
    assert "asks for a.test, DNSName 'b_c.test', which the certificate does not have" in warning
    assert "does not ask for d.test, which the certificate has" in warning
    with pytest.raises(PkiError, match=r"^names: say which names .* \(a.test, DNSName 'b_c.test'\)"):
        parse_signing_request({**TASK, "names": None}, given)
    with pytest.raises(PkiError, match=r"asks for names that no leaf can have"):
        parse_signing_request({**TASK, "names": None, "names_from_request": True}, given)
    with pytest.raises(PkiError, match="Leave one of them out"):
        parse_signing_request({**TASK, "names_from_request": True}, given)
    taken = parse_signing_request({**TASK, "names": None, "names_from_request": True}, Given("x", CSR.encode()))
    assert ([name.value for name in taken.names], difference_warnings(taken)) == (["printer.test"], [])


def test_a_key_has_one_leaf(either_office: Office) -> None:
    office = either_office
    office.task()
    with pytest.raises(PkiError, match=r"is that of the leaf \w+, which is known as printer and in use"):
        office.task(name="printer2")
    office.revoke(name="printer")
    assert office.task(name="printer2").reason


def test_a_key_of_the_authority_is_refused(office: Office) -> None:
    key: Any = office.authority.issuing.key(None, "passphrase")
    assert encode_key(key)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, SHA256())
    with pytest.raises(PkiError, match="has the key of the issuing certificate"):
        office.task(request.public_bytes(Encoding.PEM).decode())


def test_a_compromised_key_is_refused_for_good(office: Office) -> None:
    office.task()
    office.revoke("key_compromise", name="printer")
    assert office.requested() == []
    for name in ("printer", "other"):
        with pytest.raises(PkiError, match=r"was given up with the leaf \w+ \(key_compromise\)"):
            office.task(name=name)
    assert office.task(make_request("ec")).reason


def test_its_key_is_refused_also_where_the_last_leaf_with_it_is_not_revoked(either_office: Office) -> None:
    """By its serial number a former one can be."""
    office = either_office
    office.task()
    (first,) = office.requested()
    office.task(names=["other.test"])
    assert office.revoke("key_compromise", serial=first["serial_number"]) == [first["serial_number"]]
    with pytest.raises(PkiError, match=f"was given up with the leaf {first['serial_number']} "):
        office.task(names=["other.test"])


def test_it_is_refused_also_after_the_ledger_was_pruned(either_office: Office) -> None:
    office = either_office
    office.task()
    office.task(make_request("ec"), name="other")
    office.revoke("key_compromise", name="printer")
    office.revoke("superseded", name="other")
    with open_ledger(office.authority.ledger_path) as ledger, ledger.transaction():
        prunable = ledger.entries.prunable(office.now + 1000 * DAY)
        assert len(prunable) == 1
        ledger.entries.prune(prunable)
    with pytest.raises(PkiError, match="was given up with the leaf"):
        office.task()


def test_a_name_revokes_whatever_its_device_may_use(either_office: Office) -> None:
    """The device has the former leaf until somebody puts the new one there, and both have one key."""
    office = either_office
    office.task()
    (first,) = office.requested()
    office.task(names=["other.test"])
    (second,) = office.requested()
    assert office.revoke(name="printer", reissue=False) == [first["serial_number"], second["serial_number"]]
    assert office.revoke(name="printer", reissue=False) == []
    with pytest.raises(PkiError, match="the leaf 'printer' was revoked"):
        office.task()


def test_a_device_that_was_scrapped_and_forgotten_can_be_named_after_its_leaf_has_ended(either_office: Office) -> None:
    """Or else it would be due for good."""
    office = either_office
    office.task()
    office.now += 200 * DAY
    assert office.requested()[0]["due"].startswith("it ended on")
    assert office.revoke("cessation_of_operation", reissue=False, name="printer")
    assert office.requested() == []


def test_a_name_that_is_to_have_none_gets_none_until_that_is_taken_back(office: Office) -> None:
    office.task()
    office.revoke("cessation_of_operation", reissue=False, name="printer")
    with pytest.raises(PkiError, match=r"the leaf 'printer' was revoked on 2026-06-01 \(cessation_of_operation\)"):
        office.task(make_request("ec"))


def test_a_name_alone_is_that_of_a_request(office: Office) -> None:
    with pytest.raises(PkiError, match="the ledger knows no leaf 'printer' that requested_certificate signed"):
        office.revoke(name="printer")


def test_no_host_has_it(either_office: Office) -> None:
    """Nothing that is about hosts sees it, and what is about certificates does."""
    office = either_office
    office.task()
    with open_ledger(office.authority.ledger_path, read_only=True) as ledger:
        assert ledger.places() == {}
        assert ledger.rotations.leaves_in_use(office.now) == []
        assert ledger.leaf_counts() == {"signed": 1}
        assert len(ledger.last_leaf_ends()) == 1
        due = ledger.revocations.due_responses(office.authority.issuing.sha256, office.now, every=True)
        assert len(due) == 2
        (entry,) = [entry for entry in ledger.entries.all() if entry.kind == "leaf"]
    assert (entry.place, entry.private_key) == (LeafPlace("", "", "printer"), "requester")
    assert entry.names == ("printer.test",)
    with open_ledger(office.authority.ledger_path) as ledger, ledger.transaction():
        ledger.revocations.enter(office.authority.issuing.sha256, "ca_compromise", None, office.now)
        assert ledger.revocations.pending_places(office.now) == {}
    assert office.requested()[0]["due"] == "its issuer is revoked"


def test_what_the_authority_cannot_sign_is_not_entered(
    make_authority: Callable[..., Authority], office: Office
) -> None:
    with pytest.raises(AuthorityDueError, match="the issuing authority ends on"):
        office.task(after=1090 * DAY)
    make_authority(office.authority.folder, at=office.now + 1090 * DAY)
    office.authority = read_authority(office.authority.folder)
    assert office.requested() == []
    assert office.task(after=1090 * DAY).reason


def test_two_runs_at_once_sign_one(office: Office) -> None:
    request = parse_signing_request(TASK, Given("csr_content", CSR.encode()))
    with open_ledger(office.authority.ledger_path) as ledger:
        transaction = SigningTransaction(office.authority, Passphrases(), ledger, office.now)
        plan = transaction.plan(request)
        office.task()
        with pytest.raises(PkiError, match="another run signed a request for 'printer' meanwhile"):
            transaction.carry_out(plan)
    assert len(office.requested()) == 1


def test_a_rotation_waits_for_it_while_it_drains_and_says_so(office: Office) -> None:
    """Not before, when its task signs below the new root; and no longer than until it is replaced."""
    office.task()
    office.authority = rotated(office.authority, State.SWITCHING, office.now)
    told = "  printer, until 2026-08-30"
    assert told in status_lines(status(office))
    assert status(office).here.blockers == ()
    office.authority = move(office.authority, State.DRAINING, office.now)
    waiting = status(office)
    assert told in status_lines(waiting)
    (blocker,) = waiting.here.blockers
    assert (blocker.host, "'printer' was signed for a request, below the old root" in blocker.reason) == ("", True)
    assert not any("anchorage_rotate_host" in line for line in status_lines(waiting))
    assert office.requested()[0]["due"] == office.task(after=8 * DAY).reason == "its root gives way to another one"
    assert status(office).here.blockers == ()
    assert told not in status_lines(status(office))
    (leaf,) = office.requested(after=8 * DAY)
    assert leaf["due"] is None


def test_a_rotation_does_not_wait_for_one_that_has_ended_or_is_revoked(office: Office) -> None:
    office.task()
    office.authority = rotated(office.authority, State.DRAINING, office.now)
    assert status(office, after=91 * DAY).here.blockers == ()
    office.revoke("superseded", name="printer")
    assert status(office).here.blockers == ()


def status(office: Office, after: timedelta = 8 * DAY) -> Status:
    """That of the authority's rotation, after its overlap."""
    now, terms = office.now + after, Terms()
    with open_ledger(office.authority.ledger_path, read_only=True) as ledger:
        view = read_view(ledger, office.authority, ledger.rotations.all()[-1], ["web1"], now)
    return Status(office.authority, view, position(view, terms, now), terms, {})
