# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After an older ledger was restored: certificates that the authority signed since are revoked by their files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import KEY
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import find_targets
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.results import revocation_diff
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import response_path
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer
from ansible_collections.anchorage.pki.tests.unit.function_host import Host
from cryptography import x509
from cryptography.x509 import ocsp

DAY = timedelta(days=1)
NAMELESS = dict.fromkeys(("name", "host", "destination", "serial"))


@pytest.fixture
def file(tmp_path: Path) -> Callable[[x509.Certificate], str]:
    """A function that puts a certificate into a file, and returns its path."""

    def write(certificate: x509.Certificate) -> str:
        path = tmp_path / f"{certificate.serial_number:x}.pem"
        path.write_text(to_pem(certificate))
        return str(path)

    return write


def serials(crl: x509.CertificateRevocationList) -> set[int]:
    return {entry.serial_number for entry in crl}


def answer(fleet: Any, leaf: x509.Certificate) -> Path:
    """Where the response about a leaf is published."""
    return fleet.public / response_path(leaf, fleet.authority.issuing.certificate, "sha1")


def test_a_leaf_that_a_restored_ledger_lacks_is_revoked_by_its_file(fleet, make_leaf, file) -> None:
    leaf = make_leaf("later.test")
    for check in (True, False):
        done = fleet.run(certificate=file(leaf), check=check, reissue=False)
        (result,) = done["certificates"]
        assert (done["changed"], done["crl"], done["ocsp"]) == (True, "signed", "signed")
        assert (result["kind"], result["status"], result["changed"]) == ("leaf", "unrecorded", True)
        assert (result["host"], result["path"], result["reissue"]) == (None, None, None)
        assert done["warnings"] == [
            f"The ledger, which was restored, does not know which host has the leaf {leaf.serial_number:x}. Until the "
            "playbook site has replaced it there, a good staple of it may be shown, for as long as a staple is valid."
        ]
    assert serials(fleet.crl()) == {leaf.serial_number}
    response = ocsp.load_der_ocsp_response(answer(fleet, leaf).read_bytes())
    assert response.certificate_status is ocsp.OCSPCertStatus.REVOKED
    again = fleet.run(serial=f"{leaf.serial_number:x}")
    assert (again["changed"], again["certificates"][0]["status"]) == (False, "revoked")
    with open_ledger(fleet.ledger_path) as ledger:
        assert {place.host for place in ledger.places()} == set(fleet.leaves)
        assert ledger.revocations.pending_places(fleet.now) == ledger.due_staples(fleet.now) == {}


def test_check_mode_enters_nothing(fleet, make_leaf, file) -> None:
    fleet.run(certificate=file(make_leaf()), check=True)
    with open_ledger(fleet.ledger_path) as ledger:
        assert ledger.leaf_counts() == {"deployed": 2}


def test_the_diff_says_that_its_place_is_not_known(fleet, make_leaf, file) -> None:
    leaf = make_leaf()
    arguments = {**NAMELESS, "certificate": file(leaf), "reason": "superseded", "reissue": True}
    with open_ledger(fleet.ledger_path) as ledger:
        targets = find_targets(arguments, fleet.authority.issuers, ledger.revocations, fleet.now)
    assert revocation_diff(targets)["before"] == (
        f"leaf certificate {leaf.serial_number:x} in a place that the ledger does not know: unrecorded\n"
    )


def test_a_published_revocation_that_a_restored_ledger_lacks_is_entered_by_the_file(
    fleet, host: Host, renew, file, tmp_path: Path
) -> None:
    fleet.run()
    backup = shutil.copy(fleet.ledger_path, tmp_path / "backup.sqlite3")
    renew(fleet.now)  # the host was emptied, and gets another leaf
    with open_ledger(fleet.ledger_path) as ledger:
        (known,) = ledger.revocations.known_at("web1", "app", fleet.now)
    fleet.run(serial=f"{known.certificate.serial_number:x}")
    shutil.copy(backup, fleet.ledger_path)
    with pytest.raises(PkiError, match=r"Revoke them by their serials, or those that it lacks by their files"):
        fleet.run()
    with pytest.raises(PkiError, match=r"A leaf that the ledger lacks since it was restored can be named by its file"):
        fleet.run(serial=f"{known.certificate.serial_number:x}")
    fleet.run(certificate=file(known.certificate), after=DAY)
    assert serials(fleet.crl()) == {known.certificate.serial_number}
    assert renew(fleet.now + DAY).decision.reason == "the deployed leaf is not in the authority's ledger for this host"


