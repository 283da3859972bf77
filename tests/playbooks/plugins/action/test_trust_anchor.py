# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the actions trust_anchor and trust_anchor_info in a real, single run of ansible-playbook in check mode."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.lock import take_lock
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.anchors import identify_anchor
from ansible_collections.anchorage.pki.tests.playbooks.plays import PATIENT, startup_variables
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_root, pem_of
from cryptography import x509

KEY = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
PASSWORD = "of-our-keystores"
on_debian_as_root = pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/etc/debian_version"), reason="looks at this machine: needs root on Debian"
)

TASK = """
    - anchorage.pki.{action}:
        authority: "{{{{ item.authority | default(omit) }}}}"
        certificate: "{{{{ item.certificate | default(omit) }}}}"
        src: "{{{{ item.src | default(omit) }}}}"
        stores: "{{{{ omit if item.everywhere is defined else ['system'] }}}}"
        java_keystore_password: "{{{{ password if item.name == 'good' else omit }}}}"
        {state}
      loop: "{{{{ cases }}}}"
      loop_control:
        label: "{{{{ item.name }}}}"
      ignore_errors: true
      register: {action}
"""
PLAYBOOK = (
    """
- hosts: localhost
  connection: local
  gather_facts: false
  vars_files: cases.json
  tasks:
    - anchorage.pki.certificate_authority:
        subject: {common_name: Planned authority}
"""
    + TASK.format(
        action="trust_anchor",
        state="""state: "{{ item.state | default(omit) }}"
        purge_superseded: "{{ item.purge | default(omit) }}"
        profile_path: "{{ item.profile | default(omit) }}\"""",
    )
    + TASK.format(action="trust_anchor_info", state="")
    + """
    - ansible.builtin.copy:
        content: "{{ {'trust_anchor': trust_anchor.results, 'trust_anchor_info': trust_anchor_info.results} }}"
        dest: "{{ playbook_dir }}/results.json"
        mode: "0644"
      check_mode: false
      diff: false
"""
)
CASES: dict[str, dict[str, str]] = {
    "good": {
        "src": "root.pem",
    },
    "default": {},
    "absent authority": {"authority": "/nowhere/authority"},
    "absent authority to remove": {"authority": "/nowhere/authority", "state": "absent"},
    "both": {"certificate": "x", "src": "root.pem"},
    "over a default": {"authority": "/nowhere/authority", "src": "root.pem"},
    "text over a default": {"authority": "/nowhere/authority"},
    "empty": {"certificate": ""},
    "text": {"certificate": pem_of(make_root(ca=False)).decode()},
    "key": {"src": "key.pem"},
    "DER": {"src": "root.der"},
    "missing": {"src": "missing.pem"},
    "folder": {"src": "/"},
    "endless": {"src": "/dev/zero"},
    "pipe": {"src": "pipe"},
    "large": {"src": "large.pem"},
    "purge of another's": {"src": "root.pem", "purge": "true"},
    "everywhere": {"src": "root.pem", "everywhere": "yes"},
    "nowhere": {"src": "root.pem", "everywhere": "yes", "state": "absent"},
    "purge and absent": {"state": "absent", "purge": "true"},
    "profile": {"src": "root.pem", "profile": "/tmp/there is no such profile.mobileconfig"},
    "profile and absent": {"src": "root.pem", "profile": "/tmp/root.mobileconfig", "state": "absent"},
    "relative profile": {"src": "root.pem", "profile": "root.mobileconfig"},
}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the one run, which the first of all processes of this test session makes."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "trust_anchor_playbook"
    lock = take_lock(f"{folder}.lock", timeout=300)
    try:
        if not folder.exists():
            _play(folder)
    finally:
        os.close(lock)
    assert (folder / "results.json").exists(), (folder / "output").read_text()
    return folder


