# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action leaf_certificate in a real run of ansible-playbook, with its host half on this machine."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

MAKE = "anchorage.pki.certificate_authority"
LEAF = "anchorage.pki.leaf_certificate"
SECRETS = {"passphrase": "correct horse battery staple", "responder_passphrase": "another long passphrase"}
A_LABELS = ["xn--strae-oqa.test", "*.xn--wgv71a.test"]
BUNDLE_PASSPHRASE = "words for the bundle"


#: Where the leaves are. They go with the folder, and no unit of systemd may stay on this machine.
PLACE = {"authority": "{{ pki }}", "destination": "{{ destination }}", "withdrawal": "off"}


def leaf(*names: str, name: str = "app", **options: Any) -> dict[str, Any]:
    return {**PLACE, "name": name, "names": list(names), **options}


def many(**options: Any) -> dict[str, Any]:
    certificates = [
        {"name": "a", "names": ["a.test", "*.a.test", "10.0.0.1"], "pkcs12_passphrase": BUNDLE_PASSPHRASE},
        {"name": "b", "names": ["ops@b.test"], "profile": "client", "staple": False},
        {"name": "c", "names": ["c.test"], "private_key": "host"},
    ]
    return {**PLACE, "certificates": certificates, "profile": "peer", **SECRETS, **options}


def two_kinds(server: str) -> dict[str, Any]:
    """A task for two leaves of one name whose keys differ in kind."""
    kinds = {"elliptic": "ecdsa-p256", "rsa": "rsa-3072"}
    certificates = [{"name": name, "names": ["app.test"], "key_type": kind} for name, kind in kinds.items()]
    return many(certificates=certificates, server=server)


#: One run, in which each task finds what those before it left.
TASKS: dict[str, dict[str, Any]] = {
    "no authority": {LEAF: leaf("app.test")},
    "no authority in check mode": {LEAF: leaf("app.test"), "check_mode": True},
    "authority planned": {MAKE: {"authority": "{{ pki }}", **SECRETS}, "check_mode": True},
    "no authority yet": {LEAF: many(), "check_mode": True},
    "outside, no authority yet": {LEAF: leaf("app.example.com", **SECRETS), "check_mode": True},
    "too long, no authority yet": {LEAF: leaf("app.test", lifetime=91, **SECRETS), "check_mode": True},
    "wrong passphrase, no authority yet": {LEAF: leaf("app.test", passphrase="not the right one"), "check_mode": True},
    "authority": {MAKE: {"authority": "{{ pki }}", **SECRETS}},
    "outside": {LEAF: leaf("app.example.com")},
    "outside in check mode": {LEAF: leaf("app.example.com"), "check_mode": True},
    "wildcard": {LEAF: leaf("*.localhost")},
    "no address": {LEAF: leaf("10.0.0.256")},
    "too long": {LEAF: leaf("app.test", lifetime=91)},
    "folder": {LEAF: leaf("app.test", name="../app")},
    "neither": {LEAF: {"authority": "{{ pki }}"}},
    "unknown key": {LEAF: {**PLACE, "certificates": [{"name": "a", "nmaes": ["a.test"]}]}},
    "two ways": {LEAF: {**many(), "name": "app", "names": ["app.test"]}},
    "no names": {LEAF: {"authority": "{{ pki }}", "name": "app"}},
    "no passphrase": {LEAF: leaf("app.test")},
    "wrong passphrase": {LEAF: leaf("app.test", passphrase="not the right passphrase")},
    "no passphrase in check mode": {LEAF: leaf("app.test"), "check_mode": True},
    "wrong passphrase in check mode": {
        LEAF: leaf("app.test", passphrase="not the right passphrase"),
        "check_mode": True,
    },
    "planned": {LEAF: many(withdrawal="auto"), "check_mode": True},
    "deployed": {LEAF: many()},
    "again": {LEAF: many()},
    "again without passphrases": {LEAF: many(passphrase=None, responder_passphrase=None)},
    "without withdrawal": {LEAF: many(withdrawal=False), "check_mode": True},  # as YAML reads the word off
    "renamed": {LEAF: leaf("a.test", name="a", profile="peer", **SECRETS)},
    "two kinds of key": {LEAF: two_kinds("nginx"), "check_mode": True},
    "two kinds of key, two staples": {LEAF: two_kinds("haproxy"), "check_mode": True},
    "a server that fetches": {LEAF: leaf("a.test", name="a", server="caddy", **SECRETS), "check_mode": True},
    "a port that is none": {
        LEAF: leaf("a.test", name="a", server="apache", responder_port=65536, **SECRETS),
        "check_mode": True,
    },
    "beyond ASCII": {LEAF: leaf("straße.test", "*.日本。test.", name="international", **SECRETS)},
    "beyond ASCII again": {LEAF: leaf("xn--strae-oqa.test", "*.日本.test", name="international", **SECRETS)},
    "beyond ASCII, outside": {LEAF: leaf("straße.example", name="international", **SECRETS)},
    "no A-label": {LEAF: leaf("xn--a.test", name="international", **SECRETS)},
    "reserved hyphens": {LEAF: leaf("ab--c.test", name="international", **SECRETS)},
    "delegated": {LEAF: leaf("web9.test", name="{{ item }}", **SECRETS), "delegate_to": "{{ item }}", "loop": ["web9"]},
    "delegated again": {LEAF: leaf("web9.test", name="web9", **SECRETS), "delegate_to": "web9"},
    "no responder": {
        "ansible.builtin.command": {"argv": ["mv", "{{ pki }}/issuing/1/responder/1", "{{ pki }}/issuing/1/aside"]}
    },
    "no responder in check mode": {LEAF: leaf("b.test", name="a", **SECRETS), "check_mode": True},
}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """An empty folder in the user's home: root keeps no key below /tmp, where everybody may write."""
    made = Path(tempfile.mkdtemp(prefix=".anchorage-test-", dir=pwd.getpwuid(os.geteuid()).pw_dir))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def run(start_playbook, folder: Path):
    variables = {"vars": {"pki": str(folder / "authority"), "destination": str(folder / "destination")}}
    return start_playbook(folder, {name: {**task, **variables} for name, task in TASKS.items()})()


