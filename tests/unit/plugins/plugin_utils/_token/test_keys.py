# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys on real tokens: made by the collection and by pkcs11-tool, which also judges them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import KeyAwayError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.keys import (
    check_token,
    new_key,
    opened_key,
    uri_of,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.sessions import Tokens
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.uris import KeyUri, parse_uri
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import (
    KeyType,
    generate_key,
    key_type_of,
    signature_hash,
)
from ansible_collections.anchorage.pki.tests.unit.soft_tokens import SoftTokens
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp

ON_TOKENS = [KeyType.ECDSA_P256, KeyType.ECDSA_P384, KeyType.RSA_3072]


def at(uri: str, **key: str) -> KeyUri:
    """A key on a token, or the token alone."""
    named = "".join(f";{name}={value}" for name, value in key.items())
    return parse_uri(uri.replace("?", f"{named}?"), "root_key_uri")


@pytest.mark.parametrize("key_type", ON_TOKENS)
def test_a_key_that_is_made_signs_and_never_leaves(
    soft_tokens: SoftTokens, lab: str, known: Tokens, now: datetime, key_type: KeyType
) -> None:
    def check() -> None:
        check_token(at(lab), key_type, known, [])
        assert soft_tokens.private_keys("lab") == []
        made = new_key(at(lab), key_type, "Lab root", known, [])
        uri = uri_of(made)
        assert uri is not None
        assert uri.object == "Lab root"
        assert key_type_of(made.public_key()) is key_type
        again = opened_key(uri, known, made.public_key())
        check_signatures(again, now)

    soft_tokens.apart(check)
    (told,) = soft_tokens.private_keys("lab")
    assert "label:      Lab root" in told
    assert "sensitive, always sensitive, never extractable, local" in told


def check_signatures(key, now: datetime) -> None:
    """Fail unless what a key signs is what its public key verifies."""
    public, digest = key.public_key(), signature_hash(key)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Lab")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(public).serial_number(7)
    end = now + timedelta(days=1)
    certificate = builder.not_valid_before(now).not_valid_after(end).sign(key, digest)
    certificate.verify_directly_issued_by(certificate)
    crl = x509.CertificateRevocationListBuilder().issuer_name(name).last_update(now).next_update(end).sign(key, digest)
    assert crl.is_signature_valid(public)
    response = (
        ocsp.OCSPResponseBuilder()
        .add_response(certificate, certificate, hashes.SHA256(), ocsp.OCSPCertStatus.GOOD, now, end, None, None)
        .responder_id(ocsp.OCSPResponderEncoding.HASH, certificate)
        .sign(key, digest)
    )
    assert response.signature
    assert x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, digest).is_signature_valid


@pytest.mark.parametrize(("kind", "key_type"), [("EC:prime256v1", KeyType.ECDSA_P256), ("rsa:3072", KeyType.RSA_3072)])
def test_a_key_that_others_made_is_taken(
    soft_tokens: SoftTokens, lab: str, known: Tokens, now: datetime, kind: str, key_type: KeyType
) -> None:
    soft_tokens.make_key("lab", "ours", kind, "01")

    def check() -> None:
        for uri in (at(lab, object="ours"), at(lab, id="%01")):
            (public,) = check_token(uri, key_type, known, [])
            key = new_key(uri, key_type, "never used", known, [])
            assert key.public_key() == public
            check_signatures(key, now)

    soft_tokens.apart(check)
    assert len(soft_tokens.private_keys("lab")) == 1


def test_a_key_of_another_type_or_use_is_refused(soft_tokens: SoftTokens, lab: str, known: Tokens) -> None:
    soft_tokens.make_key("lab", "ours", "EC:prime256v1", "01")

    def check() -> None:
        uri = at(lab, object="ours")
        for key_type in (KeyType.ECDSA_P384, KeyType.RSA_3072):
            with pytest.raises(PkiError, match=f"is not of the type {key_type.value}, the option key_type"):
                check_token(uri, key_type, known, [])
        with pytest.raises(PkiError, match=r"on a token, the option key_type is one of ecdsa-p256, .*, not ed25519"):
            check_token(at(lab), KeyType.ED25519, known, [])
        used = check_token(uri, KeyType.ECDSA_P256, known, [])
        with pytest.raises(PkiError, match="names the key of another certificate of the authority"):
            check_token(uri, KeyType.ECDSA_P256, known, used)

    soft_tokens.apart(check)


def test_a_key_that_is_missing_or_twice_there_is_told(soft_tokens: SoftTokens, lab: str, known: Tokens) -> None:
    for identifier in ("01", "02"):
        soft_tokens.make_key("lab", "ours", "EC:prime256v1", identifier)

    def check() -> None:
        with pytest.raises(KeyAwayError, match=r"'lab' has no public key with the label 'other'. Correct the URI"):
            check_token(at(lab, object="other"), KeyType.ECDSA_P256, known, [])
        with pytest.raises(KeyAwayError, match=r"has 2 public keys with the label 'ours'. Give its id, too."):
            check_token(at(lab, object="ours"), KeyType.ECDSA_P256, known, [])
        check_token(at(lab, object="ours", id="%02"), KeyType.ECDSA_P256, known, [])

    soft_tokens.apart(check)


@pytest.mark.parametrize("key_type", [KeyType.ECDSA_P256, KeyType.RSA_3072])
def test_a_signature_of_another_key_is_none(
    soft_tokens: SoftTokens, lab: str, known: Tokens, now: datetime, key_type: KeyType
) -> None:
    def check() -> None:
        uri = uri_of(new_key(at(lab), key_type, "Lab root", known, []))
        assert uri is not None
        replaced = opened_key(uri, known, generate_key(key_type).public_key())
        with pytest.raises(PkiError, match=r"the key on .*'lab' is not that of the certificate. Correct the URI"):
            check_signatures(replaced, now)

    soft_tokens.apart(check)
