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
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.anchors import identify_anchor
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_root, pem_of

ROOT = make_root("Lab root")
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
  tasks:"""
    + TASK.format(
        action="trust_anchor",
        state="""state: "{{ item.state | default(omit) }}"
        purge_superseded: "{{ item.purge | default(omit) }}\"""",
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
    "text over a default": {"authority": "/nowhere/authority", "certificate": pem_of(ROOT).decode()},
    "empty": {"certificate": ""},
    "text": {"certificate": pem_of(make_root(ca=False)).decode()},
    "key": {"src": "key.pem"},
    "DER": {"src": "root.der"},
    "missing": {"src": "missing.pem"},
    "folder": {"src": "/"},
    "endless": {"src": "/dev/zero"},
    "purge of another's": {"src": "root.pem", "purge": "true"},
    "everywhere": {"src": "root.pem", "everywhere": "yes"},
    "nowhere": {"src": "root.pem", "everywhere": "yes", "state": "absent"},
    "purge and absent": {"state": "absent", "purge": "true"},
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What each action says to each case, by the names of action and case."""
    folder = tmp_path_factory.mktemp("playbook")
    (folder / "files").mkdir()
    (folder / "files/root.pem").write_bytes(pem_of(ROOT))
    (folder / "files/root.der").write_bytes(der_of(ROOT))
    (folder / "files/key.pem").write_text(pem_of(ROOT).decode() + KEY)
    (folder / "cases.json").write_text(
        json.dumps({"password": PASSWORD, "cases": [{"name": name, **case} for name, case in CASES.items()]})
    )
    (folder / "playbook.yml").write_text(PLAYBOOK)
    program = Path(sys.executable).with_name("ansible-playbook")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(Path(__file__).resolve().parents[4] / "build/collections"),
    }
    run = subprocess.run(
        [program, "--check", "--diff", "-vvv", "playbook.yml"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (folder / "results.json").exists(), run.stdout + run.stderr
    assert "c2VjcmV0" not in run.stdout + run.stderr, "the key was shown"
    assert PASSWORD not in run.stdout + run.stderr, "the password was shown"
    said = json.loads((folder / "results.json").read_text())
    return {action: {result["item"]["name"]: result for result in said[action]} for action in said}


@pytest.mark.parametrize("action", ["trust_anchor", "trust_anchor_info"])
@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("both", "mutually exclusive"),
        ("empty", "certificate: is empty"),
        ("key", "files/key.pem: holds a private key"),
        ("DER", "files/root.der: is in DER"),
        ("missing", "src missing.pem: there is no such file on the controller"),
        ("folder", "src /: cannot be read: Is a directory"),
        ("endless", "src /dev/zero: is too large for a certificate"),
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
    results: dict[str, dict[str, Any]], action: str, case: str
) -> None:
    """The defaults of the action group may name an authority for all tasks."""
    assert results[action][case]["anchor"]["sha256"] == identify_anchor(pem_of(ROOT), "test").sha256


def test_what_hosts_would_not_trust_is_refused(results: dict[str, dict[str, Any]]) -> None:
    assert "certificate: the certificate is not a CA certificate" in results["trust_anchor"]["text"]["msg"]


@pytest.mark.parametrize("case", ["default", "absent authority"])
def test_an_authority_that_is_still_to_be_made_would_be_trusted(results: dict[str, dict[str, Any]], case: str) -> None:
    result = results["trust_anchor"][case]
    assert (result["changed"], result["stores"], result["anchor"]) == (True, [], {})
    assert result["msg"].startswith("Its root would be trusted. There is no authority in ")
    result = results["trust_anchor_info"][case]
    assert (result["changed"], result["stores"], result["anchor"]) == (False, [], {})


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
def test_check_mode_tells_what_would_be_trusted(results: dict[str, dict[str, Any]]) -> None:
    anchor = identify_anchor(pem_of(ROOT), "test")
    result = results["trust_anchor"]["good"]
    assert result["changed"]
    assert result["anchor"] == {
        "sha256": anchor.sha256,
        "subject": "CN=Lab root",
        "not_after": ROOT.not_valid_after_utc.isoformat(),
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


@on_debian_as_root
def test_what_applications_are_told_is_for_the_administrator_to_ask_for_and_goes_unasked(
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
