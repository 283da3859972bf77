# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenSSL and GnuTLS accept a leaf, and its staple, below the root of a company with two intermediates."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer import Given
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import CERTIFICATE, Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    Passphrases,
    carry_out,
    plan_provisioning,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signing import sign_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Profile, Signer, sign_leaf
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, generate_key
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import parse_names
from ansible_collections.anchorage.pki.tests.unit.corporate_pki import corporate_root, pem
from interoperability import test_staples
from interoperability.pki import NOW, VALIDITY, Chain
from interoperability.programs import write_chain
from interoperability.verifiers import Question, gnutls, openssl

OPTIONS = {"issuing_request_path": "/somewhere/issuing.csr"}
OPEN = Passphrases()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    folder, now = tmp_path / "authority", NOW.replace(microsecond=0)
    folder.mkdir(mode=0o700)
    asked = carry_out(plan_provisioning(folder, OPTIONS, "Test authority", NOW), OPEN, NOW)
    assert asked.request is not None
    signer = corporate_root(now).below("Corporate policy authority").below("Corporate subordinate authority")
    answer = [Given("issuing_certificate", pem(signer.sign(asked.request.request), *signer.chain))]
    return carry_out(plan_provisioning(folder, {}, "", NOW, answer), OPEN, NOW)


def test_a_leaf_with_its_staple_is_accepted(authority: Authority, tmp_path: Path) -> None:
    issuing, names, key = authority.issuing, parse_names(["app.test"]), generate_key(KeyType.ECDSA_P256)
    signer = Signer(issuing.certificate, issuing.key(None, "passphrase"))
    leaf = sign_leaf(key.public_key(), signer, names, Profile.SERVER, VALIDITY)
    folder = write_chain(Chain((leaf, *authority.chain(issuing, leaf)), key), tmp_path / "chain")
    root = authority.root.folder / CERTIFICATE
    for verify in (openssl, gnutls):
        verdict = verify(Question(root, folder, names[0], Profile.SERVER))
        assert verdict.accepted, verdict.words
    responder = Signer(issuing.responder.certificate, issuing.responder.key(None, "responder_passphrase"))
    staple = tmp_path / "staple.der"
    staple.write_bytes(sign_staple(leaf, issuing.certificate, responder, 7, NOW).der)
    for client in (test_staples.openssl, test_staples.gnutls):
        verdict = client(root, folder, staple)
        assert verdict.accepted, verdict.words
