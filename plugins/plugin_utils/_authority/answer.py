# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The answer to a request for an issuing certificate: found among the certificates that options give, and checked."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import DerError
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import decode_body
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_search import find_blocks, find_labels
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer_checks import check_chain
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    Authority,
    fingerprint,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import UnsupportedAlgorithm, x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import is_issued_by
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.self_signatures import broken_digest, is_self_signed

_CERTIFICATE_LABELS = (b"CERTIFICATE", b"X509 CERTIFICATE")
ANOTHER_ROOT = (
    "An authority stays below its root, and a rotation to another authority's root is not possible. Ask for a "
    "certificate below the former one, or make a second authority in another folder (option authority) for leaves to "
    "move to while hosts trust both roots."
)


@dataclass(frozen=True)
class Given:
    """What an option gives: how errors name it, and its content."""

    source: str
    content: bytes = field(repr=False)  # may be a private key


@dataclass(frozen=True)
class Answer:
    """What a task brings an authority whose root is another authority's: its issuing certificate with the intermediates
    up to the root, None where that has come before; and the root, None where that is known."""

    certificate: x509.Certificate | None
    intermediates: tuple[x509.Certificate, ...]
    root: x509.Certificate | None


def read_answer(given: Sequence[Given], authority: Authority | None, now: datetime) -> Answer | None:
    """The answer among what options give, checked; None where the authority has all of it. Raises PkiError."""
    if not given:
        return None
    source = given[0].source
    if authority is None:
        raise PkiError(
            f"{source}: no certificate was asked for yet. Run certificate_authority with issuing_request_path first, "
            "and have what it writes there signed."
        )
    if not authority.policy.external_root:
        raise PkiError(
            f"{source}: the authority in {authority.folder} has a root of its own, which signs its issuing "
            "certificates. Leave the option out, or make a second authority in another folder (option authority)."
        )
    certificates = [certificate for each in given for certificate in read_certificates(each)]
    certificate = _requested(certificates, authority)
    if certificate is None:
        return _renewed_root(certificates, authority, source, now)
    known = [root.certificate for root in authority.roots]
    chain = _chain(certificate, [*certificates, *known, *_known_intermediates(authority)], source)
    check_chain(chain, authority.policy, source, now)
    _check_root(chain[-1], authority, source)
    return Answer(certificate, tuple(chain[1:-1]), None if chain[-1] in known else chain[-1])


def read_certificates(given: Given) -> list[x509.Certificate]:
    """The certificates that an option gives, one at least. Raises PkiError."""
    labels = find_labels(given.content)
    if any(label.endswith(b"PRIVATE KEY") for label in labels):
        raise PkiError(f"{given.source}: holds a private key. Give certificates alone, and keep the key where it is.")
    bodies = [body for label, body in find_blocks(given.content) if label in _CERTIFICATE_LABELS]
    if not bodies:
        raise PkiError(f"{given.source}: {_what_instead(given.content, labels)}")
    try:
        return [_load(decode_body(body)) for body in bodies]
    except (DerError, ValueError, x509.InvalidVersion, x509.DuplicateExtension) as error:
        raise PkiError(f"{given.source}: a certificate in it is damaged. Get a fresh copy of it.") from error


def _load(der: bytes) -> x509.Certificate:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is odd and harmless
        certificate = x509.load_der_x509_certificate(der)
        len(certificate.extensions)  # parsed when they are first asked for
        return certificate


def _what_instead(content: bytes, labels: Sequence[bytes]) -> str:
    if b"PKCS7" in labels:
        return "is PKCS#7, and PEM is wanted. Convert it: openssl pkcs7 -print_certs -in FILE -out CHAIN.pem"
    if labels:
        return f"holds a {labels[0].decode()} and no certificate. Give the certificate that was signed, in PEM."
    if content.startswith(b"\x30"):
        return "is in DER, and PEM is wanted. Convert it: openssl x509 -inform DER -in FILE -out CERTIFICATE.pem"
    return "holds no certificate in PEM. Give the certificate that was signed, with those above it."


