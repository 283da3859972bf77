# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked about a certificate of another authority, and whom."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.requests import (
    DIGESTS,
    SHA1,
    SHA256,
    ocsp_request,
    responder_urls,
)
from ansible_collections.anchorage.pki.tests.unit.corporate_pki import ODD_NAMES
from ansible_collections.anchorage.pki.tests.unit.roots import named
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID


@pytest.mark.parametrize("digest", DIGESTS)
def test_a_request_names_one_certificate_and_has_no_nonce(
    leaf: x509.Certificate, issuer: x509.Certificate, digest: str
) -> None:
    request = ocsp.load_der_ocsp_request(ocsp_request(leaf, issuer, digest))
    assert request.hash_algorithm.name == digest
    assert request.serial_number == leaf.serial_number
    assert len(request.issuer_key_hash) == {SHA1: 20, SHA256: 32}[digest]
    assert list(request.extensions) == []


def test_a_request_is_by_sha1_and_always_the_same(leaf: x509.Certificate, issuer: x509.Certificate) -> None:
    """So that what lies between can keep the answer."""
    assert ocsp_request(leaf, issuer) == ocsp_request(leaf, issuer, SHA1) != ocsp_request(leaf, issuer, SHA256)


OCSP, CA_ISSUERS = AuthorityInformationAccessOID.OCSP, AuthorityInformationAccessOID.CA_ISSUERS


def certificate(extension: x509.ExtensionType | None, now: datetime) -> x509.Certificate:
    """A certificate of another authority, which is whom it names itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(named("app.test"))
        .issuer_name(named("app.test"))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
    )
    if extension:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256())


def access(*entries: tuple[x509.ObjectIdentifier, str]) -> x509.AuthorityInformationAccess:
    return x509.AuthorityInformationAccess(
        x509.AccessDescription(method, x509.UniformResourceIdentifier(url)) for method, url in entries
    )


@pytest.mark.parametrize(
    ("extension", "urls"),
    [
        (None, ()),
        (access((CA_ISSUERS, "http://ca.test/ca.cer")), ()),
        (access((OCSP, "ldap:///CN=x")), ()),
        (
            access(
                (OCSP, "ldap:///CN=x"),
                (OCSP, "http://two.test/ocsp"),
                (CA_ISSUERS, "http://ca.test/ca.cer"),
                (OCSP, "HTTPS://one.test/"),
            ),
            ("http://two.test/ocsp", "HTTPS://one.test/"),
        ),
        (x509.AuthorityInformationAccess([x509.AccessDescription(OCSP, x509.DNSName("ocsp.test"))]), ()),
    ],
)
def test_the_responders_are_those_of_the_certificate_in_its_order(
    extension: x509.ExtensionType | None, urls: tuple[str, ...], now: datetime
) -> None:
    assert responder_urls(certificate(extension, now)) == urls


@pytest.mark.parametrize(
    "broken",
    [x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.1"), b"\x30\x03\x02"), ODD_NAMES],
    ids=["damaged", "names of an odd kind"],
)
def test_extensions_that_cannot_be_read_are_refused(broken: x509.ExtensionType, now: datetime) -> None:
    with pytest.raises(PkiError, match=r"^The extensions of the certificate cannot be read: "):
        responder_urls(certificate(broken, now))
