# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificate signing requests (PKCS#10, RFC 2986) that somebody brings: any program may have made them.

Only the public key is taken from one. What it asks for besides is what a stranger wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import (
    InvalidSignature,
    NameOID,
    UnsupportedAlgorithm,
    x509,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import PublicKey, public_der, unfit_for_leaf
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import (
    NameKind,
    SubjectAlternativeName,
    parse_name,
)

#: As much as a request has with an ML-DSA key and hundreds of names.
LARGEST_REQUEST = 64 * 1024
_COMMON_NAME = "common name"
_BEGIN = b"-----BEGIN "
_LABEL = b"CERTIFICATE REQUEST-----"
#: As what a leaf can have a name, by what a request has it as: an address is often written as a DNS name there. With a
#: common name, people mean either, or an address for mail.
_KINDS = {
    "DNSName": (NameKind.DNS, NameKind.IP),
    "IPAddress": (NameKind.IP,),
    "RFC822Name": (NameKind.EMAIL,),
    "UniformResourceIdentifier": (NameKind.URI,),
    _COMMON_NAME: (NameKind.DNS, NameKind.IP, NameKind.EMAIL),
}
# Of which anybody can make collisions, so that newer releases of the library take no such signature.
_BROKEN = ("md5", "sha1")


@dataclass(frozen=True)
class BroughtRequest:
    """The key of a request, which it proves to have, and what it asks to be called: the ``names`` that a leaf can have,
    and the ``others``, as they are written there."""

    public_key: PublicKey
    names: tuple[SubjectAlternativeName, ...]
    others: tuple[str, ...]


def parse_brought(content: bytes, source: str) -> BroughtRequest:
    """The one request in PEM that ``source`` names in errors. Raises PkiError where its key is none for a leaf."""
    request, key = _loaded(content, source)
    if unfit := unfit_for_leaf(key):
        raise PkiError(
            f"{source}: the request is for {unfit}, which clients refuse. Have it made with a key of RSA (2048 to 8192 "
            "bits), ECDSA (P-256, P-384 or P-521) or Ed25519."
        )
    if public_der(key) not in request.tbs_certrequest_bytes:
        raise PkiError(
            f"{source}: the request has its key in a form that few programs read (RSASSA-PSS, or a curve or point that "
            "is not written as usual). Have it made with a key of plain RSA, or of ECDSA on a named curve."
        )
    return BroughtRequest(key, *_asked(request))


def _loaded(content: bytes, source: str) -> tuple[x509.CertificateSigningRequest, PublicKey]:
    """The request, signed with its own key, and that key. Raises PkiError."""
    blocks = content.count(_BEGIN)
    if blocks > 1:
        raise PkiError(
            f"{source}: has {blocks} blocks in PEM. Give the request alone, and leave its private key where it is."
        )
    if len(content) > LARGEST_REQUEST:
        raise PkiError(f"{source}: is larger than {LARGEST_REQUEST} bytes, so that it is no request for a leaf.")
    try:
        request = x509.load_pem_x509_csr(content)
        digest, key = request.signature_hash_algorithm, request.public_key()
        is_broken = digest is not None and digest.name in _BROKEN
        is_signed = not is_broken and request.is_signature_valid
    except UnsupportedAlgorithm as error:
        raise PkiError(
            f"{source}: the request has a kind of key or signature that this controller's library does not know. Have "
            "it made with a key of RSA, ECDSA or Ed25519, and with SHA-256."
        ) from error
    except (ValueError, TypeError, InvalidSignature, x509.InvalidVersion) as error:
        if blocks and _LABEL not in content:
            raise PkiError(
                f"{source}: has a block in PEM that is no certificate signing request, but a certificate, a key or the "
                "like. Give what the device calls its request or CSR."
            ) from error
        raise PkiError(
            f"{source}: is not a certificate signing request in PEM. Convert one that is in DER (openssl req -inform "
            "DER -in FILE -out FILE.pem)."
        ) from error
    if is_broken:
        raise PkiError(
            f"{source}: the request is signed with MD5 or SHA-1, which are broken. Have it made with SHA-256, for "
            "which old appliances have a setting, or a newer firmware."
        )
    if not is_signed:
        raise PkiError(f"{source}: the request is not signed with its own key, as it is damaged. Get a fresh copy.")
    return request, key  # type: ignore[return-value]


def _asked(request: x509.CertificateSigningRequest) -> tuple[tuple[SubjectAlternativeName, ...], tuple[str, ...]]:
    """The names that a request asks for and a leaf can have, and the others."""
    names: list[SubjectAlternativeName] = []
    others: list[str] = []
    for text, kind in _texts(request):
        name = _name(text, kind)
        if name is None:
            others.append(f"{kind} {text!r}")
        else:
            names.append(name)
    return tuple(dict.fromkeys(names)), tuple(dict.fromkeys(others))


def _name(text: str, kind: str) -> SubjectAlternativeName | None:
    """The name that a leaf can have, None for one that it cannot, or of which it would make another one."""
    try:
        name = parse_name(text)
    except PkiError:
        return None
    return name if name.kind in _KINDS.get(kind, ()) else None


def _texts(request: x509.CertificateSigningRequest) -> Iterator[tuple[str, str]]:
    """Each name that a request asks for, and its kind: the alternative ones, without which many appliances mean the
    common name."""
    try:
        extensions = request.extensions
        found: list[Any] = list(extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        found = []
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):  # what is in there does not count
        yield "", "extensions that cannot be read"
        return
    for name in found:
        yield str(name.value), type(name).__name__
    if not found:
        yield from ((text, _COMMON_NAME) for text in _common_names(request))


def _common_names(request: x509.CertificateSigningRequest) -> list[str]:
    try:
        attributes = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except ValueError:  # nor does this
        return []
    return [str(attribute.value) for attribute in attributes]
