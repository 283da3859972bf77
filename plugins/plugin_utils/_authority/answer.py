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
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import has_explicit_parameters
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.self_signatures import broken_digest, is_self_signed

_CERTIFICATE_LABELS = (b"CERTIFICATE", b"X509 CERTIFICATE")
# How PKCS#7 begins in DER, after its length: id-signedData (RFC 5652).
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_LONGEST_LENGTH = 6  # octets
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

    @property
    def option(self) -> str:
        """The option, without the path that it names."""
        return self.source.partition(" ")[0]


@dataclass(frozen=True)
class Answer:
    """What a task brings an authority whose root is another authority's: its issuing certificate with the intermediates
    up to the root, None where that has come before; and the root, None where that is known."""

    certificate: x509.Certificate | None
    intermediates: tuple[x509.Certificate, ...]
    root: x509.Certificate | None


def read_answer(
    given: Sequence[Given], authority: Authority | None, now: datetime, asks: bool = False
) -> Answer | None:
    """The answer among what options give, checked; None where the authority has all of it, and for a root alone while
    nothing has been answered, be it that this task ``asks`` first. Raises PkiError."""
    if not given:
        return None
    source = given[0].source
    by_option = [(each.source, _usable(each)) for each in given]
    is_root_alone = {each.option for each in given} == {"root_certificate"}
    if authority is None:
        if asks and is_root_alone:
            return None
        raise PkiError(
            f"{source}: no certificate was asked for yet. Run certificate_authority with issuing_request_path first, "
            "and have what it writes there signed."
        )
    if not authority.policy.external_root:
        raise PkiError(
            f"{source}: the authority in {authority.folder} has a root of its own, which signs its issuing "
            "certificates. Leave the option out, or make a second authority in another folder (option authority)."
        )
    if is_root_alone and not authority.issuers:
        return None
    certificates = [certificate for _source, several in by_option for certificate in several]
    certificate = _requested(certificates, authority, source)
    if certificate is None:
        return _renewed_root(by_option, authority, now)
    known = [root.certificate for root in authority.roots]
    chain = _chain(certificate, [*certificates, *known, *_known_intermediates(authority)], source)
    check_chain(chain, authority.policy, source, now)
    if known and not _is_ours(chain[-1], authority):
        raise _another_root(chain[-1], authority, source)
    return Answer(certificate, tuple(chain[1:-1]), None if chain[-1] in known else chain[-1])


def _usable(given: Given) -> list[x509.Certificate]:
    """The certificates that an option gives, without those whose keys are of a kind that the library does not know, or
    that clients refuse: in a file with many, they are others' business."""
    return [certificate for certificate in read_certificates(given) if _has_known_key(certificate)]


def _has_known_key(certificate: x509.Certificate) -> bool:
    try:
        certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False
    return not has_explicit_parameters(certificate)


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
    except (
        DerError,
        ValueError,
        x509.InvalidVersion,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ) as error:
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
    if _SIGNED_DATA in content[: len(_SIGNED_DATA) + _LONGEST_LENGTH]:
        return (
            "is PKCS#7 in DER, and PEM is wanted. Convert it: openssl pkcs7 -inform DER -print_certs -in FILE -out "
            "CHAIN.pem"
        )
    if content.startswith(b"\x30"):
        return "is in DER, and PEM is wanted. Convert it: openssl x509 -inform DER -in FILE -out CERTIFICATE.pem"
    return "holds no certificate in PEM. Give the certificate that was signed, with those above it."


def _requested(certificates: Sequence[x509.Certificate], authority: Authority, source: str) -> x509.Certificate | None:
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
                f"{source}: is another certificate for the key of {issuer.folder}, which has one. "
                f"{_expected(authority)}"
            )
    if authority.issuers and all(_is_root(one) for one in certificates):
        return None
    raise PkiError(f"{source}: is for another key than that of the request. {_expected(authority)}")