def test_a_good_response_that_a_restored_ledger_lacks_is_removed_while_the_responder_is_away(
    fleet, make_leaf, file
) -> None:
    leaf = make_leaf()
    fleet.run()
    path = answer(fleet, leaf)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(answer(fleet, fleet.leaves["web1"]).read_bytes())  # whatever says good
    key = fleet.authority.issuing.responder.folder / KEY
    away = key.rename(key.with_name("away"))
    assert fleet.run(certificate=file(leaf))["ocsp"] == "pending"
    assert not path.exists()
    away.rename(key)
    fleet.run()
    assert ocsp.load_der_ocsp_response(path.read_bytes()).certificate_status is ocsp.OCSPCertStatus.REVOKED


def test_a_leaf_of_a_retired_issuing_authority_has_its_list_signed_again(
    fleet, make_authority, make_leaf, file
) -> None:
    later = fleet.at(1005 * DAY)
    leaf = make_leaf(at=fleet.now + 1000 * DAY, days=90)
    former = fleet.authority.issuing.certificate
    fleet.authority = later.authority = make_authority(fleet.authority.folder, at=later.now)
    assert fleet.authority.issuing.certificate != former
    later.run(certificate=file(leaf))
    assert serials(later.crl(former)) == {leaf.serial_number}


def test_an_issuing_certificate_that_a_restored_folder_lacks_is_revoked_by_its_file(
    fleet, own_authority: Authority, make_authority, file, tmp_path: Path
) -> None:
    kept = shutil.copytree(own_authority.folder, tmp_path / "kept")
    lost = make_authority(own_authority.folder, at=fleet.now + 1005 * DAY).issuing.certificate
    shutil.rmtree(own_authority.folder)
    shutil.copytree(kept, own_authority.folder)
    result = fleet.at(1005 * DAY).run(certificate=file(lost), reason="ca_compromise", publish=True)
    assert [entry["kind"] for entry in result["certificates"]] == ["issuing"]
    assert serials(fleet.crl(own_authority.root.certificate)) == {lost.serial_number}


def test_what_the_authority_did_not_sign_is_refused(fleet, make_authority, make_leaf, file, tmp_path: Path) -> None:
    other = make_authority(tmp_path / "other")
    signer = Signer(other.issuing.certificate, other.issuing.key(None, "passphrase"))
    for foreign in (make_leaf(signer=signer), other.issuing.certificate, other.root.certificate):
        with pytest.raises(PkiError, match=r"is no certificate of this authority\. Check the option authority\.$"):
            fleet.run(certificate=file(foreign))


def test_a_root_or_responder_that_a_restored_ledger_lacks_is_refused_as_any(fleet, make_authority, file) -> None:
    later = make_authority(fleet.authority.folder, at=fleet.now + 2600 * DAY)
    with open_ledger(fleet.ledger_path) as ledger, ledger.transaction():
        ledger._connection.execute("DELETE FROM certificates WHERE kind IN ('root', 'responder')")
    with pytest.raises(PkiError, match="is a root, which no list can revoke"):
        fleet.run(certificate=file(later.root.certificate))
    with pytest.raises(PkiError, match="is an OCSP responder, whose status nobody asks"):
        fleet.run(certificate=file(later.issuing.responder.certificate))


def test_one_with_the_serial_number_of_a_known_one_is_that_one(fleet, file, issuing: Signer) -> None:
    """Its signature may be another one of the same key: those of ECDSA can be altered so that they stay valid."""
    leaf = fleet.leaves["web1"]
    builder = (
        x509.CertificateBuilder()
        .subject_name(leaf.subject)
        .issuer_name(leaf.issuer)
        .public_key(leaf.public_key())
        .serial_number(leaf.serial_number)
        .not_valid_before(leaf.not_valid_before_utc)
        .not_valid_after(leaf.not_valid_after_utc)
    )
    for extension in leaf.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    again = builder.sign(issuing.key, leaf.signature_hash_algorithm)
    assert again != leaf
    (result,) = fleet.run(certificate=file(again))["certificates"]
    assert (result["host"], result["status"]) == ("web1", "deployed")
