# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Passphrases from ansible-vault and from the environment, as docs/passphrases.md has them, in real runs of site."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import serialization
from ansible_collections.anchorage.pki.tests.playbooks.plays import Controller, Run

DOCUMENTATION = Path(__file__).resolve().parents[2] / "docs" / "passphrases.md"
PASSPHRASE = "correct horse battery staple"
RESPONDER_PASSPHRASE = "another horse, another staple"
VAULT_PASSWORD = "the password of the vault"


class Fleet:
    """A host that is this machine, and a controller, with all that is made in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = folder / "authority"
        self.controller = Controller(folder)
        self.file = folder / "report.json"
        (folder / "group_vars" / "all").mkdir(parents=True)
        variables = {
            "ansible_become": False,
            "anchorage_authority": str(self.authority),
            "anchorage_report_file": str(self.file),
            "leaf_certificate_certificates": [{"name": "site", "names": ["site.test"]}],
            "leaf_certificate_destination": str(folder / "pki"),
            "leaf_certificate_withdrawal": "off",  # no unit of systemd may stay on this machine
        }
        self.set("common", json.dumps(variables))

    def set(self, name: str, text: str) -> None:
        """Give all hosts variables, in a file of its own."""
        (self.folder / "group_vars" / "all" / f"{name}.yml").write_text(text, encoding="utf-8")

    def site(self, *options: str | Path, **environment: str) -> Run:
        """Run it, as loudly as can be, without a look at this machine's trust stores."""
        return self.controller.run("anchorage.pki.site", "-vvvv", "--tags=authority,issue", *options, **environment)


@pytest.fixture
def fleet(private_folder: Path) -> Fleet:
    return Fleet(private_folder)


def encrypted(name: str, passphrase: str, password_file: Path) -> str:
    """A variable as ansible-vault writes it."""
    program = Path(sys.executable).with_name("ansible-vault")
    command = [program, "encrypt_string", "--vault-password-file", password_file, "--stdin-name", name]
    return subprocess.run(command, input=passphrase, capture_output=True, text=True, check=True).stdout


def block_about(word: str) -> str:
    """The block of YAML in the documentation that has a word in it."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", DOCUMENTATION.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return next(block for block in blocks if word in block)


def check_keys(authority: Path) -> None:
    """Fail unless each key of the authority opens with the passphrase that it is to have."""
    keys = {str(path.relative_to(authority)): path.read_bytes() for path in authority.rglob("key.pem")}
    assert set(keys) == {"root/1/key.pem", "issuing/1/key.pem", "issuing/1/responder/1/key.pem"}
    for path, pem in keys.items():
        passphrase = RESPONDER_PASSPHRASE if "responder" in path else PASSPHRASE
        assert b"BEGIN ENCRYPTED PRIVATE KEY" in pem
        serialization.load_pem_private_key(pem, passphrase.encode())


def check_silence(fleet: Fleet, *runs: Run) -> None:
    """Fail where one of the passphrases is in what was written, other than into the files of variables."""
    written = [run.output + run.errors for run in runs]
    kept = [path for path in fleet.folder.rglob("*") if path.is_file() and "group_vars" not in path.parts]
    texts = [*written, *(path.read_bytes().decode("latin-1") for path in kept)]
    assert fleet.file in kept
    for secret in (PASSPHRASE, RESPONDER_PASSPHRASE):
        assert not any(secret in text for text in texts)


def test_passphrases_encrypted_by_ansible_vault(fleet: Fleet, tmp_path: Path) -> None:
    password = tmp_path / "vault_password"
    password.write_text(VAULT_PASSWORD)
    for name, passphrase in (
        ("anchorage_passphrase", PASSPHRASE),
        ("anchorage_responder_passphrase", RESPONDER_PASSPHRASE),
    ):
        text = encrypted(name, passphrase, password)
        assert text.startswith(f"{name}: !vault |\n")
        assert passphrase not in text
        fleet.set(name, text)
    first, again = (fleet.site("--vault-password-file", password) for _run in range(2))
    assert (first.status, again.status) == (0, 0), first.output + again.output
    assert again.output.count("changed=0 ") == 2
    check_keys(fleet.authority)
    check_silence(fleet, first, again)


def test_passphrases_from_the_environment(fleet: Fleet) -> None:
    block = block_about("ANCHORAGE_PASSPHRASE")
    fleet.set("root", block)
    fleet.set("responder", block.replace("ANCHORAGE_", "RESPONDER_").replace("anchorage_", "anchorage_responder_"))
    secrets = {"ANCHORAGE_PASSPHRASE": PASSPHRASE, "RESPONDER_PASSPHRASE": RESPONDER_PASSPHRASE}
    first, again = (fleet.site(**secrets) for _run in range(2))
    assert (first.status, again.status) == (0, 0), first.output + again.output
    assert again.output.count("changed=0 ") == 2
    check_keys(fleet.authority)
    check_silence(fleet, first, again)


def test_an_environment_without_them_makes_no_key(fleet: Fleet) -> None:
    fleet.set("root", block_about("ANCHORAGE_PASSPHRASE"))
    run = fleet.site()
    assert run.status == 2
    assert "Set ANCHORAGE_PASSPHRASE to the passphrase of the root and of the issuing authority." in run.output
    fleet.set("root", "anchorage_passphrase: \"{{ lookup('ansible.builtin.env', 'ANCHORAGE_PASSPHRASE') }}\"")
    run = fleet.site()
    assert run.status == 2
    assert "passphrase: give at least 16 characters, or leave the option out" in run.output
    assert not fleet.authority.exists()
