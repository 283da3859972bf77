# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action certificate_revocation in a real run of ansible-playbook, beside the tasks that see what it did."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

REVOKE = "anchorage.pki.certificate_revocation"
LEAF = "anchorage.pki.leaf_certificate"
READ = "anchorage.pki.certificate_authority_info"
PKI = {"authority": "{{ pki }}", "passphrase": "correct horse battery staple"}
#: No unit of systemd may stay on this machine.
DEPLOY = {LEAF: {**PKI, "destination": "{{ folder }}/leaves", "withdrawal": "off", "name": "a", "names": ["a.test"]}}
NAMED = {**PKI, "name": "a", "host": "localhost"}
PUBLIC = {"publish": "{{ folder }}/public"}

#: One run, in which each task finds what those before it left.
TASKS: dict[str, dict[str, Any]] = {
    "no authority": {REVOKE: {**NAMED}},
    "authority": {"anchorage.pki.certificate_authority": PKI},
    "nobody's": {REVOKE: {**NAMED}},
    "deployed": DEPLOY,
    "both": {REVOKE: {**NAMED, "serial": "1"}},
    "no host": {REVOKE: {**PKI, "name": "a"}},
    "on hold": {REVOKE: {**NAMED, "reason": "certificate_hold"}},
    "another serial": {REVOKE: {**PKI, "serial": "0A:0B"}},
    "no serial": {REVOKE: {**PKI, "serial": "web1"}},
    "no file": {REVOKE: {**PKI, "certificate": "{{ folder }}/nothing.pem"}},
    "no certificate": {REVOKE: {**PKI, "certificate": "{{ folder }}/playbook.json"}},
    "root": {REVOKE: {**PKI, "certificate": "{{ pki }}/root/1/certificate.pem"}},
    "responder": {REVOKE: {**PKI, "certificate": "{{ pki }}/issuing/1/responder/1/certificate.pem"}},
    "keys": {REVOKE: {**PKI, "publish": "{{ pki }}/public"}},
    "keys below": {REVOKE: {**PKI, "publish": "{{ folder }}"}},
    "a file": {REVOKE: {**PKI, "publish": "{{ folder }}/playbook.json"}},
    "a file in check mode": {REVOKE: {**PKI, "publish": "{{ folder }}/playbook.json"}, "check_mode": True},
    "wrong passphrase": {REVOKE: {**NAMED, "passphrase": "not the right passphrase"}},
    "still good": {READ: {"authority": "{{ pki }}"}},
    "planned": {REVOKE: {**NAMED, **PUBLIC, "reason": "key_compromise"}, "check_mode": True},
    "good after check mode": {READ: {"authority": "{{ pki }}"}},
    "revoked": {REVOKE: {**NAMED, **PUBLIC, "reason": "key_compromise", "passphrase": "{{ omit }}"}},
    "pending": {READ: {"authority": "{{ pki }}"}},
    "with the key": {REVOKE: {**NAMED, **PUBLIC, "reason": "superseded"}},
    "again": {REVOKE: {**NAMED, **PUBLIC}},
    "by file": {REVOKE: {**PKI, **PUBLIC, "certificate": "{{ folder }}/leaves/a/current/cert.pem", "reissue": False}},
    "blocked": DEPLOY,
    "at the end": {READ: {"authority": "{{ pki }}"}},
}
REFUSED = {
    "no authority": "There is no authority in",
    "nobody's": "name: the ledger knows no leaf 'a' of host 'localhost' that is in use and has not ended",
    "both": "mutually exclusive: name|serial|certificate",
    "no host": "Of a leaf on a host, give the host, too (option host); others have a serial number.",
    "on hold": "value of reason must be one of",
    "another serial": "serial: '0A:0B' is no certificate of this authority",
    "no serial": "serial: 'web1' is not a number in hexadecimal",
    "no file": "nothing.pem cannot be read: No such file or directory",
    "no certificate": "playbook.json holds no certificate in PEM",
    "root": "is a root, which no list can revoke. Remove it from hosts with trust_anchor",
    "responder": "is an OCSP responder, whose status nobody asks",
    "keys": "are in one another. Name another one: what is published must be no way to keys",
    "keys below": "are in one another. Name another one: what is published must be no way to keys",
    "a file": "playbook.json is a file. Name a folder, which is made where it is missing",
    "a file in check mode": "playbook.json is a file. Name a folder, which is made where it is missing",
    "wrong passphrase": "passphrase: this is not the passphrase of the private key",
}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """An empty folder in the user's home: root keeps no key below /tmp, where everybody may write."""
    made = Path(tempfile.mkdtemp(prefix=".anchorage-test-", dir=pwd.getpwuid(os.geteuid()).pw_dir))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def run(start_playbook, folder: Path):
    variables = {"folder": str(folder), "pki": str(folder / "authority")}
    tasks = {name: {**task, "vars": variables} for name, task in TASKS.items()}
    return start_playbook(folder, tasks)()


