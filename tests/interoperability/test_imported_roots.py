# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenSSL and GnuTLS accept a leaf, and its staple, below roots that other programs made, and would not below mkcert's.

OpenSSL's strict mode is what the warnings have said of a root. ``docs/migration.md`` relies on all of it.
"""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import CERTIFICATE, Authority, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.imported import imported_warnings
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    Passphrases,
    carry_out,
    plan_provisioning,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signing import sign_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    Profile,
    Signer,
    Subject,
    sign_issuing,
    sign_leaf,
    validity_from,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, generate_key
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import parse_names
from ansible_collections.anchorage.pki.tests.unit import imported_roots
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from interoperability import test_staples
from interoperability.pki import Chain
from interoperability.programs import need, write_chain
from interoperability.verifiers import Question, gnutls, judge, openssl

NAMES = parse_names(["app.test"])


@pytest.fixture
def now() -> datetime:
    """The programs that make the roots know no other time."""
    return datetime.now(timezone.utc)


@pytest.fixture(params=sorted(imported_roots.IMPORTABLE))
def authority(request: pytest.FixtureRequest, tmp_path: Path, now: datetime) -> Authority:
    if request.param == "easy-rsa":
        need(imported_roots.EASY_RSA)
    made = imported_roots.IMPORTABLE[request.param](tmp_path)
    folder = tmp_path / "authority"
    folder.mkdir(mode=0o700)
    return carry_out(plan_provisioning(folder, {}, "", now, importing=made.importing), Passphrases(), now)


def test_a_leaf_with_its_staple_is_accepted(authority: Authority, tmp_path: Path, now: datetime) -> None:
    issuing, key = authority.issuing, generate_key(KeyType.ECDSA_P256)
    signer = Signer(issuing.certificate, issuing.key(None, "passphrase"))
    leaf = sign_leaf(key.public_key(), signer, NAMES, Profile.SERVER, validity_from(now, 90))
    folder = write_chain(Chain((leaf, *authority.chain(issuing, leaf)), key), tmp_path / "chain")
    root = authority.root.folder / CERTIFICATE
    question = Question(root, folder, NAMES[0], Profile.SERVER)
    usual = judge("openssl", "verify", "-CAfile", root, "-untrusted", folder / "issuers.pem", folder / "leaf.pem")
    for verdict in (usual, gnutls(question)):
        assert verdict.accepted, verdict.words
    strict, warnings = openssl(question), imported_warnings(authority.root.certificate, now)
    assert strict.accepted != any("verify strictly" in warning for warning in warnings), strict.words
    responder = Signer(issuing.responder.certificate, issuing.responder.key(None, "responder_passphrase"))
    staple = tmp_path / "staple.der"
    staple.write_bytes(sign_staple(leaf, issuing.certificate, responder, 7, now).der)
    for client in (test_staples.openssl, test_staples.gnutls):
        verdict = client(root, folder, staple)
        assert verdict.accepted, verdict.words


def test_below_the_root_of_mkcert_openssl_would_refuse_it(tmp_path: Path, now: datetime) -> None:
    """Why certificate_authority refuses that root."""
    need("mkcert")
    made = imported_roots.mkcert(tmp_path)
    root = Signer(made.certificate, load_pem_private_key(made.key_path.read_bytes(), None))  # type: ignore[arg-type]
    issuing_key, key = generate_key(KeyType.ECDSA_P256), generate_key(KeyType.ECDSA_P256)
    issuing = sign_issuing(issuing_key.public_key(), root, Subject("Below"), 1, validity_from(now, 365), None)
    leaf = sign_leaf(key.public_key(), Signer(issuing, issuing_key), NAMES, Profile.SERVER, validity_from(now, 90))
    folder = write_chain(Chain((leaf, issuing), key), tmp_path / "chain")
    path = tmp_path / "root.pem"
    path.write_text(to_pem(made.certificate))
    verdict = openssl(Question(path, folder, NAMES[0], Profile.SERVER))
    assert not verdict.accepted
    assert "path length constraint exceeded" in verdict.words
