# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OCSP responses made to be stapled (RFC 6960): signed ahead of time, and verified before any server sees one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

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
    serialization,
    x509,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import BACKDATE, Signer
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import signature_hash

# How far the clocks of two machines may be apart, as OpenSSL, nginx and HAProxy have it.
SKEW = timedelta(minutes=5)
# A staple is renewed from half of its validity on; a tenth of the validity is what certificates differ by, so that a
# fleet does not renew all of them in one run.
RENEWAL_SHARE = 0.5
JITTER_SHARE = 0.1


@dataclass(frozen=True)
class Staple:
    """A verified OCSP response: its DER and the times between which it may be served."""

    der: bytes
    this_update: datetime
    next_update: datetime

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.der).hexdigest()


def sign_staple(
    leaf: x509.Certificate, issuer: x509.Certificate, responder: Signer, days: int, now: datetime
) -> Staple:
    """A response "good" for ``leaf``, valid for ``days`` but no longer than leaf, responder and issuer.

    One SingleResponse with a SHA-1 CertID, since nginx, HAProxy and curl match no other; no nonce, since it is made
    before anybody asks. Raises PkiError where the responder has expired.
    """
    this_update = (now - BACKDATE).replace(microsecond=0)
    next_update = min(
        this_update + timedelta(days=days),
        leaf.not_valid_after_utc,
        responder.certificate.not_valid_after_utc,
        issuer.not_valid_after_utc,
    )
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=leaf,
            issuer=issuer,
            algorithm=hashes.SHA1(),  # an identifier here, not a signature
            cert_status=ocsp.OCSPCertStatus.GOOD,
            this_update=this_update,
            next_update=next_update,
            revocation_time=None,
            revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, responder.certificate)
        .certificates([responder.certificate])
    )
    response = builder.sign(responder.key, signature_hash(responder.key))
    return verify_staple(response.public_bytes(serialization.Encoding.DER), leaf, issuer, now)


def verify_staple(der: bytes, leaf: x509.Certificate, issuer: x509.Certificate, now: datetime) -> Staple:
    """The one gate through which every staple goes. Raises PkiError with the reason for which it is refused.

    Stricter than any server: successful, about this leaf alone, good, signed by the issuer or its valid delegate, and
    fresh at ``now``.
    """
    try:
        response = ocsp.load_der_ocsp_response(der)
    except ValueError as error:
        raise PkiError("The staple is refused: it is not an OCSP response in DER.") from error
    try:
        return _verify(response, der, leaf, issuer, now)
    except (ValueError, UnsupportedAlgorithm) as error:  # the library reads most fields when they are asked for
        raise PkiError("The staple is refused: a part of it is damaged or of an unknown algorithm.") from error


def _verify(
    response: ocsp.OCSPResponse, der: bytes, leaf: x509.Certificate, issuer: x509.Certificate, now: datetime
) -> Staple:
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise PkiError(f"The staple is refused: the responder answered {response.response_status.name}.")
    if len(list(response.responses)) != 1:
        raise PkiError("The staple is refused: it must hold exactly one response.")
    _check_subject_of(response, leaf, issuer)
    if response.certificate_status is not ocsp.OCSPCertStatus.GOOD:
        raise PkiError(f"The staple is refused: the certificate is {response.certificate_status.name.lower()}.")
    _check_signature(response, issuer, now)
    return _check_times(response, der, leaf, now)


def staple_due(staple_sha256: str, this_update: datetime, next_update: datetime, now: datetime) -> bool:
    """Whether a staple is to be renewed: past half of its validity, less a share that depends on its own digest."""
    validity = next_update - this_update
    jitter = int(staple_sha256[:8], 16) / 0xFFFFFFFF * JITTER_SHARE
    return now >= this_update + validity * (RENEWAL_SHARE - jitter)


def _check_subject_of(response: ocsp.OCSPResponse, leaf: x509.Certificate, issuer: x509.Certificate) -> None:
    """The CertID (RFC 6960, section 4.1.1) must be that of ``leaf`` under ``issuer``."""
    request = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, response.hash_algorithm).build()
    wanted = (request.serial_number, request.issuer_name_hash, request.issuer_key_hash)
    if (response.serial_number, response.issuer_name_hash, response.issuer_key_hash) != wanted:
        raise PkiError("The staple is refused: it is about another certificate.")


def _check_signature(response: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> None:
    for candidate in [issuer, *response.certificates]:
        if _is_responder(response, candidate) and (candidate == issuer or _is_delegate(candidate, issuer, now)):
            _verify_signature(response, candidate)
            return
    raise PkiError(
        "The staple is refused: it is signed by neither the issuer nor a responder that the issuer appointed."
    )


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


def _verify_signature(response: ocsp.OCSPResponse, signer: x509.Certificate) -> None:
    key, digest = signer.public_key(), response.signature_hash_algorithm
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(response.signature, response.tbs_response_bytes)
        elif digest is None or isinstance(digest, hashes.SHA1):
            raise PkiError("The staple is refused: its signature uses an algorithm that is no longer safe.")
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(digest))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), digest)
        else:
            raise PkiError("The staple is refused: its signer has a key of an unusual kind.")
    except InvalidSignature as error:
        raise PkiError("The staple is refused: its signature is wrong.") from error


def _check_times(response: ocsp.OCSPResponse, der: bytes, leaf: x509.Certificate, now: datetime) -> Staple:
    this_update, next_update = response.this_update_utc, response.next_update_utc
    if next_update is None:
        raise PkiError("The staple is refused: it does not say until when it is valid.")
    if this_update > now + SKEW:
        raise PkiError(
            f"The staple is refused: it is valid from {this_update:%Y-%m-%d %H:%M} UTC on only. Check the clock."
        )
    if next_update <= now + SKEW:
        raise PkiError(f"The staple is refused: it ended at {next_update:%Y-%m-%d %H:%M} UTC.")
    if next_update > leaf.not_valid_after_utc:
        raise PkiError("The staple is refused: it outlives its certificate.")
    return Staple(der, this_update, next_update)
