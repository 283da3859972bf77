# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The actions certificate_authority and certificate_authority_info in real runs of ansible-playbook."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.tests.playbooks.plays import startup_variables

MAKE = "anchorage.pki.certificate_authority"
READ = "anchorage.pki.certificate_authority_info"
AUTHORITY_OF_0_2_0 = Path(__file__).resolve().parents[3] / "unit" / "authority_0_2_0" / "authority"
PASSPHRASE = "correct horse battery staple"
RESPONDER_PASSPHRASE = "another long passphrase"
SECRETS = {"passphrase": PASSPHRASE, "responder_passphrase": RESPONDER_PASSPHRASE}

#: One run, in which each task finds what those before it left.
TASKS: dict[str, dict[str, Any]] = {
    "nothing there": {READ: {"authority": "{{ pki }}"}},
    "short": {MAKE: {"authority": "{{ pki }}", "passphrase": "too short"}},
    "short in check mode": {MAKE: {"authority": "{{ pki }}", "passphrase": "too short"}, "check_mode": True},
    "both": {MAKE: {"authority": "{{ pki }}", "unconstrained": True, "permitted_domains": ["test"]}},
    "no such type": {MAKE: {"authority": "{{ pki }}", "key_type": "rsa-1024"}},
    "no room": {MAKE: {"authority": "{{ pki }}", "staple_lifetime": 20}},
    "a file": {MAKE: {"authority": "{{ playbook_dir }}/playbook.json"}},
    "in the way": {MAKE: {"authority": "{{ playbook_dir }}/playbook.json/authority"}},
    "letters": {MAKE: {"authority": "{{ playbook_dir }}/letters"}},
    "pipe": {MAKE: {"authority": "{{ pki }}", "issuing_certificate": "{{ playbook_dir }}/pipe"}},
    "no token": {MAKE: {"authority": "{{ pki }}", "root_key_uri": ""}},
    "octal": {MAKE: {"authority": "{{ pki }}", "token_pin": "{{ pin }}"}, "vars": {"pin": 5349}},
    "planned": {MAKE: {"authority": "{{ pki }}", "leaf_lifetime": 30, **SECRETS}, "check_mode": True},
    "still nothing": {READ: {"authority": "{{ pki }}"}},
    "made": {MAKE: {"authority": "{{ pki }}", "leaf_lifetime": "{{ days }}", **SECRETS}},
    "again": {MAKE: {"authority": "{{ pki }}", **SECRETS}},
    "without passphrases": {MAKE: {"authority": "{{ pki }}"}},
    "read": {READ: {"authority": "{{ pki }}"}},
    "wrong": {MAKE: {"authority": "{{ pki }}", "passphrase": "not the right passphrase"}},
    "wrong in check mode": {
        MAKE: {"authority": "{{ pki }}", "passphrase": "not the right passphrase"},
        "check_mode": True,
    },
    "another type": {MAKE: {"authority": "{{ pki }}", "key_type": "rsa-3072"}},
    "shorter staples": {MAKE: {"authority": "{{ pki }}", "staple_lifetime": 3}, "check_mode": True},
    "by default": {MAKE: {"key_type": "ed25519"}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("playbook")


@pytest.fixture(scope="module")
def run(start_playbook, folder: Path):
    (folder / "letters").mkdir(mode=0o700)
    (folder / "letters" / "letter").touch()
    os.mkfifo(folder / "pipe")
    variables = {"pki": str(folder / "authority"), "days": "30"}
    tasks = {name: {**task, "vars": {**variables, **task.get("vars", {})}} for name, task in TASKS.items()}
    return start_playbook(folder, tasks)()


@pytest.fixture(scope="module")
def results(run) -> dict[str, dict[str, Any]]:
    return run.results


def test_the_info_of_no_authority_is_no_failure(results, folder: Path) -> None:
    for name in ("nothing there", "still nothing"):
        assert (results[name]["exists"], results[name]["changed"]) == (False, False)
        assert str(folder / "authority") in results[name]["msg"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("short", "passphrase: give at least 16 characters"),
        ("short in check mode", "passphrase: give at least 16 characters"),
        ("both", "mutually exclusive: unconstrained|permitted_domains"),
        ("no such type", "key_type must be one of: ecdsa-p256"),
        ("no room", "staple_lifetime: 20 days leave no room"),
        ("a file", "playbook.json is not a folder"),
        ("in the way", "cannot be made: File exists. Check the option authority"),
        ("letters", "contains files but no policy.json"),
        ("pipe", "pipe: cannot be read: it is not a regular file"),
        ("no token", "root_key_uri: is no PKCS#11 URI"),
        ("octal", "token_pin: is a number to YAML"),
        ("wrong", "passphrase: this is not the passphrase of the private key"),
        ("wrong in check mode", "passphrase: this is not the passphrase of the private key"),
        ("another type", "key_type is ecdsa-p256, not rsa-3072"),
    ],
)
def test_what_is_refused_says_why_and_changes_nothing(results, name: str, words: str) -> None:
    assert results[name]["failed"] is True
    assert not results[name].get("changed")
    assert words in results[name]["msg"]
    assert "Traceback" not in str(results[name])


def test_a_refusal_leaves_no_lock_in_a_folder_that_is_not_an_authoritys(results, folder: Path) -> None:
    assert results["letters"]["failed"]
    assert os.listdir(folder / "letters") == ["letter"]


def test_check_mode_says_what_would_be_made_and_why(results) -> None:
    planned = results["planned"]
    assert planned["changed"] is True
    assert planned["steps"] == [
        "policy: there is no authority yet",
        "root certificate 1: there is none yet",
        "issuing authority 1: there is none yet",
        "OCSP responder 1 of issuing authority 1: the issuing authority is new",
    ]
    assert planned["lifetimes"]["leaf"] == 30
    assert planned["diff"]["before"] == ""
    assert "leaf_lifetime: 30 days\n" in planned["diff"]["after"]
    assert "subject: Anchorage authority XXXXXX\n" in planned["diff"]["after"]


def test_a_run_does_what_check_mode_said(results, folder: Path) -> None:
    made, planned = results["made"], results["planned"]
    assert made["changed"] is True
    assert made["steps"] == planned["steps"]

    def without_its_name(diff: dict[str, str]) -> list[str]:
        return [line for line in diff["after"].splitlines() if not line.startswith("subject: ")]

    assert without_its_name(made["diff"]) == without_its_name(planned["diff"])
    assert re.search(r"^subject: Anchorage authority [0-9a-f]{6}$", made["diff"]["after"], re.MULTILINE)
    assert made["folder"] == str(folder / "authority")
    assert (folder / "authority").stat().st_mode & 0o777 == 0o700
    assert made["root"]["certificate"].startswith("-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize("name", ["again", "without passphrases"])
def test_a_second_run_changes_nothing(results, name: str) -> None:
    again = results[name]
    assert (again["changed"], again["steps"]) == (False, [])
    assert again["diff"]["before"] == again["diff"]["after"]
    assert again["root"] == results["made"]["root"]
    assert again["lifetimes"] == results["made"]["lifetimes"]


def test_the_info_tells_what_was_made(results) -> None:
    read, made = results["read"], results["made"]
    assert (read["exists"], read["changed"], read["due"], read["leaves"]) == (True, False, [], {})
    for part in ("root", "issuing", "responder", "lifetimes", "permitted_domains"):
        assert read[part] == made[part]


def test_a_changed_lifetime_is_a_change_of_the_policy_alone(results) -> None:
    shorter = results["shorter staples"]
    assert shorter["steps"] == ["policy: its options changed"]
    before, after = (shorter["diff"][side].splitlines() for side in ("before", "after"))
    assert set(before) ^ set(after) == {"staple_lifetime: 7 days", "staple_lifetime: 3 days"}


def test_the_default_folder_is_the_users_own(results, folder: Path) -> None:
    assert results["by default"]["folder"] == str(folder / ".local/share/anchorage/authority")
    assert "no browser accepts" in str(results["by default"]["warnings"])


def test_no_secret_is_written_anywhere(run, folder: Path) -> None:
    assert "certificate_authority" in run.output
    secrets = [*SECRETS.values(), "not the right passphrase", "PRIVATE KEY"]
    for path in folder.rglob("key.pem"):
        secrets += path.read_text().splitlines()[1:-1]
    assert len(secrets) > 10
    assert not [secret for secret in secrets if secret in run.output + str(run.results)]


@pytest.mark.parametrize("version", ["38.0.4", "42.0.8"])
def test_an_old_cryptography_is_refused_before_anything_is_written(
    start_playbook, tmp_path: Path, version: str
) -> None:
    """So old a one here that it lacks every name."""
    package = tmp_path / "packages" / "cryptography"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"__version__ = {version!r}\n")
    tasks = {
        "made": {MAKE: {"authority": str(tmp_path / "authority")}},
        "planned": {MAKE: {"authority": str(tmp_path / "authority")}, "check_mode": True},
        "read": {READ: {"authority": str(tmp_path / "authority")}},
    }
    run = start_playbook(tmp_path / "playbook", tasks, **startup_variables(package.parent))()
    for result in run.results.values():
        assert (result["failed"], result["changed"]) == (True, False)
        assert "needs the Python package cryptography, 43 or newer, on the controller; " in result["msg"]
        assert f" has {version}. Upgrade it there." in result["msg"]
    assert "Traceback" not in run.output
    assert not (tmp_path / "authority").exists()


def test_an_authority_of_0_2_0_is_taken_over_unchanged(start_playbook, tmp_path: Path) -> None:
    """As far as it can be without a clock: long after its certificates' renewal is due, only their steps are left."""
    folder = shutil.copytree(AUTHORITY_OF_0_2_0, tmp_path / "authority")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    read = {READ: {"authority": str(folder), "places": "all"}}
    preview = {MAKE: {"authority": str(folder)}, "check_mode": True}
    results = start_playbook(tmp_path / "reading", {"read": read, "preview": preview})().results
    assert results["read"]["leaves"] == {"superseded": 1, "deployed": 2, "signed": 1, "revoked": 1}
    assert len(results["read"]["places"]) == 3
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    made = start_playbook(tmp_path / "making", {"made": {MAKE: {"authority": str(folder)}}, "read": read})().results
    assert made["made"]["steps"] == results["preview"]["steps"] == results["read"]["due"]
    assert made["read"]["leaves"] == results["read"]["leaves"]
    assert made["read"]["due"] == []


def test_two_runs_at_the_same_time_make_one_authority(start_playbook, tmp_path: Path) -> None:
    task = {"make": {MAKE: {"authority": str(tmp_path / "authority")}}}
    first, second = [start_playbook(tmp_path / name, task) for name in ("first", "second")]
    results = [finish().results["make"] for finish in (first, second)]
    assert sorted(result["changed"] for result in results) == [False, True]
    assert results[0]["root"] == results[1]["root"]
