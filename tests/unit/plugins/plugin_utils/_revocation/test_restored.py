# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A ledger that was restored learns from the last published lists what was revoked since."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import DeployedLeaf
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import fingerprint, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import Action
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.restored import (
    check_complete,
    enter,
    last_lists,
    new_entries,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer
from ansible_collections.anchorage.pki.tests.unit.function_host import Host, sha256
from ansible_collections.anchorage.pki.tests.unit.plugins.plugin_utils._revocation.conftest import PLACE, Fleet
from cryptography import x509
from cryptography.hazmat.primitives import serialization

HOUR = timedelta(hours=1)
SINCE = "does not know what was revoked since"


@pytest.fixture
def lost(fleet: Fleet, make_leaf, tmp_path: Path) -> x509.Certificate:
    """A leaf that was issued and revoked after the backup, from which the ledger is restored now; so was web1's."""
    fleet.run()
    backup = shutil.copy(fleet.ledger_path, tmp_path / "backup")
    leaf = make_leaf("app.test", at=fleet.now + HOUR)
    later = fleet.at(2 * HOUR)
    with open_ledger(fleet.ledger_path) as ledger, ledger.transaction():
        place = replace(PLACE, host="web3")
        ledger.record_leaf(leaf, fleet.authority.issuing.sha256, place, ["app.test"], "controller")
    later.run(name="app", host="web1")
    later.run(name="app", host="web3", reason="superseded")
    shutil.copy(backup, fleet.ledger_path)
    with open_ledger(fleet.ledger_path) as ledger, ledger.transaction():
        ledger.restores.enter(fleet.now, fleet.now + 3 * HOUR)
    return leaf


@pytest.fixture
def files(fleet: Fleet, lost: x509.Certificate) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (fleet.public / "crl").iterdir()}


@pytest.fixture
def learn(fleet: Fleet, files: dict[str, bytes]) -> Callable[..., list[int]]:
    """A function that enters the lists, and returns the serial numbers that were new."""

    def run(given: dict[str, bytes] = files) -> list[int]:
        now = fleet.now + 4 * HOUR
        with open_ledger(fleet.ledger_path) as ledger, ledger.transaction():
            lists = last_lists(given, fleet.authority, ledger, now)
            check_complete(lists, fleet.authority, ledger, now)
            found = new_entries(lists, ledger)
            enter(lists, found, ledger, now)
        return found.serials

    return run


def listed(fleet: Fleet) -> dict[int, str | None]:
    """The serial numbers on the published list, with the reasons."""
    found = {}
    for entry in fleet.crl():
        try:
            found[entry.serial_number] = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.name
        except x509.ExtensionNotFound:
            found[entry.serial_number] = None
    return found


def test_nothing_is_signed_or_published_before_that(fleet: Fleet, lost: x509.Certificate) -> None:
    before = fleet.crl()
    for options in ({}, {"check": True}, {"publish": False}):
        with pytest.raises(PkiError, match=SINCE):
            fleet.at(4 * HOUR).run(**options)
    assert fleet.crl() == before


def test_all_that_was_revoked_stays_revoked(fleet: Fleet, lost: x509.Certificate, learn) -> None:
    before, former = listed(fleet), fleet.crl()
    web1 = fleet.leaves["web1"]
    assert before == {web1.serial_number: "key_compromise", lost.serial_number: "superseded"}
    assert sorted(learn()) == sorted(before)
    assert learn() == []
    fleet.at(5 * HOUR).run()
    assert listed(fleet) == before
    numbers = [crl.extensions.get_extension_for_class(x509.CRLNumber).value for crl in (former, fleet.crl())]
    assert numbers[0].crl_number < numbers[1].crl_number
    dates = {entry.serial_number: entry.revocation_date_utc for entry in former}
    assert {entry.serial_number: entry.revocation_date_utc for entry in fleet.crl()} == dates
    with open_ledger(fleet.ledger_path) as ledger:
        assert ledger.restores.pending() is None
        assert ledger.revocations.known_by_serial(web1.serial_number).status == "revoked"
        assert ledger.revocations.known_by_serial(lost.serial_number) is None


def test_lists_in_pem_are_taken_too(fleet: Fleet, files: dict[str, bytes], learn) -> None:
    pem = {
        name: x509.load_der_x509_crl(content).public_bytes(serialization.Encoding.PEM)
        for name, content in files.items()
    }
    assert len(learn(pem)) == 2


@pytest.mark.parametrize("content", [b"", b"\x30\x00", b"-----BEGIN X509 CRL-----\nx\n-----END X509 CRL-----\n"])
def test_what_is_no_list_of_the_authority_is_refused(learn, content: bytes) -> None:
    with pytest.raises(PkiError, match=r"x.crl: is no list of revoked certificates that this authority has signed"):
        learn({"x.crl": content})


def test_a_list_of_each_issuer_that_published_some_is_asked_for(files: dict[str, bytes], learn) -> None:
    for missing in files:
        rest = {name: content for name, content in files.items() if name != missing}
        with pytest.raises(PkiError, match=missing):
            learn(rest)


def test_an_older_list_than_that_of_the_backup_is_refused(fleet: Fleet, tmp_path: Path) -> None:
    fleet.run()
    old = {path.name: path.read_bytes() for path in (fleet.public / "crl").iterdir()}
    fleet.at(HOUR).run(name="app", host="web1")
    with open_ledger(fleet.ledger_path) as ledger, pytest.raises(PkiError, match="the backup has list"):
        last_lists(old, fleet.authority, ledger, fleet.now + 2 * HOUR)