def _requested(certificates: Sequence[x509.Certificate], authority: Authority) -> x509.Certificate | None:
    """The certificate that was asked for; None where what came is the authority's already. Raises PkiError."""
    if authority.request is not None:
        wanted = authority.request.request.public_key()
        found = next((one for one in certificates if one.public_key() == wanted), None)
        if found is not None:
            return found
    for issuer in authority.issuers:
        if issuer.certificate in certificates:
            return None
        if any(one.public_key() == issuer.certificate.public_key() for one in certificates):
            raise PkiError(
                f"issuing_certificate: is another certificate for the key of {issuer.folder}, which has one. "
                f"{_expected(authority)}"
            )
    if authority.issuers and all(_is_root(one) for one in certificates):
        return None
    raise PkiError(f"issuing_certificate: is for another key than that of the request. {_expected(authority)}")


def _expected(authority: Authority) -> str:
    if authority.request is None:
        return "No certificate is awaited now: a new one is asked for before the last one ends. Leave the option out."
    return f"Ask the PKI of the root to sign {authority.request.path}, and give its answer to that."


def _renewed_root(
    certificates: Sequence[x509.Certificate], authority: Authority, source: str, now: datetime
) -> Answer | None:
    """The newest root among what is given that the authority does not know, which certifies the key that it knows."""
    known = [root.certificate for root in authority.roots]
    roots = [one for one in certificates if _is_root(one) and one not in known]
    if not roots:
        return None
    root = max(roots, key=lambda one: one.not_valid_after_utc)
    _check_root(root, authority, source)
    if root.not_valid_after_utc <= max(each.not_valid_after_utc for each in known):
        return None
    issuing = authority.issuing
    check_chain([issuing.certificate, *issuing.intermediates, root], authority.policy, source, now)
    return Answer(None, (), root)


def _check_root(root: x509.Certificate, authority: Authority, source: str) -> None:
    """Raise PkiError where the authority has another root."""
    if not authority.roots:
        return
    known = authority.root.certificate
    if (root.subject, root.public_key()) != (known.subject, known.public_key()):
        raise PkiError(
            f"{source}: leads to the root {root.subject.rfc4514_string()} ({fingerprint(root)}), while hosts trust "
            f"{known.subject.rfc4514_string()} ({authority.root.sha256}). {ANOTHER_ROOT}"
        )


def _known_intermediates(authority: Authority) -> list[x509.Certificate]:
    return [certificate for issuer in authority.issuers for certificate in issuer.intermediates]


def _chain(
    certificate: x509.Certificate, others: Sequence[x509.Certificate], source: str
) -> tuple[x509.Certificate, ...]:
    """From ``certificate`` to a root, by the ``others``: the nearest root, and of several certificates of one authority
    the one that is valid for longest. Raises PkiError where there is no way."""
    chain = [certificate]
    while not _is_root(chain[-1]):
        last = chain[-1]
        if broken_digest(last):
            raise PkiError(
                f"{source}: {last.subject.rfc4514_string()} is signed with SHA-1 or MD5, which clients refuse. Ask the "
                "PKI that signed it for one that is signed with SHA-256 or better."
            )
        signers = [other for other in others if other not in chain and is_issued_by(last, other)]
        if not signers:
            raise PkiError(
                f"{source}: the chain ends at {last.subject.rfc4514_string()}, whose issuer "
                f"{last.issuer.rfc4514_string()} is missing. Ask the PKI that signed it for all certificates up to the "
                "self-signed root, and give them in one file, or the root as root_certificate."
            )
        chain.append(max(signers, key=lambda signer: (_is_root(signer), signer.not_valid_after_utc)))
    return tuple(chain)


def _is_root(certificate: x509.Certificate) -> bool:
    try:
        return is_self_signed(certificate)
    except UnsupportedAlgorithm:
        return False
