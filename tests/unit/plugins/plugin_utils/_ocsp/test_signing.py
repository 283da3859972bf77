# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Staples are signed as every server takes them, and end with whatever ends first."""

from __future__ import annotations

import hashlib
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.schedule import renew_at
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signing import sign_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.verification import verify_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    Signer,
    Subject,
    sign_issuing,
    sign_responder,
    sign_root,
    validity_from,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, PrivateKey, generate_key
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp

DAY = timedelta(days=1)


def test_a_signed_staple_is_one_good_answer_with_a_sha1_id(leaf, issuer, responder: Signer, now: datetime) -> None:
    staple = sign_staple(leaf, issuer, responder, 7, now)
    response = ocsp.load_der_ocsp_response(staple.der)
    assert len(list(response.responses)) == 1
    assert isinstance(response.hash_algorithm, hashes.SHA1)
    assert response.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert response.certificates == [responder.certificate]
    assert response.responder_key_hash is not None
    assert not list(response.extensions)
    assert staple.this_update == now - timedelta(minutes=5)
    assert staple.next_update == staple.this_update + 7 * DAY
    assert (response.this_update_utc, response.next_update_utc) == (staple.this_update, staple.next_update)
    assert staple.sha256 == hashlib.sha256(staple.der).hexdigest()
    assert staple.renew_at == renew_at(leaf.serial_number, staple.this_update, staple.next_update)


def test_openssl_verifies_a_signed_staple(
    authority: Authority, leaf, issuer, responder: Signer, tmp_path: Path, now: datetime
) -> None:
    (tmp_path / "staple.der").write_bytes(sign_staple(leaf, issuer, responder, 7, now).der)
    (tmp_path / "leaf.pem").write_text(to_pem(leaf))
    (tmp_path / "issuer.pem").write_text(to_pem(issuer))
    (tmp_path / "root.pem").write_text(to_pem(authority.root.certificate))
    command = ["openssl", "ocsp", "-respin", "staple.der", "-issuer", "issuer.pem", "-cert", "leaf.pem", "-no_nonce"]
    command += ["-CAfile", "root.pem", "-verify_other", "issuer.pem", "-attime", str(int(now.timestamp()))]
    # The command holds the response's own times against the machine's clock, hence the validity of a hundred years.
    command += ["-validity_period", str(100 * 365 * 86400)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Response verify OK" in result.stderr
    assert "leaf.pem: good" in result.stdout


@pytest.mark.parametrize("key_type", [KeyType.ECDSA_P384, KeyType.RSA_3072, KeyType.ED25519])
def test_a_responder_of_every_key_type_signs(leaf, issuing: Signer, now: datetime, key_type: KeyType) -> None:
    key = generate_key(key_type)
    certificate = sign_responder(key.public_key(), issuing, Subject("Corp"), 1, validity_from(now, 30))
    staple = sign_staple(leaf, issuing.certificate, Signer(certificate, key), 7, now)
    assert verify_staple(staple.der, leaf, issuing.certificate, now) == staple


@pytest.mark.parametrize("shortest", ["leaf", "responder"])
def test_a_staple_ends_with_whatever_ends_first(make_leaf, issuing, responder, now, shortest: str) -> None:
    at = responder.certificate.not_valid_after_utc - 2 * DAY
    leaf = make_leaf("app.test", at=at, days=1 if shortest == "leaf" else 90)
    staple = sign_staple(leaf, issuing.certificate, responder, 7, at)
    ends = {"leaf": leaf, "responder": responder.certificate}[shortest].not_valid_after_utc
    assert staple.next_update == ends


def test_a_staple_ends_with_its_issuer(leaf_key: PrivateKey, make_leaf, now: datetime) -> None:
    root = Signer(sign_root(leaf_key, Subject("Corp"), validity_from(now, 90), None), leaf_key)
    short = sign_issuing(leaf_key.public_key(), root, Subject("Corp"), 1, validity_from(now, 3), None)
    signer = Signer(short, leaf_key)
    responder = Signer(
        sign_responder(leaf_key.public_key(), signer, Subject("Corp"), 1, validity_from(now, 30)), leaf_key
    )
    staple = sign_staple(make_leaf("app.test", signer=signer), short, responder, 7, now)
    assert staple.next_update == short.not_valid_after_utc


def test_an_expired_responder_signs_nothing(leaf, issuer, responder: Signer) -> None:
    after = responder.certificate.not_valid_after_utc + timedelta(seconds=1)
    with pytest.raises(PkiError, match="The staple is refused"):
        sign_staple(leaf, issuer, responder, 7, after)