def test_the_certificate_of_a_serial_number_is_recognized_by_its_file(
    fleet: Fleet, lost: x509.Certificate, learn, tmp_path: Path
) -> None:
    learn()
    path = tmp_path / "cert.pem"
    path.write_text(to_pem(lost))
    result = fleet.at(5 * HOUR).run(certificate=str(path), reason="ca_compromise")
    assert result["certificates"][0]["changed"] is False
    assert listed(fleet)[lost.serial_number] == "superseded"
    assert len(listed(fleet)) == len(list(fleet.crl())) == 2
    with open_ledger(fleet.ledger_path) as ledger:
        assert ledger.revocations.known(fingerprint(lost)).status == "revoked"
        assert ledger.revocations.revoked_serial(lost.serial_number) is None


def has(host: Host, leaf: x509.Certificate, fleet: Fleet) -> None:
    """Have the host have a leaf, as a run has left it."""
    chain = sha256(to_pem(fleet.authority.issuing.certificate).encode())
    host.leaves["app"] = DeployedLeaf("app", 7, fingerprint(leaf), chain, "ab" * 32)
    host.certificates["app"] = to_pem(leaf)


def test_a_leaf_of_that_time_is_kept_and_entered(fleet: Fleet, host: Host, renew, learn, make_leaf) -> None:
    leaf = make_leaf("app.test", at=fleet.now + HOUR)
    has(host, leaf, fleet)
    with pytest.raises(PkiError, match=SINCE):
        renew(fleet.now + 4 * HOUR)
    learn()
    assert renew(fleet.now + 4 * HOUR, check=True).is_found
    with open_ledger(fleet.ledger_path) as ledger:
        assert ledger.revocations.known(fingerprint(leaf)) is None
    plan = renew(fleet.now + 4 * HOUR)
    assert (plan.is_found, plan.decision.action) == (True, Action.STAPLE)
    assert host.leaves["app"].leaf_sha256 == fingerprint(leaf)
    with open_ledger(fleet.ledger_path) as ledger:
        assert ledger.current_leaf(PLACE).sha256 == fingerprint(leaf)
        assert ledger.current_leaf(PLACE).status == "deployed"
    again = renew(fleet.now + 4 * HOUR)
    assert (again.is_found, again.decision.action) == (False, Action.NONE)


def test_one_that_was_revoked_since_is_replaced(fleet: Fleet, host: Host, renew, learn, lost) -> None:
    learn()
    has(host, lost, fleet)
    plan = renew(fleet.now + 4 * HOUR)
    assert plan.decision.action is Action.LEAF
    assert plan.decision.reason == "the deployed leaf is revoked"
    assert host.leaves["app"].leaf_sha256 != fingerprint(lost)
    with open_ledger(fleet.ledger_path) as ledger:
        assert ledger.revocations.known(fingerprint(lost)).revocation.reason == "superseded"
        assert ledger.revocations.revoked_serial(lost.serial_number) is None


def test_one_that_was_revoked_since_and_stays_loses_its_staple(fleet: Fleet, host: Host, renew, learn, lost) -> None:
    learn()
    has(host, lost, fleet)
    assert renew(fleet.now + 4 * HOUR, issues=False).decision.action is Action.STAPLE
    assert (host.leaves["app"].leaf_sha256, host.leaves["app"].staple_sha256) == (fingerprint(lost), "")


@pytest.mark.parametrize(
    ("names", "hours"),
    [
        (("app.test",), -24),  # before the backup: the ledger would have it
        (("app.test",), 24),  # after the restore
        (("app.example",), 1),  # outside of the constraints
    ],
)
def test_no_other_leaf_is_taken_for_one_of_that_time(
    fleet: Fleet, host: Host, renew, learn, make_leaf, names: tuple[str, ...], hours: int
) -> None:
    learn()
    leaf = make_leaf(*names, at=fleet.now + hours * HOUR)
    has(host, leaf, fleet)
    plan = renew(fleet.now + 25 * HOUR)
    assert (plan.is_found, plan.decision.action) == (False, Action.LEAF)
    assert plan.decision.reason == "the deployed leaf is not in the authority's ledger for this host"


@pytest.mark.parametrize("shown", ["", "no certificate", "another one"])
def test_a_host_that_shows_something_else_than_it_has_is_not_believed(
    fleet: Fleet, host: Host, renew, learn, make_leaf, shown: str
) -> None:
    learn()
    has(host, make_leaf("app.test", at=fleet.now + HOUR), fleet)
    host.certificates["app"] = to_pem(make_leaf("app.test", at=fleet.now + HOUR)) if shown == "another one" else shown
    assert renew(fleet.now + 4 * HOUR).is_found is False


def test_a_certificate_of_somebody_else_is_none_of_ours(
    fleet: Fleet, host: Host, renew, learn, make_authority, tmp_path, make_leaf
) -> None:
    learn()
    other = make_authority(tmp_path / "other")
    signer = Signer(other.issuing.certificate, other.issuing.key(None, "passphrase"))
    has(host, make_leaf("app.test", at=fleet.now + HOUR, signer=signer), fleet)
    assert renew(fleet.now + 4 * HOUR).is_found is False


def test_a_host_is_asked_only_after_a_restore(fleet: Fleet, host: Host, renew, make_leaf) -> None:
    has(host, make_leaf("app.test", at=fleet.now + HOUR), fleet)
    renew(fleet.now + 4 * HOUR)
    assert "show" not in host.calls