@pytest.fixture(scope="module")
def results(run) -> dict[str, dict[str, Any]]:
    return run.results


def actions(result: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [(entry["name"], entry["action"], entry["generation"]) for entry in result["certificates"]]


def test_a_first_run_in_check_mode_does_not_fail(results) -> None:
    planned = results["no authority yet"]
    assert (planned["failed"], planned["changed"]) == (False, True)
    assert [(leaf["action"], leaf["reason"]) for leaf in planned["certificates"]] == [
        ("leaf", "nothing is deployed yet")
    ] * 3


def test_a_first_run_in_check_mode_says_what_the_run_does(results) -> None:
    planned, deployed = results["no authority yet"], results["deployed"]
    assert planned["diff"] == deployed["diff"]
    for said, done in zip(planned["certificates"], deployed["certificates"], strict=True):
        assert {key: said[key] for key in ("name", "action", "reason", "changed", "path", "names")} == {
            key: done[key] for key in ("name", "action", "reason", "changed", "path", "names")
        }


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no authority", "There is no authority in"),
        ("no authority in check mode", "There is no authority in"),
        ("outside, no authority yet", "app.example.com would be rejected by every client"),
        ("too long, no authority yet", "lifetime: 91 days for 'app'"),
        ("wrong passphrase, no authority yet", "passphrase: this is not the passphrase of the private key"),
        ("outside", "app.example.com would be rejected by every client"),
        ("outside in check mode", "permitted_domains include them"),
        ("wildcard", "*.app.localhost"),
        ("beyond ASCII, outside", "names: straße.example (xn--strae-oqa.example) would be rejected by every client"),
        ("no A-label", "names: 'xn--a.test' is not a DNS name: the label 'xn--a' begins as an A-label and is none"),
        ("reserved hyphens", "names: 'ab--c.test' is not a DNS name: the label 'ab--c' has hyphens in the third"),
        ("no address", "looks like an IP address and is none"),
        ("too long", "lifetime: 91 days for 'app'"),
        ("folder", "name: '../app' cannot name a folder"),
        ("neither", "one of the following is required: name, certificates"),
        ("unknown key", "certificates[0].nmaes is unknown, did you mean names?"),
        ("two ways", "mutually exclusive: name|certificates"),
        ("no names", "state is present but any of the following are missing: names, certificates"),
        ("two kinds of key", "'elliptic' (ecdsa-p256) and 'rsa' (rsa-3072) are both for app.test, and nginx sends one"),
        ("no passphrase", "passphrase: the private key"),
        ("wrong passphrase", "passphrase: this is not the passphrase of the private key"),
        ("no passphrase in check mode", "passphrase: the private key"),
        ("wrong passphrase in check mode", "passphrase: this is not the passphrase of the private key"),
    ],
)
def test_what_is_refused_says_why_and_changes_nothing(results, name: str, words: str) -> None:
    assert results[name]["failed"] is True
    assert not results[name].get("changed")
    assert words in results[name]["msg"]
    assert "ansible-local" not in results[name]["msg"]  # where check mode has its own authority
    assert "Traceback" not in str(results[name])


