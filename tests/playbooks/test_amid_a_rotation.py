# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All other playbooks in real runs, while one root gives way to another: each does what it does else, by the root that
counts, and the rotation goes on after it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import LEDGER
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.tests.playbooks.authorities import make_authority, make_due
from ansible_collections.anchorage.pki.tests.playbooks.copied_stores import MountingController, can_copy_stores
from ansible_collections.anchorage.pki.tests.playbooks.plays import Run
from ansible_collections.anchorage.pki.tests.playbooks.rotating_fleets import HOSTS, RotatingFleet
from cryptography import x509

pytestmark = pytest.mark.long

GIVES_WAY = "the root of the deployed leaf gives way to another one"


def succeeded(run: Run) -> Run:
    assert run.status == 0, run.output
    return run


@pytest.fixture
def fleet(private_folder: Path) -> RotatingFleet:
    """Hosts that have leaves below the old root, and no store to be looked at."""
    made = RotatingFleet(private_folder)
    make_authority(made.authority)
    made.variables |= {"trust_anchor_stores": [], "anchorage_publish": f"{private_folder}/public"}
    succeeded(made.run("issue"))
    return made


def is_listed(fleet: RotatingFleet, certificate: x509.Certificate) -> bool:
    """Whether what is published says that a certificate is revoked."""
    lists = [x509.load_der_x509_crl(path.read_bytes()) for path in (fleet.folder / "public" / "crl").iterdir()]
    serial = certificate.serial_number
    return any(each.get_revoked_certificate_by_serial_number(serial) for each in lists)


def epochs(fleet: RotatingFleet) -> list[int]:
    """Those whose leaves the hosts have."""
    return [fleet.is_below(host) for host in HOSTS]


@pytest.mark.parametrize("state", [State.DISTRIBUTING, State.SWITCHING, State.DRAINING, State.PURGING])
def test_staples_are_renewed_and_what_is_revoked_is_replaced(fleet: RotatingFleet, state: State) -> None:
    """Leaves below the old root are in use in each state, as on hosts that are not waited for."""
    fleet.have(state)
    counting = 1 if state is State.DISTRIBUTING else 2
    leaves = [fleet.serial(host) for host in HOSTS]
    staple = fleet.folder / "host1" / "site" / "current" / "staple.der"
    before = staple.read_bytes()
    make_due(fleet.authority, *HOSTS)
    refreshed = succeeded(fleet.run("refresh_staples"))
    assert [fleet.serial(host) for host in HOSTS] == leaves
    assert staple.read_bytes() != before
    assert (GIVES_WAY in refreshed.text) == (counting == 2)

    for epoch in dict.fromkeys((1, counting)):  # one below the old root, then its successor below the new one
        revoked = fleet.leaf("host2")
        assert fleet.is_below("host2") == epoch
        succeeded(fleet.revoke(anchorage_revoke_serial=f"{revoked.serial_number:x}"))
        assert is_listed(fleet, revoked)
        assert (epochs(fleet), fleet.is_stapled("host2")) == ([1, counting], True)
        assert fleet.leaf("host2") != revoked

    certificate = fleet.authority / "issuing" / "1" / "certificate.pem"
    succeeded(fleet.revoke(anchorage_revoke_certificate=str(certificate), anchorage_revoke_reason="ca_compromise"))
    issuing = x509.load_pem_x509_certificate(certificate.read_bytes())
    assert is_listed(fleet, issuing)
    assert (epochs(fleet), fleet.is_stapled("host1")) == ([counting, counting], True)
    assert fleet.leaf("host1").issuer != issuing.subject
    assert fleet.state == state.value

    fleet.prove({1: "absent", 2: "trusted"} if state is State.PURGING else {1: "trusted", 2: "trusted"}, *HOSTS)
    succeeded(fleet.rotate("continue", anchorage_rotate_overlap_days=0))
    assert (epochs(fleet), fleet.state) == ([2, 2], "done" if state is State.PURGING else "purging")


def test_a_nightly_run_replaces_leaves_and_goes_no_further(fleet: RotatingFleet) -> None:
    fleet.have(State.SWITCHING)
    shown = fleet.run("doctor", trust_anchor_stores=[], anchorage_hosts="host1")
    assert f"run the playbook anchorage.pki.issue: {GIVES_WAY}" in shown.text
    nightly = succeeded(fleet.run("site"))
    assert nightly.text.count(f"site: new leaf, since {GIVES_WAY}") == len(HOSTS)
    assert (epochs(fleet), fleet.state) == ([2, 2], "switching")
    published = {path.stem for path in (fleet.folder / "public" / "crl").iterdir()}
    signers = [key.certificate for key in (*fleet.read().roots, *fleet.read().issuers)]
    identifiers = [one.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest for one in signers]
    assert published == {identifier.hex() for identifier in identifiers}
    succeeded(fleet.rotate("continue"))
    assert fleet.state == "draining"


@pytest.mark.skipif(not can_copy_stores(), reason="needs root, mount namespaces and Debian's package ca-certificates")
def test_hosts_are_uninstalled(private_folder: Path) -> None:
    """One of them first, without which the rotation goes on, and then all with the authority."""
    fleet = RotatingFleet(private_folder, MountingController)
    make_authority(fleet.authority)
    fleet.variables |= {"trust_anchor_stores": ["system"]}
    succeeded(fleet.run("issue"))
    fleet.have(State.SWITCHING)
    succeeded(fleet.run("trust"))
    bundle = next(fleet.folder.glob("store*/certs/ca-certificates.crt"))
    roots = [(root.folder / "certificate.pem").read_text().strip() for root in fleet.read().roots]
    assert all(root in bundle.read_text() for root in roots)

    succeeded(fleet.run("uninstall", anchorage_hosts="host2"))
    assert not any(root in bundle.read_text() for root in roots)  # hosts share it
    assert not (fleet.folder / "host2" / "site").exists()
    went_on = succeeded(fleet.rotate("continue", anchorage_hosts="host1"))
    assert (fleet.state, fleet.is_below("host1")) == ("draining", 2)
    assert "Counted: 1 host: host1" in went_on.text
    assert all(root in bundle.read_text() for root in roots)

    succeeded(fleet.run("uninstall", anchorage_delete_authority=True))
    assert not any(root in bundle.read_text() for root in roots)
    assert not (fleet.authority / LEDGER).exists()