def _play(folder: Path) -> None:
    (folder / "files").mkdir(parents=True)
    root = make_root("Lab root")
    (folder / "files/root.pem").write_bytes(pem_of(root))
    (folder / "files/root.der").write_bytes(der_of(root))
    (folder / "files/large.pem").write_bytes(bytes(1024 * 1024 + 1))
    os.mkfifo(folder / "files/pipe")
    (folder / "files/key.pem").write_text(pem_of(root).decode() + KEY)
    cases = {name: {**case, "name": name} for name, case in CASES.items()}
    cases["text over a default"]["certificate"] = pem_of(root).decode()
    (folder / "cases.json").write_text(json.dumps({"password": PASSWORD, "cases": list(cases.values())}))
    (folder / "playbook.yml").write_text(PLAYBOOK)
    program = Path(sys.executable).with_name("ansible-playbook")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(Path(__file__).resolve().parents[4] / "build/collections"),
        **startup_variables(),
        **PATIENT,
    }
    command = [program, "--check", "--diff", "-vvv", "playbook.yml"]
    with (folder / "output").open("wb") as output:
        subprocess.run(command, cwd=folder, env=environment, stdout=output, stderr=output, check=False)


@pytest.fixture(scope="module")
def root(played: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((played / "files/root.pem").read_bytes())


@pytest.fixture(scope="module")
def results(played: Path) -> dict[str, dict[str, Any]]:
    """What each action says to each case, by the names of action and case."""
    said = json.loads((played / "results.json").read_text())
    return {action: {result["item"]["name"]: result for result in said[action]} for action in said}


@pytest.mark.parametrize("secret", ["c2VjcmV0", PASSWORD])
def test_neither_key_nor_password_is_shown(played: Path, secret: str) -> None:
    assert secret not in (played / "output").read_text()


@pytest.mark.parametrize("action", ["trust_anchor", "trust_anchor_info"])
@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("both", "mutually exclusive"),
        ("empty", "certificate: is empty"),
        ("key", "files/key.pem: holds a private key"),
        ("DER", "files/root.der: is in DER"),
        ("missing", "src missing.pem: there is no such file on the controller"),
        ("folder", "src /: cannot be read: it is a folder"),
        ("endless", "src /dev/zero: cannot be read: it is not a regular file"),
        ("pipe", "pipe: cannot be read: it is not a regular file"),
        ("large", "large.pem: is larger than 1048576 bytes, so that it is another file"),
    ],
)
def test_a_wrong_input_is_refused_by_the_name_of_its_option_or_file(
    results: dict[str, dict[str, Any]], action: str, case: str, words: str
) -> None:
    result = results[action][case]
    assert result["failed"]
    assert words in result["msg"]
    assert "remote_src" not in result["msg"]


@pytest.mark.parametrize("action", ["trust_anchor", "trust_anchor_info"])
@pytest.mark.parametrize("case", ["over a default", "text over a default"])
def test_a_certificate_of_another_authority_is_taken_whatever_the_default_authority(
    results: dict[str, dict[str, Any]], root: x509.Certificate, action: str, case: str
) -> None:
    """The defaults of the action group may name an authority for all tasks."""
    assert results[action][case]["anchor"]["sha256"] == identify_anchor(pem_of(root), "test").sha256


def test_what_hosts_would_not_trust_is_refused(results: dict[str, dict[str, Any]]) -> None:
    assert "certificate: the certificate is not a CA certificate" in results["trust_anchor"]["text"]["msg"]


@on_debian_as_root
def test_the_root_that_the_same_run_would_make_is_looked_at_as_any_other(results: dict[str, dict[str, Any]]) -> None:
    result = results["trust_anchor"]["default"]
    assert (result["changed"], result["anchor"]["subject"]) == (True, "CN=Planned authority")
    assert (result["stores"][0]["name"], result["stores"][0]["state"]) == ("debian", "trusted")
    assert "debian: absent" in result["diff"]["before"]
    result = results["trust_anchor_info"]["default"]
    assert (result["stores"][0]["name"], result["stores"][0]["state"]) == ("debian", "absent")


