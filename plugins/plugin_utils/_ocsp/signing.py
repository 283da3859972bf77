# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Staples signed ahead of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import hashes, ocsp, serialization, x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.verification import Staple, verify_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import signature_hash
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import BACKDATE


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
    responses = [_sign(request, now) for request in requests]
    return [
        verify_staple(der, request.leaf, request.issuer, now, request.installed)
        for der, request in zip(responses, requests, strict=True)
    ]


def _sign(request: StapleRequest, now: datetime) -> bytes:
    """A response "good", valid for the wanted days but no longer than leaf, responder and issuer.

    One SingleResponse with a SHA-1 CertID, since nginx, HAProxy and curl match no other; no nonce, since it is made
    before anybody asks.
    """
    responder = request.responder
    this_update = (now - BACKDATE).replace(microsecond=0)
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
    return response.public_bytes(serialization.Encoding.DER)
