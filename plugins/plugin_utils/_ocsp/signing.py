# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Staples, and other responses, signed ahead of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import ocsp, serialization, x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.requests import SHA1, digest_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.verification import Staple, verify_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import signature_hash
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.revocation_lists import RevokedCertificate, known_at


@dataclass(frozen=True)
class SignedResponse:
    """A response as it was signed."""

    this_update: datetime
    next_update: datetime
    der: bytes


@dataclass(frozen=True)
class StapleRequest:
    """A staple that is to be signed, for ``days``; ``installed`` is the thisUpdate of the one before it."""

    leaf: x509.Certificate
    issuer: x509.Certificate
    responder: Signer
    days: int
    installed: datetime | None = None


def sign_staple(
    leaf: x509.Certificate, issuer: x509.Certificate, responder: Signer, days: int, now: datetime
) -> Staple:
    """The staple for one leaf. Raises PkiError."""
    (staple,) = sign_staples([StapleRequest(leaf, issuer, responder, days)], now)
    return staple


def sign_staples(requests: Sequence[StapleRequest], now: datetime) -> list[Staple]:
    """A good response for each leaf, through the gate.

    All are signed before the first one is verified: by turns, either would find the tables of the other in the
    processor's cache. Raises PkiError where one would be no good staple, as where its responder has expired, or the one
    that is installed is newer.
    """
    responses = [sign_response(request, now).der for request in requests]
    return [
        verify_staple(der, request.leaf, request.issuer, now, request.installed)
        for der, request in zip(responses, requests, strict=True)
    ]


def sign_response(
    request: StapleRequest, now: datetime, digest: str = SHA1, revoked: RevokedCertificate | None = None
) -> SignedResponse:
    """A response "good", or "revoked" where it is told when and why, valid for the wanted days but no longer than leaf,
    responder and issuer.

    One SingleResponse, with a SHA-1 CertID unless told otherwise, since nginx, HAProxy and curl match no other in a
    staple; no nonce, since it is made before anybody asks.
    """
    responder, revoked = request.responder, revoked.as_told(now) if revoked else None
    this_update = known_at([revoked.revoked_at] if revoked else [], now)
    next_update = min(
        this_update + timedelta(days=request.days),
        request.leaf.not_valid_after_utc,
        responder.certificate.not_valid_after_utc,
        request.issuer.not_valid_after_utc,
    )
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=request.leaf,
            issuer=request.issuer,
            algorithm=digest_of(digest),
            cert_status=ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
            this_update=this_update,
            next_update=next_update,
            revocation_time=revoked.revoked_at if revoked else None,
            revocation_reason=revoked.flag if revoked else None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, responder.certificate)
        .certificates([responder.certificate])
    )
    response = builder.sign(responder.key, signature_hash(responder.key))
    return SignedResponse(this_update, next_update, response.public_bytes(serialization.Encoding.DER))
