# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A root's word for its successor, revoked: on whose list it is, and what leaves are sent with then."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import Action
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import find_targets
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.results import issuing_result, revocation_diff
from ansible_collections.anchorage.pki.tests.unit.rotations import move, rotated
from cryptography import x509

#: From the first state with a cross-certificate on, those in which somebody may trust who signed it.
STATES = [state for state in State if state not in (State.PLANNED, State.DONE)]


def serials(crl: x509.CertificateRevocationList) -> set[int]:
    return {entry.serial_number for entry in crl}


def cross_of(authority: Authority) -> x509.Certificate:
    cross = authority.epochs[-1].cross
    assert cross is not None
    return cross


def named(cross: x509.Certificate, authority: Authority, way: str) -> dict[str, str]:
    """The option that names the cross-certificate."""
    if way == "serial":
        return {"serial": f"{cross.serial_number:x}"}
    return {"certificate": str(authority.epochs[-1].roots[0].folder / "cross.pem")}


@pytest.mark.parametrize("way", ["serial", "certificate"])
@pytest.mark.parametrize("state", STATES)
def test_it_is_on_the_list_of_the_root_that_signed_it(fleet: Any, state: State, way: str) -> None:
    authority = rotated(fleet.authority, state, fleet.now)
    cross = cross_of(authority)
    for check in (True, False):
        result = fleet.run(check=check, **named(cross, authority, way))
        assert (result["changed"], result["crl"]) == (True, "signed")
        (told,) = result["certificates"]
        assert (told["kind"], told["status"], told["places"], told["reissue"]) == ("cross", "signed", None, None)
        assert told["subject"] == "CN=Test authority root 2"
    former, new = authority.epochs
    assert serials(fleet.crl(former.root.certificate)) == {cross.serial_number}
    if state is not State.ABORTED:  # its own root has no list any more
        assert serials(fleet.crl(new.root.certificate)) == set()
    assert serials(fleet.crl(former.issuers[0].certificate)) == set()
    again = fleet.run(**named(cross, authority, way))
    assert (again["changed"], again["certificates"][0]["status"]) == (False, "revoked")


@pytest.mark.parametrize("state", STATES)
def test_it_makes_nothing_due_and_is_kept_from_then_on(fleet: Any, make_authority, state: State) -> None:
    authority = rotated(fleet.authority, state, fleet.now)
    cross = cross_of(authority)
    fleet.run(**named(cross, authority, "serial"))
    after = read_authority(authority.folder)
    assert after.epochs[-1].cross is None
    assert after.epochs == (authority.epochs[0], replace(authority.epochs[1], cross=None))
    with open_ledger(authority.ledger_path) as ledger:
        assert issuing_result(after, ledger) == {"issuing_due": False}
        assert ledger.revocations.revoked_authorities() == set()
        assert ledger.revocations.pending_places(fleet.now) == {}
    make_authority(authority.folder)  # enters what the ledger lacks
    assert read_authority(authority.folder) == after


def test_leaves_are_replaced_by_others_that_are_sent_without_it(
    own_authority: Authority, fleet: Any, renew, host
) -> None:
    authority = rotated(own_authority, State.SWITCHING, fleet.now)
    cross = cross_of(authority)
    assert renew(authority=authority).decision.action is Action.LEAF
    assert renew(authority=authority).decision.action is Action.NONE
    fleet.run(**named(cross, authority, "serial"))
    after = read_authority(authority.folder)
    assert renew(authority=after, issues=False).decision.withheld == "chain.pem is not the chain of the leaf's issuer"
    plan = renew(authority=after)
    assert (plan.decision.action, plan.decision.reason) == (
        Action.LEAF,
        "chain.pem is not the chain of the leaf's issuer",
    )
    assert renew(authority=after).decision.action is Action.NONE
    with open_ledger(authority.ledger_path) as ledger:
        current = ledger.current_leaf(plan.place)
    assert current is not None
    assert after.chain(after.issuing, current.certificate) == (after.issuing.certificate,)


def test_the_difference_says_what_it_is(fleet: Any) -> None:
    authority = rotated(fleet.authority, State.SWITCHING, fleet.now)
    cross = cross_of(authority)
    arguments = {
        **dict.fromkeys(("name", "host", "destination", "certificate")),
        **named(cross, authority, "serial"),
        "reason": "superseded",
        "reissue": True,
    }
    with open_ledger(fleet.ledger_path) as ledger:
        targets = find_targets(arguments, authority.roots, ledger.revocations, fleet.now)
    assert revocation_diff(targets)["after"] == (
        f"cross certificate {cross.serial_number:x} for CN=Test authority root 2: revoked now (superseded)\n"
    )


def test_one_that_a_restored_ledger_lacks_is_revoked_by_its_file(fleet: Any, tmp_path: Path) -> None:
    authority = rotated(fleet.authority, State.SWITCHING, fleet.now)
    cross, file = cross_of(authority), named(cross_of(authority), authority, "certificate")
    with open_ledger(fleet.ledger_path) as ledger, ledger.transaction():
        ledger._connection.execute("DELETE FROM certificates WHERE sha256 = ?", (fingerprint(cross),))
    (told,) = fleet.run(**file)["certificates"]
    assert (told["kind"], told["status"]) == ("cross", "unrecorded")
    assert serials(fleet.crl(authority.epochs[0].root.certificate)) == {cross.serial_number}
    assert read_authority(authority.folder).epochs[-1].cross is None


@pytest.mark.parametrize("part", ["root/2/cross.pem", "issuing/1/certificate.pem"])
def test_what_a_retired_root_signed_is_on_no_list(fleet: Any, part: str) -> None:
    authority = rotated(fleet.authority, State.DONE, fleet.now)
    for check in (True, False):
        with pytest.raises(PkiError, match=r"was signed by a root that has given way .* and signs no lists"):
            fleet.run(check=check, certificate=str(authority.folder / part))


def test_what_was_revoked_before_its_root_retired_can_be_named_again(fleet: Any) -> None:
    authority = rotated(fleet.authority, State.DRAINING, fleet.now)
    named_so = named(cross_of(authority), authority, "serial")
    fleet.run(**named_so)
    move(authority, State.DONE, fleet.now)
    assert fleet.run(**named_so)["changed"] is False


def test_the_same_names_of_another_authority_are_foreign(fleet: Any, make_authority, tmp_path: Path) -> None:
    rotated(fleet.authority, State.SWITCHING, fleet.now)
    other = rotated(make_authority(tmp_path / "other"), State.SWITCHING, fleet.now)
    path = shutil.copy(other.epochs[1].root.folder / "cross.pem", tmp_path / "foreign.pem")
    with pytest.raises(PkiError, match="is no certificate of this authority"):
        fleet.run(certificate=str(path))
