# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a certificate is a root: one that its own key has signed, be it with SHA-1 or MD5 as old corporate roots are.

Nobody relies on that signature, by which a root says nothing that its receiver would not have to know anyway; so its
age is no reason to refuse one, as it is for all that the root signs.
"""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import (
    InvalidSignature,
    UnsupportedAlgorithm,
    ec,
    hashes,
    padding,
    rsa,
    x509,
)

#: The digests for which collisions are known, so that verifiers refuse signatures over them.
BROKEN_DIGESTS = ("md5", "sha1")


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Whether a certificate is signed by its own key. Raises UnsupportedAlgorithm where that cannot be verified."""
    if certificate.issuer != certificate.subject:
        return False
    try:
        if digest := broken_digest(certificate):
            _verify_over(certificate, digest)
        else:
            certificate.verify_directly_issued_by(certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def broken_digest(certificate: x509.Certificate) -> str:
    """The digest of a certificate's signature if collisions are known for it, or an empty string."""
    try:
        digest = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return ""
    return digest.name if digest is not None and digest.name in BROKEN_DIGESTS else ""


def _verify_over(certificate: x509.Certificate, name: str) -> None:
    """The same for a digest that ``cryptography`` verifies in no certificate. Raises InvalidSignature."""
    key, digest = certificate.public_key(), hashes.MD5() if name == "md5" else hashes.SHA1()
    signed = certificate.signature, certificate.tbs_certificate_bytes
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(*signed, padding.PKCS1v15(), digest)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(*signed, ec.ECDSA(digest))
    else:
        raise UnsupportedAlgorithm(f"a signature over {name} by another key than of RSA or ECDSA")
