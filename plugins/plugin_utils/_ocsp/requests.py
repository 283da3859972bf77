# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be asked about a certificate of another authority, and whom."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import (
    AuthorityInformationAccessOID,
    hashes,
    ocsp,
    serialization,
    x509,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._tables import printable

# What servers match a CertID by: nginx, HAProxy and curl nothing else, whatever RFC 9919 asks of clients.
SHA1 = "sha1"
SHA256 = "sha256"
#: The digests by which a request may name its certificate.
DIGESTS = (SHA1, SHA256)
#: The schemes that OCSP is defined for (RFC 6960, appendix A).
_SCHEMES = ("http:", "https:")


def ocsp_request(leaf: x509.Certificate, issuer: x509.Certificate, digest: str = SHA1) -> bytes:
    """A request (RFC 6960, section 4.1) in DER for one certificate, whose CertID is made by one of DIGESTS.

    It has no nonce, so that a responder may answer with what it has signed before.
    """
    request = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, digest_of(digest)).build()
    return request.public_bytes(serialization.Encoding.DER)


def digest_of(name: str) -> hashes.SHA1 | hashes.SHA256:
    """The algorithm of a CertID by one of DIGESTS. It makes an identifier, not a signature."""
    return hashes.SHA1() if name == SHA1 else hashes.SHA256()


def responder_urls(leaf: x509.Certificate) -> tuple[str, ...]:
    """The URLs of http and https at which the certificate says that its status is known (RFC 5280, section 4.2.2.1).

    In the order of the certificate; none where its authority has no responder. Raises PkiError.
    """
    try:
        access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return ()
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise PkiError(f"The extensions of the certificate cannot be read: {printable(str(error))}.") from error
    return tuple(
        entry.access_location.value
        for entry in access
        if entry.access_method == AuthorityInformationAccessOID.OCSP
        and isinstance(entry.access_location, x509.UniformResourceIdentifier)
        and entry.access_location.value.lower().startswith(_SCHEMES)
    )
