# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys of the authority on a PKCS#11 token, as docs/tokens.md has them, in whole runs with 25 hosts at once."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.tests.playbooks.fleets import Fleet
from ansible_collections.anchorage.pki.tests.playbooks.plays import Run
from ansible_collections.anchorage.pki.tests.unit.soft_tokens import PIN, SoftTokens

pytestmark = pytest.mark.long

HOSTS = 25
SITE = ("-vvv", "--tags=authority,issue", f"--forks={HOSTS}")


class TokenFleet(Fleet):
    """One whose authority has both keys on a token."""

    def __init__(self, folder: Path, tokens: SoftTokens) -> None:
        super().__init__(folder)
        self.tokens = tokens
        uri = tokens.make("lab")
        self.variables |= {
            "certificate_authority_root_key_uri": uri,
            "certificate_authority_issuing_key_uri": uri,
            "anchorage_token_pin": PIN,
        }
        self.controller.settings = {**self.controller.settings, **tokens.environment}

    def site(self, *options: str, hosts: int = 1, **variables: object) -> Run:
        return self.run("site", *SITE, *options, hosts=hosts, **variables)

    def verify(self) -> str:
        """What OpenSSL says of a host's leaf."""
        current = self.folder / "host7" / "site" / "current"
        root = self.authority / "root" / "1" / "certificate.pem"
        command = ["openssl", "verify", "-CAfile", root, "-untrusted", current / "chain.pem", current / "cert.pem"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def fleet(private_folder: Path, tmp_path: Path) -> TokenFleet:
    return TokenFleet(private_folder, SoftTokens(tmp_path))


def test_25_hosts_at_once_get_leaves_of_a_key_on_a_token(fleet: TokenFleet) -> None:
    checked = fleet.site("--check")
    assert checked.status == 0, checked.text
    assert not fleet.authority.exists()
    assert fleet.tokens.private_keys("lab") == []
    first = fleet.site(hosts=HOSTS)
    assert first.status == 0, first.text
    assert fleet.leaves == {"deployed": HOSTS}
    assert "OK" in fleet.verify()
    assert sorted(path.parent.parent.name for path in fleet.authority.rglob("key.pem")) == ["responder"]
    again = fleet.site(hosts=HOSTS)
    assert again.status == 0, again.text
    assert again.output.count("changed=0 ") == again.output.count(" changed=")
    assert len(fleet.tokens.private_keys("lab")) == 2
    for run in (checked, first, again):
        assert PIN not in run.text

    fleet.tokens.take_away()
    assert fleet.site().status == 0  # nothing is signed with either key
    revoked = fleet.revoke(
        anchorage_revoke_name="site", anchorage_revoke_host="host1", anchorage_revoke_reason="superseded"
    )
    assert "is not at hand. Attach it to this controller, or correct the URI." in revoked.text
    fleet.tokens.bring_back()
    assert fleet.run("revoke").status == 0


def test_a_wrong_pin_is_told_in_a_sentence_and_writes_nothing(fleet: TokenFleet) -> None:
    mistaken = fleet.site(anchorage_token_pin="000000")
    assert mistaken.status == 2
    assert "token_pin: the PKCS#11 token with token 'lab' refused its PIN. It is not tried again" in mistaken.text
    assert not fleet.authority.exists()
    assert fleet.run("site", "--tags=authority").status == 0
    assert read_authority(fleet.authority).root.key_uri
    mistaken = fleet.site(anchorage_token_pin="000000", hosts=HOSTS)
    assert mistaken.text.count("refused its PIN. It is not tried again in this run") >= HOSTS
    assert fleet.leaves == {}
    assert not (fleet.folder / "host1").exists()
    assert fleet.site().status == 0