def test_check_mode_warns_of_what_certificate_authority_has_to_make_first(results) -> None:
    planned = results["no responder in check mode"]
    assert (planned["failed"], planned["changed"]) == (False, True)
    (warning,) = planned["warnings"]
    assert re.match(r"The run will fail unless .*: .*/issuing/1 has no OCSP responder\.", warning)


def test_check_mode_says_what_would_be_deployed(results) -> None:
    planned = results["planned"]
    assert actions(planned) == [("a", "leaf", 0), ("b", "leaf", 0), ("c", "leaf", 0)]
    assert planned["changed"] is True
    assert planned["diff"]["before"] == "a: nothing\nb: nothing\nc: nothing\n"
    assert planned["diff"]["after"].splitlines()[1] == (
        "b: generation 1, a new ecdsa-p256 client leaf for ops@b.test (nothing is deployed yet)"
    )


def test_a_run_deploys_what_check_mode_said(results, folder: Path) -> None:
    deployed = results["deployed"]
    assert not deployed["failed"], deployed
    assert deployed["diff"] == results["planned"]["diff"]
    assert actions(deployed) == [("a", "leaf", 1), ("b", "leaf", 1), ("c", "leaf", 1)]
    assert [bool(entry["staple"]) for entry in deployed["certificates"]] == [True, False, True]
    for entry in deployed["certificates"]:
        current = folder / "destination" / entry["name"] / "v1"
        leaf = x509.load_pem_x509_certificate((current / "cert.pem").read_bytes())
        assert f"{leaf.serial_number:x}" == entry["serial_number"]
        assert (current / "privkey.pem").stat().st_mode & 0o777 == 0o600
        assert (current / "staple.der").exists() is bool(entry["staple"])
    bundle = pkcs12.load_pkcs12((folder / "destination/a/v1/bundle.p12").read_bytes(), BUNDLE_PASSPHRASE.encode())
    assert bundle.key is not None


@pytest.mark.parametrize("name", ["again", "again without passphrases"])
def test_a_second_run_changes_nothing(results, name: str) -> None:
    again = results[name]
    assert (again["failed"], again["changed"]) == (False, False)
    assert actions(again) == [("a", "none", 1), ("b", "none", 1), ("c", "none", 1)]
    assert again["diff"]["before"] == again["diff"]["after"]
    assert [entry["sha256"] for entry in again["certificates"]] == [
        entry["sha256"] for entry in results["deployed"]["certificates"]
    ]


def test_servers_differ_in_the_staples_that_they_can_take(results) -> None:
    assert results["two kinds of key, two staples"]["changed"] is True
    warnings = [str(warning) for warning in results["a server that fetches"]["warnings"]]
    assert sum("nothing is stapled" in warning for warning in warnings) == 1
    assert results["a port that is none"]["failed"] is True
    assert re.match(r"server: Apache takes staples only|responder_port: 65536", results["a port that is none"]["msg"])


def test_a_leaf_says_whether_its_staple_is_withdrawn_on_the_host(results) -> None:
    here = "installed" if os.geteuid() == 0 and os.path.exists("/run/systemd/system") else "unavailable"
    states = [entry["withdrawal"] for entry in results["planned"]["certificates"]]
    assert states == [here, "not needed", here]
    for name in ("deployed", "again", "without withdrawal"):
        states = [entry["withdrawal"] for entry in results[name]["certificates"]]
        assert states == ["not needed"] * 3


