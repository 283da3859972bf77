# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests for issuing certificates (PKCS#10, RFC 2986): made for another authority to sign, and read from one."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import (
    InvalidSignature,
    NameOID,
    UnsupportedAlgorithm,
    x509,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    Subject,
    issuing_extensions,
    issuing_name,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.constraints import NameConstraints
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import (
    PrivateKey,
    PublicKey,
    key_type_of,
    signature_hash,
)


@dataclass(frozen=True)
class ParsedRequest:
    """What a request asks for: a certificate of this name for this key, with these constraints, None for whichever the
    signer gives."""

    subject: x509.Name
    public_key: PublicKey
    constraints: x509.NameConstraints | None


def make_request(
    key: PrivateKey, subject: Subject, number: int, constraints: NameConstraints | None
) -> x509.CertificateSigningRequest:
    """A request for an issuing certificate as the authority's own root would sign it."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(issuing_name(subject, number))
    for extension in issuing_extensions(constraints.extension() if constraints else None):
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(key, signature_hash(key))


def parse_request(content: bytes, source: str) -> ParsedRequest:
    """The request in PEM that ``source`` names in errors. Raises PkiError for one that nobody should sign."""
    try:
        request = x509.load_pem_x509_csr(content)
        is_signed = request.is_signature_valid
        public_key = request.public_key()
        constraints = _constraints(request)
    except (
        ValueError,
        TypeError,
        UnsupportedAlgorithm,
        InvalidSignature,
        x509.InvalidVersion,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ) as error:
        raise PkiError(
            f"{source}: is not a certificate signing request in PEM. Give the file that certificate_authority wrote to "
            "issuing_request_path."
        ) from error
    if not is_signed:
        raise PkiError(f"{source}: the request is not signed by its own key. Get a fresh copy of it.")
    if key_type_of(public_key) is None:
        raise PkiError(f"{source}: the request is for a kind of key that this collection does not use.")
    if not request.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        raise PkiError(f"{source}: the request names no subject with a common name. Have it made anew.")
    return ParsedRequest(request.subject, public_key, constraints)  # type: ignore[arg-type]


def _constraints(request: x509.CertificateSigningRequest) -> x509.NameConstraints | None:
    try:
        return request.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return None
