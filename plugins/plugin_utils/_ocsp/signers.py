# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who signed an OCSP response, and whether that one may: the issuer itself, or a responder that it appointed (RFC 6960,
section 4.2.2.2)."""

from __future__ import annotations

import functools
from contextlib import suppress
from datetime import datetime
from typing import Any, cast

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import (
    InvalidSignature,
    ec,
    ed25519,
    hashes,
    ocsp,
    padding,
    rsa,
    x509,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.refusals import Refusal
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import is_issued_by, is_responder
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, key_type_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import SKEW

# How the identifiers of signature algorithms begin (RFC 5758, RFC 8017), and that of RSASSA-PSS.
ECDSA = "1.2.840.10045.4."
RSA = "1.2.840.113549.1.1."
RSA_PSS = "1.2.840.113549.1.1.10"
#: Those of ML-DSA, whose keys have the same (RFC 9881).
ML_DSA = {
    KeyType.ML_DSA_44: "2.16.840.1.101.3.4.3.17",
    KeyType.ML_DSA_65: "2.16.840.1.101.3.4.3.18",
    KeyType.ML_DSA_87: "2.16.840.1.101.3.4.3.19",
}


def signer_of(response: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> x509.Certificate | Refusal:
    """The certificate whose key is said to have signed the response, and which may have, or why there is none."""
    refusal = Refusal.OTHER_SIGNER
    for candidate in [*response.certificates, issuer]:
        if _is_named(response, candidate):
            unfit = None if candidate == issuer else _unfit(candidate, issuer, now)
            if unfit is None:
                return candidate
            refusal = unfit
    return refusal


def check_signature(response: ocsp.OCSPResponse, signer: x509.Certificate) -> Refusal | None:
    """Why the response does not prove that ``signer`` signed it, or None where it does. Raises UnsupportedAlgorithm."""
    try:
        return _check_signature(response, signer)
    except InvalidSignature:
        return Refusal.WRONG_SIGNATURE


def _check_signature(response: ocsp.OCSPResponse, signer: x509.Certificate) -> Refusal | None:
    key, algorithm = _public_key(signer), response.signature_algorithm_oid.dotted_string
    if (key_type := key_type_of(key)) in ML_DSA:
        if algorithm != ML_DSA[key_type]:
            return Refusal.OTHER_ALGORITHM
        cast(Any, key).verify(response.signature, response.tbs_response_bytes)
        return None
    if not isinstance(key, (ec.EllipticCurvePublicKey, rsa.RSAPublicKey, ed25519.Ed25519PublicKey)):
        return Refusal.UNUSUAL_KEY
    if algorithm == RSA_PSS and isinstance(key, rsa.RSAPublicKey):
        return _check_pss(response, key)
    digest = response.signature_hash_algorithm
    if isinstance(digest, (hashes.MD5, hashes.SHA1)):
        return Refusal.WEAK_SIGNATURE
    signature, signed = response.signature, response.tbs_response_bytes
    if digest is None and isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, signed)
    elif digest and algorithm.startswith(ECDSA) and isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, signed, ec.ECDSA(digest))
    elif digest and algorithm.startswith(RSA) and isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, signed, padding.PKCS1v15(), digest)
    else:
        return Refusal.OTHER_ALGORITHM
    return None


def _check_pss(response: ocsp.OCSPResponse, key: rsa.RSAPublicKey) -> Refusal | None:
    """For RSASSA-PSS, by trial of every safe digest: the library does not tell the one that the parameters name."""
    for digest in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()):
        scheme = padding.PSS(padding.MGF1(digest), padding.PSS.AUTO)
        with suppress(InvalidSignature):
            key.verify(response.signature, response.tbs_response_bytes, scheme, digest)
            return None
    return Refusal.WRONG_SIGNATURE


def _is_named(response: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    """Whether the response says that the key of ``certificate`` signed it."""
    if response.responder_key_hash is None:
        return response.responder_name == certificate.subject
    return response.responder_key_hash == key_sha1(certificate)


@functools.lru_cache(maxsize=64)  # of the few that sign all of a fleet's staples
def key_sha1(certificate: x509.Certificate) -> bytes:
    """The SHA-1 of the bare key, whatever the certificate's own extension says (RFC 6960, sections 4.1.1, 4.2.1)."""
    return x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest


def _unfit(certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> Refusal | None:
    """Why a certificate is none of a responder that may answer for ``issuer`` now."""
    if unappointed := _unappointed(certificate, issuer):
        return unappointed
    if now < certificate.not_valid_before_utc - SKEW:
        return Refusal.RESPONDER_NOT_YET_VALID
    if now > certificate.not_valid_after_utc:
        return Refusal.RESPONDER_EXPIRED
    return None


@functools.lru_cache(maxsize=64)
def _unappointed(certificate: x509.Certificate, issuer: x509.Certificate) -> Refusal | None:
    """Why a certificate is none of a responder of ``issuer``, at any time."""
    if not is_issued_by(certificate, issuer):
        return Refusal.FOREIGN_RESPONDER
    return None if is_responder(certificate) else Refusal.NOT_A_RESPONDER


@functools.lru_cache(maxsize=64)
def _public_key(certificate: x509.Certificate) -> object:
    return certificate.public_key()
