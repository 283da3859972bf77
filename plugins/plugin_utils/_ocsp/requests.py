# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of the responder of a certificate, and where it is."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import hashes, ocsp, serialization, x509

DIGESTS = ("sha1", "sha256")


def ocsp_request(leaf: x509.Certificate, issuer: x509.Certificate, digest: str) -> bytes:
    """The DER of a request about ``leaf``, whose CertID is made with ``digest``."""
    algorithm = hashes.SHA256() if digest == "sha256" else hashes.SHA1()
    request = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, algorithm).build()
    return request.public_bytes(serialization.Encoding.DER)


def responder_urls(leaf: x509.Certificate) -> list[str]:
    """The URLs of the responders that a certificate names, in their order."""
    try:
        access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return []
    return [
        each.access_location.value
        for each in access
        if each.access_method == x509.oid.AuthorityInformationAccessOID.OCSP
        and isinstance(each.access_location, x509.UniformResourceIdentifier)
    ]
