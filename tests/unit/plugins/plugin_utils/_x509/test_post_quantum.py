# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Authorities and leaves with keys of ML-DSA, beside classic ones: certificates, lists and responses."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import wanted_policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import key_type_warnings
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import parse_requests
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.refusals import Refusal
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signing import sign_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.verification import verify
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.anchors import identify_anchor
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    Profile,
    Signer,
    is_issued_by,
    sign_leaf,
    validity_from,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import (
    POST_QUANTUM,
    KeyType,
    check_key_type,
    generate_key,
    key_type_of,
    signature_hash,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import parse_names
from ansible_collections.anchorage.pki.tests.unit.post_quantum import HAS_ML_DSA, needs_ml_dsa
from cryptography import x509

#: The object identifiers of RFC 9881, and what a staple takes at most, in bytes: a certificate, two keys and two
#: signatures, for which OpenSSL's clients and all servers have room.
OBJECTS = {KeyType.ML_DSA_44: "17", KeyType.ML_DSA_65: "18", KeyType.ML_DSA_87: "19"}
LARGEST = {KeyType.ML_DSA_44: 7000, KeyType.ML_DSA_65: 9500, KeyType.ML_DSA_87: 13000}


def leaf_of(authority: Authority, key_type: KeyType, now: datetime) -> x509.Certificate:
    issuing = authority.issuing
    signer = Signer(issuing.certificate, issuing.key(None, "passphrase"))
    public = generate_key(key_type).public_key()
    return sign_leaf(public, signer, parse_names(["app.test"]), Profile.SERVER, validity_from(now, 90))


@needs_ml_dsa
@pytest.mark.parametrize("key_type", POST_QUANTUM)
@pytest.mark.parametrize("leaf_type", ["same", KeyType.ECDSA_P256])
def test_an_authority_signs_leaves_and_staples_with_it(
    make_authority: Callable[..., Authority], tmp_path: Path, now: datetime, key_type: KeyType, leaf_type
) -> None:
    authority = make_authority(tmp_path / "authority", key_type=key_type.value)
    issuing, responder = authority.issuing, authority.issuing.responder
    for certificate in (authority.root.certificate, issuing.certificate, responder.certificate):
        assert certificate.signature_algorithm_oid.dotted_string == f"2.16.840.1.101.3.4.3.{OBJECTS[key_type]}"
        assert key_type_of(certificate.public_key()) is key_type
    (warning,) = identify_anchor(to_pem(authority.root.certificate).encode(), "src root.pem").warnings
    assert warning.startswith(
        f"src root.pem: the certificate has a key of the type {key_type.value}. Hosts where OpenSSL"
    )
    leaf = leaf_of(authority, key_type if leaf_type == "same" else leaf_type, now)
    assert is_issued_by(leaf, issuing.certificate)
    signer = Signer(responder.certificate, responder.key(None, "responder_passphrase"))
    staple = sign_staple(leaf, issuing.certificate, signer, 7, now)
    assert len(staple.der) < LARGEST[key_type]
    # One bit of the signature, which is before the responder's certificate.
    at = staple.der.index(responder.certificate.tbs_certificate_bytes) - 100
    forged = staple.der[:at] + bytes([staple.der[at] ^ 1]) + staple.der[at + 1 :]
    assert verify(forged, leaf, issuing.certificate, now).refusal is Refusal.WRONG_SIGNATURE


@needs_ml_dsa
@pytest.mark.parametrize("key_type", POST_QUANTUM)
def test_a_classic_authority_signs_leaves_of_it(authority: Authority, now: datetime, key_type: KeyType) -> None:
    leaf = leaf_of(authority, key_type, now)
    assert key_type_of(leaf.public_key()) is key_type
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert not usage.key_encipherment  # RFC 9881, section 3: for signatures alone


@needs_ml_dsa
def test_it_has_a_digest_of_its_own_and_is_a_kind_each() -> None:
    assert signature_hash(generate_key(KeyType.ML_DSA_65)) is None
    assert [each.algorithm for each in KeyType] == [
        *("ecdsa", "ecdsa", "rsa", "rsa", "ed25519"),
        *("ml-dsa-44", "ml-dsa-65", "ml-dsa-87"),
    ]


def test_it_is_warned_about_by_its_name() -> None:
    (warning,) = key_type_warnings([KeyType.ECDSA_P256, KeyType.ML_DSA_65, KeyType.ML_DSA_65])
    assert warning.startswith("The key type is ml-dsa-65: only hosts and clients with OpenSSL 3.5")


def request(**options: object) -> dict[str, object]:
    entry = {"name": "app", "names": ["app.test"], "key_type": "ml-dsa-65", **options}
    shared = {"profile": "server", "private_key": "controller", "staple": True, "must_staple": False, "lifetime": None}
    return {"certificates": [entry], "server": "none", "pkcs12_passphrase": None, "destination": "/etc/pki/x", **shared}


@needs_ml_dsa
def test_pkcs12_with_such_a_key_is_the_hosts_to_make() -> None:
    with pytest.raises(
        PkiError, match=r"^pkcs12_passphrase: the controller puts no ml-dsa-65 key into PKCS#12, of 'app'"
    ):
        parse_requests(request(pkcs12_passphrase="secret"))
    (taken,) = parse_requests(request(pkcs12_passphrase="secret", private_key="host"))
    assert taken.key_type is KeyType.ML_DSA_65


@pytest.mark.skipif(HAS_ML_DSA, reason="this release of cryptography signs with ML-DSA")
@pytest.mark.parametrize(
    "ask",
    [
        lambda: check_key_type(KeyType.ML_DSA_65),
        lambda: wanted_policy({"key_type": "ml-dsa-65"}, None, "Lab"),
        lambda: parse_requests(request()),
    ],
)
def test_an_old_library_is_named(ask: Callable[[], object]) -> None:
    words = r"^key_type: ml-dsa-65 needs a release of the Python package cryptography .*; .* has \d+\.\d+"
    with pytest.raises(PkiError, match=re.compile(words)):
        ask()