def test_a_second_run_calls_the_host_once_whatever_the_number_of_leaves(run) -> None:
    def calls(name: str) -> int:
        task = run.output.partition(f"TASK [{name}] ")[2].partition("\nTASK [")[0]
        assert task
        return len(re.findall(r"Using module file \S*/leaf_deployment.py", task))

    assert calls("deployed") == 3  # one of them for the key that the host makes
    assert calls("again") == 1
    assert calls("outside") == 0


def test_a_change_of_the_names_is_a_new_generation_with_its_reason(results, folder: Path) -> None:
    (renamed,) = results["renamed"]["certificates"]
    assert (renamed["action"], renamed["generation"]) == ("leaf", 2)
    assert renamed["reason"] == "the names change from [a.test, *.a.test, 10.0.0.1] to [a.test]"
    assert (folder / "destination/a/current").resolve().name == "v2"


def test_names_beyond_ascii_are_deployed_once_by_their_a_labels(results, folder: Path) -> None:
    deployed, again = results["beyond ASCII"], results["beyond ASCII again"]
    assert actions(deployed) == [("international", "leaf", 1)], deployed
    assert deployed["certificates"][0]["names"] == A_LABELS
    assert "straße.test (xn--strae-oqa.test), *.日本。test. (*.xn--wgv71a.test)" in deployed["diff"]["after"]
    pem = (folder / "destination/international/current/cert.pem").read_bytes()
    names = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == A_LABELS
    assert (actions(again), again["changed"]) == ([("international", "none", 1)], False)


def test_a_delegated_leaf_is_that_of_the_host_on_which_it_is(results) -> None:
    (first,) = results["delegated"]["results"]
    assert actions(first) == [("web9", "leaf", 1)], first
    assert actions(results["delegated again"]) == [("web9", "none", 1)]


def test_the_ledger_knows_what_is_in_use(results, folder: Path) -> None:
    authority = read_authority(folder / "authority")
    with open_ledger(authority.ledger_path) as ledger:
        assert ledger.leaf_counts() == {"deployed": 5, "superseded": 1}
        entries = {entry.place.name: entry.names for entry in ledger.entries.all()}
        hosts = {entry.place.name: entry.place.host for entry in ledger.entries.all() if entry.kind == "leaf"}
        record = ledger.current_leaf(LeafPlace("localhost", str(folder / "destination"), "a"))
    assert entries["international"] == tuple(A_LABELS)
    assert hosts == {"a": "localhost", "b": "localhost", "c": "localhost", "international": "localhost", "web9": "web9"}
    assert record is not None
    assert record.sha256 == results["renamed"]["certificates"][0]["sha256"]


def test_no_secret_is_written_anywhere(run, folder: Path) -> None:
    secrets = [*SECRETS.values(), BUNDLE_PASSPHRASE, "not the right passphrase", "PRIVATE KEY"]
    keys = [*folder.rglob("key.pem"), *folder.rglob("privkey.pem")]
    assert len(keys) == 3 + 6
    for path in keys:
        secrets += path.read_text().splitlines()[1:-1]
    assert not [secret for secret in secrets if secret in run.output + str(run.results)]


def test_a_host_that_would_keep_the_key_in_a_file_gets_none(start_playbook, run, folder: Path) -> None:
    variables = {"vars": {"pki": str(folder / "authority"), "destination": str(folder / "elsewhere")}}
    task = {LEAF: leaf("app.test", **SECRETS), **variables}
    tasks = {"kept in check mode": {**task, "check_mode": True}, "kept": task}
    with open_ledger(folder / "authority/ledger.sqlite3") as ledger:
        before = ledger.leaf_counts()
        for kept in start_playbook(folder / "kept", tasks, ANSIBLE_KEEP_REMOTE_FILES="1")().results.values():
            assert kept["failed"] is True
            assert "ANSIBLE_KEEP_REMOTE_FILES is set" in kept["msg"]
        assert ledger.leaf_counts() == before
    assert not list(folder.rglob("elsewhere/app/v1"))
