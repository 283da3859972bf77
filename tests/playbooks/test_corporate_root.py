# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An authority below a company's root, and two controllers below one root, in real runs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.tests.playbooks.authorities import make_authority
from ansible_collections.anchorage.pki.tests.playbooks.copied_stores import MountingController, can_copy_stores
from ansible_collections.anchorage.pki.tests.playbooks.fleets import Fleet
from ansible_collections.anchorage.pki.tests.playbooks.plays import Controller, Run
from ansible_collections.anchorage.pki.tests.unit.corporate_pki import Corporate, corporate_root, pem
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

pytestmark = pytest.mark.long

NO_CHANGE = "changed=0 "


def below_a_root(folder: Path, controller: Callable[[Path], Controller] = Controller, **variables: object) -> Fleet:
    """Hosts whose authority asks for its certificate, and no store to be looked at."""
    fleet = Fleet(folder, controller)
    fleet.variables |= {
        "trust_anchor_stores": [],
        "certificate_authority_issuing_request_path": str(folder / "issuing.csr"),
        **variables,
    }
    return fleet


def answered(fleet: Fleet, company: Corporate, days: int = 1000) -> None:
    """Have the company sign what the fleet's authority asks for, and name the answer in the inventory."""
    asked = x509.load_pem_x509_csr((fleet.folder / "issuing.csr").read_bytes())
    answer = fleet.folder / "answer.pem"
    answer.write_bytes(pem(company.sign(asked, days=days), company.root))
    fleet.variables["certificate_authority_issuing_certificate"] = str(answer)


def good(run: Run) -> Run:
    assert run.status == 0, run.output + run.errors
    return run


def unchanged(run: Run) -> None:
    assert good(run).output.count(NO_CHANGE) == run.output.count(" changed="), run.output


def trusted(fleet: Fleet, *companies: Corporate) -> list[bool]:
    """Whether the copy of the store has the root of each."""
    bundle = (fleet.folder / "store0" / "certs" / "ca-certificates.crt").read_bytes()
    return [pem(company.root) in bundle for company in companies]


#: What certificate_authority_info says while the answer is awaited.
LOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - anchorage.pki.certificate_authority_info:
        authority: "{{ anchorage_authority }}"
      register: found
    - assert:
        that:
          - not found.exists
          - found.external_root
          - found.issuing_request.path == anchorage_authority ~ '/issuing/1/request.pem'
          - "'awaits its certificate. Have' in found.msg"