@pytest.mark.parametrize("action", ["trust_anchor", "trust_anchor_info"])
def test_an_authority_that_nothing_would_make_is_missing_in_check_mode_too(
    results: dict[str, dict[str, Any]], action: str
) -> None:
    result = results[action]["absent authority"]
    assert result["failed"]
    assert result["msg"].startswith("There is no authority in /nowhere/authority")


@pytest.mark.parametrize("case", ["purge of another's", "purge and absent"])
def test_only_an_authority_that_shall_be_trusted_has_superseded_roots(
    results: dict[str, dict[str, Any]], case: str
) -> None:
    result = results["trust_anchor"][case]
    assert result["failed"]
    assert result["msg"].startswith("purge_superseded: ")


def test_the_root_of_no_authority_cannot_be_removed(results: dict[str, dict[str, Any]]) -> None:
    result = results["trust_anchor"]["absent authority to remove"]
    assert result["failed"]
    assert "There is no authority in /nowhere/authority" in result["msg"]


@on_debian_as_root
def test_check_mode_tells_what_would_be_trusted(results: dict[str, dict[str, Any]], root: x509.Certificate) -> None:
    anchor = identify_anchor(pem_of(root), "test")
    result = results["trust_anchor"]["good"]
    assert result["changed"]
    assert result["anchor"] == {
        "sha256": anchor.sha256,
        "subject": "CN=Lab root",
        "not_after": root.not_valid_after_utc.isoformat(),
        "expired": False,
    }
    store = result["stores"][0]
    assert (store["name"], store["state"], store["changed"]) == ("debian", "trusted", True)
    assert result["diff"]["before"].startswith("debian: absent\n  /usr/local/share/ca-certificates has no file that")
    assert result["diff"]["after"].startswith(
        f"debian: trusted\n  /usr/local/share/ca-certificates/{anchor.name}.crt would hold it\n"
        "  /etc/ssl/certs/ca-certificates.crt would hold it\n"
        "  /usr/sbin/update-ca-certificates, tried in a scratch folder, trusts it\n"
    )


@pytest.mark.parametrize("case", ["profile and absent", "relative profile"])
def test_a_profile_is_for_an_anchor_that_shall_be_trusted_and_has_a_whole_path(
    results: dict[str, dict[str, Any]], case: str
) -> None:
    result = results["trust_anchor"][case]
    assert result["failed"]
    assert result["msg"].startswith("profile_path: ")


@on_debian_as_root
def test_check_mode_tells_that_a_profile_would_be_written(results: dict[str, dict[str, Any]]) -> None:
    path = CASES["profile"]["profile"]
    result = results["trust_anchor"]["profile"]
    assert result["changed"]
    assert result["profile"] == {"path": path, "changed": True}
    assert not os.path.exists(path)
    of_profile, of_stores = result["diff"]
    assert (of_profile["before"], of_profile["after_header"]) == ("", f"{path} after")
    assert "com.apple.security.root" in of_profile["after"]
    assert of_stores["before"].startswith("debian: absent")


@on_debian_as_root
def test_the_environment_of_applications_is_for_the_administrator_to_ask_for_and_goes_unasked(
    results: dict[str, dict[str, Any]],
) -> None:
    assert "applications" not in {store["kind"] for store in results["trust_anchor"]["everywhere"]["stores"]}
    assert "applications" in {store["kind"] for store in results["trust_anchor"]["nowhere"]["stores"]}
    assert "applications" not in {store["kind"] for store in results["trust_anchor_info"]["nowhere"]["stores"]}


@on_debian_as_root
def test_the_info_action_sees_the_same_anchor(results: dict[str, dict[str, Any]]) -> None:
    result = results["trust_anchor_info"]["good"]
    assert not result["changed"]
    assert result["anchor"] == results["trust_anchor"]["good"]["anchor"]
    assert {store["state"] for store in result["stores"] if store["kind"] == "system"} == {"absent"}