def _expected(authority: Authority) -> str:
    if authority.request is None:
        return "No certificate is awaited now: a new one is asked for before the last one ends. Leave the option out."
    return f"Ask the PKI of the root to sign {authority.request.path}, and give its answer to that."


def _renewed_root(
    by_option: Sequence[tuple[str, Sequence[x509.Certificate]]], authority: Authority, now: datetime
) -> Answer | None:
    """The newest root among what options give that the authority does not know, which certifies the key that it knows.
    Others beside what it knows are of no matter. Raises PkiError for an option that gives others alone."""
    known = [root.certificate for root in authority.roots]
    theirs = [*known, *(issuer.certificate for issuer in authority.issuers)]
    renewed: list[tuple[x509.Certificate, str]] = []
    for source, certificates in by_option:
        roots = [one for one in certificates if _is_root(one)]
        ours = [one for one in roots if _is_ours(one, authority)]
        if roots and not ours and not any(one in theirs for one in certificates):
            raise _another_root(roots[0], authority, source)
        renewed += [(one, source) for one in ours]
    root, source = max(renewed, key=lambda each: each[0].not_valid_after_utc, default=(known[-1], ""))
    if root.not_valid_after_utc <= max(each.not_valid_after_utc for each in known):
        return None
    issuing = authority.issuing
    check_chain([issuing.certificate, *issuing.intermediates, root], authority.policy, source, now)
    return Answer(None, (), root)


def _is_ours(root: x509.Certificate, authority: Authority) -> bool:
    """Whether a root is that of the authority, be it renewed."""
    known = authority.root.certificate
    return (root.subject, root.public_key()) == (known.subject, known.public_key())


def _another_root(root: x509.Certificate, authority: Authority, source: str) -> PkiError:
    known = authority.root
    return PkiError(
        f"{source}: leads to the root {root.subject.rfc4514_string()} ({fingerprint(root)}), while hosts trust "
        f"{known.certificate.subject.rfc4514_string()} ({known.sha256}). {ANOTHER_ROOT}"
    )


def _known_intermediates(authority: Authority) -> list[x509.Certificate]:
    return [certificate for issuer in authority.issuers for certificate in issuer.intermediates]


def _chain(
    certificate: x509.Certificate, others: Sequence[x509.Certificate], source: str
) -> tuple[x509.Certificate, ...]:
    """From ``certificate`` to a root, by the ``others``: the nearest root, and of several certificates of one authority
    the one that is valid for longest, unless that leads to none. Raises PkiError where there is no way."""
    ways: list[tuple[x509.Certificate, ...]] = [(certificate,)]
    seen, end = {certificate}, certificate
    while ways:
        way = ways.pop()
        if _is_root(way[-1]):
            return way
        signers = [other for other in dict.fromkeys(others) if other not in seen and is_issued_by(way[-1], other)]
        signers.sort(key=lambda signer: (_is_root(signer), signer.not_valid_after_utc))
        if not signers:
            end = way[-1]
        seen.update(signers)
        ways += [(*way, signer) for signer in signers]
    raise _no_way(end, source)


def _no_way(end: x509.Certificate, source: str) -> PkiError:
    """Why no root is reached from where a chain ends."""
    name = end.subject.rfc4514_string()
    if broken_digest(end):
        return PkiError(
            f"{source}: {name} is signed with SHA-1 or MD5, which clients refuse. Ask the PKI that signed it for one "
            "that is signed with SHA-256 or better."
        )
    return PkiError(
        f"{source}: the chain ends at {name}, whose issuer {end.issuer.rfc4514_string()} is missing. Ask the PKI that "
        "signed it for all certificates up to the self-signed root, and give them in one file, or the root as "
        "root_certificate."
    )


def _is_root(certificate: x509.Certificate) -> bool:
    try:
        return is_self_signed(certificate)
    except UnsupportedAlgorithm:
        return False