@pytest.fixture(scope="module")
def results(run) -> dict[str, dict[str, Any]]:
    return run.results


@pytest.mark.parametrize(("name", "words"), REFUSED.items())
def test_what_cannot_be_revoked_is_refused(results, name: str, words: str) -> None:
    assert results[name]["failed"]
    assert words in results[name]["msg"]


def test_what_was_refused_changed_nothing(results) -> None:
    for name in ("still good", "good after check mode"):
        assert results[name]["leaves"] == {"deployed": 1}
        assert {entry["number"] for entry in results[name]["lists"]} == {None}


def test_check_mode_says_what_would_be_revoked_and_until_when_it_looks_good(results, folder: Path) -> None:
    planned = results["planned"]
    (entry,) = planned["certificates"]
    (leaf,) = results["deployed"]["certificates"]
    assert planned["changed"]
    assert (entry["host"], entry["path"], entry["status"]) == ("localhost", f"{folder}/leaves/a", "deployed")
    assert (entry["serial_number"], entry["good_until"]) == (leaf["serial_number"], leaf["staple"]["next_update"])
    assert planned["diff"]["before"] == (
        f"leaf certificate {leaf['serial_number']} at {folder}/leaves/a on localhost: deployed, "
        f"attested good until {leaf['staple']['next_update']}\n"
    )
    assert "revoked now (key_compromise), to be reissued" in planned["diff"]["after"]


def test_without_the_key_the_list_is_pending_until_a_run_has_it(results, folder: Path) -> None:
    revoked, finished = results["revoked"], results["with the key"]
    assert (revoked["changed"], revoked["crl"], revoked["ocsp"]) == (True, "pending", "signed")
    assert results["pending"]["leaves"] == {"revoked": 1}
    assert any("give its passphrase" in warning for warning in revoked["warnings"])
    (host,) = revoked["pending_hosts"]
    assert host["host"] == "localhost"
    assert results["pending"]["pending_hosts"] == revoked["pending_hosts"]
    assert (finished["changed"], finished["crl"]) == (True, "signed")
    assert finished["certificates"][0]["changed"] is False
    assert finished["certificates"][0]["reason"] == "key_compromise"
    path = next(Path(entry["path"]) for entry in finished["lists"] if "issuing" in entry["issuer"])
    serials = {f"{entry.serial_number:x}" for entry in x509.load_der_x509_crl(path.read_bytes())}
    assert serials == {results["deployed"]["certificates"][0]["serial_number"]}
    assert not results["again"]["changed"]


def test_a_leaf_that_is_not_to_be_reissued_blocks_its_place(results, folder: Path) -> None:
    (entry,) = results["by file"]["certificates"]
    assert (entry["changed"], entry["reissue"]) == (True, False)
    (blocked,) = results["blocked"]["certificates"]
    assert blocked["action"] == "staple"
    assert any("a gets no leaf" in warning.replace("on localhost ", "") for warning in results["blocked"]["warnings"])
    assert not list((folder / "leaves" / "a" / "current").glob("*.der"))
    assert results["at the end"]["pending_hosts"] == []


def test_the_published_lists_are_told(results) -> None:
    lists = results["at the end"]["lists"]
    assert len(lists) == 2
    assert all(entry["published_at"] and entry["number"] for entry in lists)


def test_no_passphrase_is_written_anywhere(run) -> None:
    assert "correct horse" not in run.output
