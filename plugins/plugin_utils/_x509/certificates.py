# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificates that the collection issues: one builder chain, and one function for each kind of certificate.

All follow RFC 5280; the responder's follows RFC 6960, section 4.2.2.2. Times are aware UTC datetimes of whole seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import (
    ExtendedKeyUsageOID,
    InvalidSignature,
    NameOID,
    UnsupportedAlgorithm,
    rsa,
    x509,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.constraints import NameConstraints
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import PrivateKey, PublicKey, signature_hash
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import BACKDATE
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import NameKind, SubjectAlternativeName
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.urls import Urls, url_extensions

# RFC 5280, appendix A.1, ub-common-name and ub-organization-name.
LONGEST_NAME = 64
# How many authorities may stand between a root and a leaf: the issuing one, and this root itself where a former one has
# cross-signed it, so that hosts which trust the former alone accept its leaves.
ROOT_PATH_LENGTH = 2
CROSS_PATH_LENGTH = ROOT_PATH_LENGTH - 1
NO_URLS = Urls()


@dataclass(frozen=True)
class Subject:
    """The distinguished name of the root; the issuing authority and the responder have a common name of their own."""

    common_name: str
    organization: str = ""
    country: str = ""


class Profile(str, Enum):
    """What a leaf may be used for, in the words of the option ``profile``. A peer is a server and a client."""

    SERVER = "server"
    CLIENT = "client"
    PEER = "peer"


PROFILES = [profile.value for profile in Profile]


@dataclass(frozen=True)
class Validity:
    """A certificate's first and last second."""

    not_before: datetime
    not_after: datetime


@dataclass(frozen=True)
class Signer:
    """An authority's certificate with its private key, ready to sign."""

    certificate: x509.Certificate
    key: PrivateKey


def validity_from(now: datetime, days: int, latest: datetime | None = None) -> Validity:
    """``days`` from a little before ``now``, ending at ``latest`` where that is earlier."""
    not_before = (now - BACKDATE).replace(microsecond=0)
    # Both ends are part of the period (RFC 5280, section 4.1.2.5).
    not_after = not_before + timedelta(days=days) - timedelta(seconds=1)
    return Validity(not_before, not_after if latest is None else min(not_after, latest))


def root_subject(subject: Subject, epoch: int) -> Subject:
    """The name of the root with an authority's first key, or with a later one. No two keys share a name: a verifier
    that goes by names alone would take one for the other."""
    return subject if epoch == 1 else replace(subject, common_name=f"{subject.common_name} root {epoch}")


def issuing_common_name(subject: Subject, number: int) -> str:
    """The common name of an issuing authority."""
    return f"{subject.common_name} issuing {number}"


def sign_root(
    key: PrivateKey, subject: Subject, validity: Validity, constraints: NameConstraints | None
) -> x509.Certificate:
    """A self-signed root. Its name constraints bind verifiers that read them in an anchor; see sign_issuing."""
    name = distinguished_name(subject, subject.common_name)
    builder = _authority_builder(key.public_key(), name, name, validity, constraints, ROOT_PATH_LENGTH)
    return builder.sign(key, signature_hash(key))


def sign_issuing(
    public_key: PublicKey,
    signer: Signer,
    subject: Subject,
    number: int,
    validity: Validity,
    constraints: NameConstraints | None,
    urls: Urls = NO_URLS,
) -> x509.Certificate:
    """An issuing certificate, which can sign leaves but no authority. It repeats the name constraints, since many
    verifiers (Java's among them) ignore those of the anchor."""
    extension = constraints.extension() if constraints else None
    return sign_delegated(public_key, signer, issuing_name(subject, number), validity, extension, urls)


def issuing_name(subject: Subject, number: int) -> x509.Name:
    """The name of an authority's issuing certificate with that number."""
    return distinguished_name(subject, issuing_common_name(subject, number))


def issuing_extensions(constraints: x509.NameConstraints | None) -> list[x509.ExtensionType]:
    """What an issuing certificate says of its authority; each is critical."""
    usage = _key_usage(key_cert_sign=True, crl_sign=True)
    extensions: list[x509.ExtensionType] = [x509.BasicConstraints(ca=True, path_length=0), usage]
    return [*extensions, constraints] if constraints else extensions


def sign_delegated(
    public_key: PublicKey,
    signer: Signer,
    name: x509.Name,
    validity: Validity,
    constraints: x509.NameConstraints | None,
    urls: Urls = NO_URLS,
) -> x509.Certificate:
    """An issuing certificate of any name: that of another controller's authority below the same root, too."""
    builder = _builder(public_key, name, signer.certificate.subject, validity)
    for extension in issuing_extensions(constraints):
        builder = builder.add_extension(extension, critical=True)
    return _sign(_with_urls(builder, urls, signer, ocsp=False), signer)  # no responder is the root's


def sign_cross(root: x509.Certificate, signer: Signer, validity: Validity, urls: Urls = NO_URLS) -> x509.Certificate:
    """A root's name and key, signed by a former root: whoever trusts that one alone accepts what the root signed. The
    former one's constraints are repeated, since where the root permits more, many verifiers would; see sign_issuing."""
    public_key: PublicKey = root.public_key()  # type: ignore[assignment]
    builder = _authority_builder(
        public_key, root.subject, signer.certificate.subject, validity, None, CROSS_PATH_LENGTH
    )
    for extension in signer.certificate.extensions:
        if isinstance(extension.value, x509.NameConstraints):
            builder = builder.add_extension(extension.value, extension.critical)
    return _sign(_with_urls(builder, urls, signer, ocsp=False), signer)