"""


def test_an_administrator_has_the_company_sign_the_issuing_certificate(private_folder: Path) -> None:
    fleet = below_a_root(private_folder, anchorage_publish=str(private_folder / "public"))
    checked = fleet.run("authority", "--check", "--diff")
    assert (checked.status, "request for issuing authority 1: new (there is none yet)" in checked.text) == (0, True)
    assert not (private_folder / "issuing.csr").exists()
    asked = fleet.run("authority", "-v")
    assert asked.status == 0, asked.output
    assert "awaits its certificate. Have" in asked.text
    request = x509.load_pem_x509_csr((private_folder / "issuing.csr").read_bytes())
    again = fleet.run("authority")
    assert (again.status, again.output.count(NO_CHANGE)) == (0, 1), again.output
    early = fleet.run("issue")
    assert early.status == 2, early.output
    assert "awaits its certificate. Have" in early.text
    (private_folder / "look.yml").write_text(LOOK)
    look = fleet.controller.run("look.yml", f"--extra-vars=anchorage_authority={fleet.authority}")
    assert look.status == 0, look.output

    company = corporate_root(datetime.now(timezone.utc).replace(microsecond=0))
    signer = company.below("Corporate policy authority").below("Corporate subordinate authority")
    answer = private_folder / "answer.pem"
    given = {"certificate_authority_issuing_certificate": str(answer)}
    answer.write_bytes(pem(signer.certificate, company.root))
    wrong = fleet.run("authority", **given)
    assert wrong.status == 2, wrong.output
    assert "is for another key than that of the request. Ask the PKI of the root to sign" in wrong.text
    answer.write_bytes(pem(signer.sign(request), *signer.chain))
    checked = fleet.run("authority", "--check", "--diff", **given)
    assert (checked.status, "issuing authority 1: new (its certificate came" in checked.text) == (0, True), (
        checked.output
    )
    checked = fleet.run("site", "--check", **given)
    assert (checked.status, "awaits its certificate" in checked.text) == (0, False), checked.output
    assert fleet.run("issue").status == 2
    taken = fleet.run("authority", **given)
    assert taken.status == 0, taken.output
    assert "CN=Corporate root carries no name constraints" in taken.text
    issued = fleet.run("site", **given)
    assert issued.status == 0, issued.output
    current = private_folder / "host1" / "site" / "current"
    assert (current / "chain.pem").read_text().count("BEGIN CERTIFICATE") == 3
    verify = ["openssl", "verify", "-CAfile", private_folder / "root.pem", "-untrusted", current / "chain.pem"]
    (private_folder / "root.pem").write_bytes(pem(company.root))
    assert subprocess.run([*verify, current / "cert.pem"], check=False, capture_output=True).returncode == 0
    assert len(list((private_folder / "public" / "crl").iterdir())) == 1  # none of the root
    quiet = fleet.run("site", **given)
    assert (quiet.status, quiet.output.count(NO_CHANGE)) == (0, quiet.output.count(" changed=")), quiet.output

    gone = fleet.run("uninstall")
    assert gone.status == 0, gone.output
    assert "The root CN=Corporate root is another authority's and stays trusted" in gone.text
    assert not current.exists()


def test_two_controllers_below_one_root_leave_the_leaves_of_the_other_alone(private_folder: Path) -> None:
    """Each has a ledger and a place of its own on the same hosts."""
    folders = private_folder / "a", private_folder / "b"
    for folder in folders:
        folder.mkdir()
    first, second = Fleet(folders[0]), below_a_root(folders[1])
    first.variables |= {"trust_anchor_stores": []}
    make_authority(first.authority)
    assert second.run("authority", certificate_authority_subject={"common_name": "Second controller"}).status == 0
    passed = {
        "certificate_authority_sign_request": str(folders[1] / "issuing.csr"),
        "certificate_authority_signed_certificate_path": str(folders[0] / "second.pem"),
    }
    checked = first.run("authority", "--check", **passed)
    assert (checked.status, (folders[0] / "second.pem").exists()) == (0, False), checked.output
    signed = first.run("authority", **passed)
    assert signed.status == 0, signed.output
    again = first.run("authority", **passed)
    assert (again.status, again.output.count(NO_CHANGE)) == (0, 1), again.output + again.errors
    second.variables["certificate_authority_issuing_certificate"] = str(folders[0] / "second.pem")
    for fleet in (first, second):
        run = fleet.run("site")
        assert run.status == 0, run.output
    kept = {fleet: fleet.leaf("host1") for fleet in (first, second)}
    authorities = [read_authority(fleet.authority) for fleet in (first, second)]
    assert len({authority.root.sha256 for authority in authorities}) == 1  # one anchor for hosts
    assert kept[first].issuer != kept[second].issuer
    assert (folders[1] / "host1" / "site" / "current" / "chain.pem").read_text().count("BEGIN CERTIFICATE") == 1

    for fleet in (first, second):
        run = fleet.run("site")
        assert (run.status, run.output.count(NO_CHANGE)) == (0, run.output.count(" changed=")), run.output
    revoked = first.revoke(anchorage_revoke_serial=first.serial("host1"))
    assert revoked.status == 0, revoked.output
    unknown = first.revoke(anchorage_revoke_serial=second.serial("host1"))
    assert (unknown.status, "is no certificate of this authority" in unknown.text) == (2, True), unknown.output
    assert first.leaf("host1") != kept[first]
    gone = first.run("uninstall")
    assert gone.status == 0, gone.output
    assert not (folders[0] / "host1" / "site").exists()
    assert second.leaf("host1") == kept[second]
    assert second.leaves == {"deployed": 2}


def test_before_an_issuing_certificate_ends_runs_warn_and_ask_for_the_next_one(private_folder: Path) -> None:
    """From two lifetimes of a leaf on; until the answer is there, leaves come from the former one."""
    company = corporate_root(datetime.now(timezone.utc).replace(microsecond=0))
    fleet = below_a_root(private_folder)
    good(fleet.run("authority"))
    answered(fleet, company, days=170)
    needed = "The next issuing certificate is needed: the last one ends on"
    assert needed in good(fleet.run("authority")).text
    asking = good(fleet.run("site"))
    assert needed in asking.text
    request = (private_folder / "issuing.csr").read_bytes()
    assert x509.load_pem_x509_csr(request).subject.rfc4514_string().endswith("issuing 2")
    first = fleet.leaf("host1")
    assert first.issuer == read_authority(fleet.authority).issuers[0].certificate.subject
    for playbook in ("authority", "doctor"):
        warned = fleet.run(playbook)
        unchanged(warned)
        assert needed in warned.text
        assert f"Have {fleet.authority}/issuing/2/request.pem signed by the authority of the root" in warned.text
    assert (private_folder / "issuing.csr").read_bytes() == request

    answered(fleet, company)
    assert needed not in good(fleet.run("site")).text
    assert read_authority(fleet.authority).issuing.number == 2
    assert fleet.leaf("host1") == first
    assert needed not in fleet.run("doctor").text


@pytest.mark.skipif(not can_copy_stores(), reason="needs root, mount namespaces and Debian's package ca-certificates")
def test_a_company_that_has_another_root_moves_to_a_second_authority(private_folder: Path) -> None:
    """The steps of docs/corporate-roots.md, over a copy of this machine's store: hosts trust both roots meanwhile."""
    now = datetime.now(timezone.utc).replace(microsecond=0)
    former = corporate_root(now)
    latter = corporate_root(now, "Latter root", ec.generate_private_key(ec.SECP256R1()))
    fleet = below_a_root(private_folder, controller=MountingController, trust_anchor_stores=["system"])
    good(fleet.run("authority"))
    answered(fleet, former)
    good(fleet.run("site"))
    first = fleet.leaf("host1")
    root_path = fleet.authority / "root" / "1" / "certificate.pem"
    second = {
        "anchorage_authority": str(private_folder / "authority-2"),
        "certificate_authority_issuing_request_path": str(private_folder / "issuing-2.csr"),
        "certificate_authority_issuing_certificate": "",
    }
    good(fleet.run("authority", **second))
    unchanged(fleet.run("site"))  # as every night, until the answer is there
    latest = x509.load_pem_x509_csr((private_folder / "issuing-2.csr").read_bytes())
    (private_folder / "answer-2.pem").write_bytes(pem(latter.sign(latest), latter.root))
    second["certificate_authority_issuing_certificate"] = str(private_folder / "answer-2.pem")
    good(fleet.run("authority", **second))
    good(fleet.run("trust", **second))
    assert trusted(fleet, former, latter) == [True, True]
    assert fleet.leaf("host1") == first

    moved = good(fleet.run("site", **second))
    assert "site: new leaf, since the deployed leaf is not in the authority's ledger" in moved.text
    assert fleet.leaf("host1").issuer == latest.subject
    unchanged(fleet.run("site", **second))
    assert trusted(fleet, former, latter) == [True, True]
    leaving = {"trust_anchor_src": str(root_path), "trust_anchor_state": "absent"}
    good(fleet.run("trust", **second, **leaving))
    assert trusted(fleet, former, latter) == [False, True]
    unchanged(fleet.run("site", **second))

    gone = good(fleet.run("uninstall"))  # of the former authority, whose leaves were replaced
    assert "has a leaf of another authority, which took the place of this one's, and stays" in gone.text
    assert fleet.leaf("host1").issuer == latest.subject
    unchanged(fleet.run("site", **second))
