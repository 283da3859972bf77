# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Staples signed ahead of time."""

from __future__ import annotations

from datetime import datetime, timedelta

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import hashes, ocsp, serialization, x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.verification import Staple, verify_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import signature_hash
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import BACKDATE


def sign_staple(
    leaf: x509.Certificate,
    issuer: x509.Certificate,
    responder: Signer,
    days: int,
    now: datetime,
    installed: datetime | None = None,
) -> Staple:
    """A response "good" for ``leaf``, valid for ``days`` but no longer than leaf, responder and issuer.

    One SingleResponse with a SHA-1 CertID, since nginx, HAProxy and curl match no other; no nonce, since it is made
    before anybody asks. Raises PkiError where it would be no good staple, as where the responder has expired, or one
    with the thisUpdate ``installed`` is newer.
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
    return verify_staple(response.public_bytes(serialization.Encoding.DER), leaf, issuer, now, installed)
