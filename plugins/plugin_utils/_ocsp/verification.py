# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one judgement on OCSP responses (RFC 6960), stricter than that of any server."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import (
    ExtendedKeyUsageOID,
    InvalidSignature,
    UnsupportedAlgorithm,
    ec,
    ed25519,
    hashes,
    ocsp,
    padding,
    rsa,
    x509,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.schedule import renew_at
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import SKEW


class Status(str, Enum):
    """What a response says about its certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


class Refusal(Enum):
    """Why a response must not be believed, or not at this time, with the sentence that says so."""

    NOT_DER = "it is not an OCSP response in DER."
    DAMAGED = "a part of it is damaged or of an unknown algorithm."
    UNSUCCESSFUL = "the responder answered {answer}."
    NOT_ONE = "it must hold exactly one response."
    OTHER_CERTIFICATE = "it is about another certificate."
    UNAUTHORIZED = "it is signed by neither the issuer nor a responder that the issuer appointed."
    WEAK_SIGNATURE = "its signature uses an algorithm that is no longer safe."
    UNUSUAL_KEY = "its signer has a key of an unusual kind."
    WRONG_SIGNATURE = "its signature is wrong."
    ENDLESS = "it does not say until when it is valid."
    NOT_YET_VALID = "it is valid from {this_update:%Y-%m-%d %H:%M} UTC on only. Check the clock."
    EXPIRED = "it ended at {next_update:%Y-%m-%d %H:%M} UTC."
    OUTLIVES_CERTIFICATE = "it outlives its certificate."


@dataclass(frozen=True)
class Verification:
    """What a response says. It holds now where ``refusal`` is None.

    Status and times are None where the signature proves nothing; a response refused for its times alone has them.
    """

    refusal: Refusal | None
    status: Status | None = None
    this_update: datetime | None = None
    next_update: datetime | None = None
    answer: str = ""

    @property
    def problem(self) -> str:
        """Why this is not a good staple, as a sentence; an empty string where it is one."""
        if self.refusal is not None:
            reason = self.refusal.value.format(**vars(self))
        elif self.status is not Status.GOOD:
            reason = f"the certificate is {self.status.value if self.status else 'unknown'}."
        else:
            return ""
        return f"The staple is refused: {reason}"


@dataclass(frozen=True)
class Staple:
    """A good OCSP response, verified: its DER, when it may be served, and from when on it is to be renewed."""

    der: bytes = field(repr=False)
    this_update: datetime
    next_update: datetime
    renew_at: datetime

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.der).hexdigest()


def verify_staple(der: bytes, leaf: x509.Certificate, issuer: x509.Certificate, now: datetime) -> Staple:
    """The gate through which every staple goes on its way to a server. Raises PkiError unless :func:`verify` finds
    that it is good."""
    found = verify(der, leaf, issuer, now)
    if found.problem or found.this_update is None or found.next_update is None:
        raise PkiError(found.problem)
    due = renew_at(leaf.serial_number, found.this_update, found.next_update)
    return Staple(der, found.this_update, found.next_update, due)


def verify(der: bytes, leaf: x509.Certificate, issuer: x509.Certificate, now: datetime) -> Verification:
    """What a response says about ``leaf``, be it good, revoked or unknown.

    It must be successful, about this leaf alone, signed by the issuer or its valid delegate, and fresh at ``now``.
    """
    try:
        response = ocsp.load_der_ocsp_response(der)
    except ValueError:
        return Verification(Refusal.NOT_DER)
    try:
        return _verify(response, leaf, issuer, now)
    except (ValueError, UnsupportedAlgorithm):  # the library reads most fields when they are asked for
        return Verification(Refusal.DAMAGED)


def _verify(
    response: ocsp.OCSPResponse, leaf: x509.Certificate, issuer: x509.Certificate, now: datetime
) -> Verification:
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        return Verification(Refusal.UNSUCCESSFUL, answer=response.response_status.name)
    if len(list(response.responses)) != 1:
        return Verification(Refusal.NOT_ONE)
    if not _is_about(response, leaf, issuer):
        return Verification(Refusal.OTHER_CERTIFICATE)
    refusal = _check_signer(response, issuer, now)
    if refusal is not None:
        return Verification(refusal)
    status = Status(response.certificate_status.name.lower())
    return Verification(_check_times(response, leaf, now), status, response.this_update_utc, response.next_update_utc)


def _is_about(response: ocsp.OCSPResponse, leaf: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the CertID (RFC 6960, section 4.1.1) is that of ``leaf`` under ``issuer``."""
    request = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, response.hash_algorithm).build()
    wanted = (request.serial_number, request.issuer_name_hash, request.issuer_key_hash)
    return (response.serial_number, response.issuer_name_hash, response.issuer_key_hash) == wanted


def _check_signer(response: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> Refusal | None:
    for candidate in [issuer, *response.certificates]:
        if _is_responder(response, candidate) and (candidate == issuer or _is_delegate(candidate, issuer, now)):
            return _check_signature(response, candidate)
    return Refusal.UNAUTHORIZED


def _is_responder(response: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    if response.responder_key_hash is None:
        return response.responder_name == certificate.subject
    # The identifier is the SHA-1 of the bare key whatever the certificate's own extension says (RFC 6960, 4.2.1).
    return response.responder_key_hash == x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest


def _is_delegate(certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> bool:
    """RFC 6960, section 4.2.2.2: issued directly by the issuer, for OCSP signing, and valid."""
    try:
        certificate.verify_directly_issued_by(issuer)
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    valid = certificate.not_valid_before_utc - SKEW <= now <= certificate.not_valid_after_utc
    return valid and ExtendedKeyUsageOID.OCSP_SIGNING in purposes


def _check_signature(response: ocsp.OCSPResponse, signer: x509.Certificate) -> Refusal | None:
    key, digest = signer.public_key(), response.signature_hash_algorithm
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(response.signature, response.tbs_response_bytes)
        elif digest is None or isinstance(digest, hashes.SHA1):
            return Refusal.WEAK_SIGNATURE
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(digest))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), digest)
        else:
            return Refusal.UNUSUAL_KEY
    except InvalidSignature:
        return Refusal.WRONG_SIGNATURE
    return None


def _check_times(response: ocsp.OCSPResponse, leaf: x509.Certificate, now: datetime) -> Refusal | None:
    if response.next_update_utc is None:
        return Refusal.ENDLESS
    if response.this_update_utc > now + SKEW:
        return Refusal.NOT_YET_VALID
    if response.next_update_utc <= now + SKEW:
        return Refusal.EXPIRED
    if response.next_update_utc > leaf.not_valid_after_utc:
        return Refusal.OUTLIVES_CERTIFICATE
    return None
