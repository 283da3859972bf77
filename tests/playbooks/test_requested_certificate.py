# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests that OpenSSL made on devices, and leaves for tests, in real runs; OpenSSL says what clients make of them."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path

import pytest
import yaml
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.tests.playbooks.authorities import make_authority
from ansible_collections.anchorage.pki.tests.playbooks.fleets import Fleet
from ansible_collections.anchorage.pki.tests.playbooks.plays import Run
from ansible_collections.anchorage.pki.tests.unit.brought import make_request

UNINSTALL = Path(__file__).resolve().parents[2] / "playbooks" / "uninstall.yml"
TASKS = """
    - name: Sign requests
      anchorage.pki.requested_certificate:
        authority: "{{ folder }}/authority"
        name: "{{ item }}"
        csr_path: "{{ folder }}/{{ item }}.csr"
        names: ["{{ item }}.test", 10.0.0.9]
        destination: "{{ folder }}/{{ item }}"
      loop: [rsa, ec, ed25519]
      diff: true
      register: signed
    - name: Make leaves for tests
      anchorage.pki.certificate_for_tests:
        authority: "{{ folder }}/authority"
        name: "{{ item }}"
        names: [app.test]
        validity: "{{ item }}"
        destination: "{{ folder }}/{{ item }}"
      loop: [expired, not_yet_valid]
      diff: true
    - name: Return the same once more
      anchorage.pki.requested_certificate:
        authority: "{{ folder }}/authority"
        name: ec
        csr_content: "{{ lookup('file', folder ~ '/ec.csr') }}"
        names: [10.0.0.9, EC.test]
      register: again
      when: not ansible_check_mode
    - name: See that it is the same
      ansible.builtin.assert:
        that:
          - again is not changed
          - again.fullchain == again.certificate ~ again.chain
          - again.certificate == signed.results[1].certificate
          - again.not_requested == ['10.0.0.9', 'ec.test']
          - again.left_out == ['thief.test']
      when: not ansible_check_mode
"""
REQUESTS = ("rsa", "ec", "ed25519")
TESTS = {
    "expired": "error 10 at 0 depth lookup: certificate has expired",
    "not_yet_valid": "error 9 at 0 depth lookup: certificate is not yet valid",
}


@pytest.fixture
def fleet(private_folder: Path) -> Fleet:
    """A controller with an authority and requests. The folders for what is made are still to be made, too."""
    fleet = Fleet(private_folder)
    make_authority(fleet.authority)
    for kind in REQUESTS:
        (fleet.folder / f"{kind}.csr").write_text(make_request(kind, "DNS:thief.test"))
    return fleet


def verified(fleet: Fleet, name: str) -> str:
    """What OpenSSL says of a leaf as a client does that trusts the root."""
    root, folder = read_authority(fleet.authority).root.folder / "certificate.pem", fleet.folder / name
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", root]
    command += ["-untrusted", folder / "chain.pem", folder / "cert.pem"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return run.stdout + run.stderr


def play(fleet: Fleet, *options: str) -> Run:
    playbook = fleet.folder / "play.yml"
    playbook.write_text(f"- hosts: localhost\n  gather_facts: false\n  tasks:{TASKS}")
    return fleet.controller.run(playbook, f"--extra-vars=folder={fleet.folder}", *options)


def succeeded(run: Run) -> str:
    assert run.status == 0, run.output + run.errors
    return run.text


def test_requests_and_leaves_for_tests_from_the_first_run_to_the_last(fleet: Fleet) -> None:
    checked = succeeded(play(fleet, "--check"))
    assert "changed=2" in checked
    assert "serial number: another one" in checked
    assert not (fleet.folder / "rsa").exists()
    assert fleet.leaves == {}

    first = succeeded(play(fleet))
    assert "changed=2" in first
    assert "The request for 'rsa' asks for thief.test, which the certificate does not have" in first
    again = succeeded(play(fleet))
    assert "changed=0" in again
    assert "asks for thief.test" not in again
    assert "PRIVATE KEY" not in first + again
    for kind in REQUESTS:
        assert verified(fleet, kind).endswith("cert.pem: OK\n")
        assert {stat.S_IMODE(path.stat().st_mode) for path in (fleet.folder / kind).iterdir()} == {0o644}
    for name, words in TESTS.items():
        said = verified(fleet, name)
        assert words in said
        assert said.count("depth lookup") == 1

    assert "5 certificates: 3 requested, 2 test" in succeeded(fleet.run("ledger"))
    entry = {"name": "site", "names": ["site.test"], "validity": "expired"}
    misplaced = fleet.run("issue", "--check", leaf_certificate_certificates=[entry])
    assert misplaced.status == 2
    assert "validity is unknown" in misplaced.text
    succeeded(fleet.revoke(anchorage_revoke_name="ec", anchorage_revoke_reason="key_compromise"))
    uninstall(fleet)


def uninstall(fleet: Fleet) -> None:
    """Without the hosts' part, which would look into this machine's trust stores."""
    last = fleet.folder / "last_play.json"
    last.write_text(json.dumps(yaml.safe_load(UNINSTALL.read_text(encoding="utf-8"))[-1:]))
    given = {
        "anchorage_authority": str(fleet.authority),
        "anchorage_hosts": "host1",
        "anchorage_gone": True,
        "anchorage_delete_authority": True,
    }
    removed = succeeded(fleet.controller.run(last, f"--extra-vars={json.dumps(given)}"))
    assert "Signed for requests, and still on their devices: ed25519, rsa." in removed
    assert not fleet.authority.exists()