def may_sign_roots(root: x509.Certificate) -> bool:
    """Whether clients that trust ``root`` alone would accept leaves of another one that it signed. Those of 0.2.0 have
    path length 1, which ends at their own issuing certificates."""
    length = root.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    return length is None or length > CROSS_PATH_LENGTH


def sign_responder(
    public_key: PublicKey, signer: Signer, subject: Subject, number: int, validity: Validity
) -> x509.Certificate:
    """A delegated OCSP responder's certificate.

    Its CN has a space and no dot, since verifiers judge a CN that could be a host name by the name constraints. The
    ``nocheck`` extension tells clients not to check the responder's own status.
    """
    name = distinguished_name(subject, f"OCSP responder {number}")
    builder = (
        _builder(public_key, name, signer.certificate.subject, validity)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False)
        .add_extension(x509.OCSPNoCheck(), critical=False)
    )
    return _sign(builder, signer)


def sign_leaf(
    public_key: PublicKey,
    signer: Signer,
    names: tuple[SubjectAlternativeName, ...],
    profile: Profile,
    validity: Validity,
    must_staple: bool = False,
    urls: Urls = NO_URLS,
) -> x509.Certificate:
    """A leaf. Its CN is one of its DNS names; with none of them the subject is empty and the names are critical
    (RFC 5280, section 4.2.1.6). With ``must_staple``, clients that know the extension refuse it without a staple."""
    subject = _leaf_subject(names)
    builder = (
        _builder(public_key, subject, signer.certificate.subject, validity)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_leaf_key_usage(public_key), critical=True)
        .add_extension(x509.ExtendedKeyUsage(_leaf_purposes(profile)), critical=False)
        .add_extension(x509.SubjectAlternativeName([name.general_name() for name in names]), critical=not subject.rdns)
    )
    if must_staple:
        feature = x509.TLSFeature([x509.TLSFeatureType.status_request])
        builder = builder.add_extension(feature, critical=False)
    return _sign(_with_urls(builder, urls, signer, ocsp=True), signer)


def distinguished_name(subject: Subject, common_name: str) -> x509.Name:
    """A subject in the usual order: country, organization, common name."""
    attributes = [
        (NameOID.COUNTRY_NAME, subject.country),
        (NameOID.ORGANIZATION_NAME, subject.organization),
        (NameOID.COMMON_NAME, common_name),
    ]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes if value])


def profile_of(certificate: x509.Certificate) -> Profile | None:
    """The profile that a leaf of this collection was issued with."""
    purposes = list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    return next((profile for profile in Profile if _leaf_purposes(profile) == purposes), None)


def key_identifier(certificate: x509.Certificate) -> str:
    """The identifier of an authority's key, in hexadecimal (RFC 5280, section 4.2.1.2)."""
    return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest.hex()


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether ``issuer`` has the name that a certificate says issued it, and the key that signed it."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):  # whatever is foreign in it
        return False
    return True


def is_responder(certificate: x509.Certificate) -> bool:
    """Whether its issuer has a certificate answer OCSP requests (RFC 6960, section 4.2.2.2)."""
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in purposes


def requires_staple(certificate: x509.Certificate) -> bool:
    """Whether a leaf was issued with ``must_staple`` (RFC 7633)."""
    try:
        feature = certificate.extensions.get_extension_for_class(x509.TLSFeature).value
    except x509.ExtensionNotFound:
        return False
    return x509.TLSFeatureType.status_request in feature


def _builder(
    public_key: PublicKey, subject: x509.Name, issuer: x509.Name, validity: Validity
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.not_before)
        .not_valid_after(validity.not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _authority_builder(
    public_key: PublicKey,
    subject: x509.Name,
    issuer: x509.Name,
    validity: Validity,
    constraints: NameConstraints | None,
    path_length: int,
) -> x509.CertificateBuilder:
    builder = (
        _builder(public_key, subject, issuer, validity)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
    )
    if constraints is None:
        return builder
    return builder.add_extension(constraints.extension(), critical=True)


def _with_urls(builder: x509.CertificateBuilder, urls: Urls, signer: Signer, ocsp: bool) -> x509.CertificateBuilder:
    for extension in url_extensions(urls, key_identifier(signer.certificate), ocsp):
        builder = builder.add_extension(extension, critical=False)
    return builder


def _sign(builder: x509.CertificateBuilder, signer: Signer) -> x509.Certificate:
    identifier = signer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
    )
    return builder.sign(signer.key, signature_hash(signer.key))


def _key_usage(
    digital_signature: bool = False, key_encipherment: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_encipherment=key_encipherment,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _leaf_key_usage(public_key: PublicKey) -> x509.KeyUsage:
    # Only RSA has a key exchange, that of TLS 1.2 and before, in which the leaf's key encrypts.
    return _key_usage(digital_signature=True, key_encipherment=isinstance(public_key, rsa.RSAPublicKey))


def _leaf_purposes(profile: Profile) -> list[x509.ObjectIdentifier]:
    return {
        Profile.SERVER: [ExtendedKeyUsageOID.SERVER_AUTH],
        Profile.CLIENT: [ExtendedKeyUsageOID.CLIENT_AUTH],
        Profile.PEER: [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH],
    }[profile]


def _leaf_subject(names: tuple[SubjectAlternativeName, ...]) -> x509.Name:
    hosts = [name.value for name in names if name.kind is NameKind.DNS and len(name.value) <= LONGEST_NAME]
    # A wildcard in a CN is taken for a host name by some verifiers and for none by others: a plain name first.
    hosts.sort(key=lambda host: host.startswith("*"))
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host) for host in hosts[:1]])
