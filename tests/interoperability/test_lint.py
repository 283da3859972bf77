# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pkilint finds in the certificates and staples, as exact sets with the reason for each finding."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signing import sign_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Profile
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.constraints import DEFAULT_DOMAINS
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from interoperability.cases import ALL_KINDS
from interoperability.pki import NOW, Pki
from pkilint import finding_filter, loader, pkix
from pkilint.cabf import serverauth
from pkilint.cabf.serverauth.serverauth_constants import CertificateType
from pkilint.pkix import certificate, extension, name, ocsp
from pkilint.pkix import crl as pkix_crl
from pkilint.validation import ValidationFindingSeverity, ValidationResult

# pkilint knows no domain of a single label, such as the default constraints are made of.
SINGLE_LABELS = [domain for domain in DEFAULT_DOMAINS if "." not in domain]
CONSTRAINTS = {
    *(f'ERROR pkix.invalid_domain_name_syntax Invalid domain name syntax: "{domain}"' for domain in SINGLE_LABELS),
    *(
        f'ERROR pkix.invalid_email_address_syntax Invalid e-mail address syntax: "{dot}{domain}"'
        for domain in SINGLE_LABELS
        for dot in ("", ".")
    ),
    *(
        f'ERROR pkix.invalid_uri_syntax Invalid URI syntax: "{dot}{domain}"'
        for domain in SINGLE_LABELS
        for dot in ("", ".")
    ),
}
# It takes the names of RFC 5280, which leaves wildcards to others (section 4.2.1.6: RFC 6125 defines them) ...
WILDCARD = {'ERROR pkix.invalid_domain_name_syntax Invalid domain name syntax: "*.app.internal"'}
# ... and knows the usual schemes of URIs only.
SPIFFE = {'ERROR pkix.invalid_uri_syntax Invalid URI syntax: "spiffe://cluster.internal/ns/web"'}

# What the rules for public authorities (CA/Browser Forum) demand and a private one cannot or need not have.
NOT_PUBLIC = {
    # names that only a private authority can vouch for
    'ERROR cabf.internal_domain_name Internal domain name: "app.test"',
    # URLs to fetch the status from, which staples make needless
    "ERROR cabf.serverauth.subscriber.authority_info_access_extension_absent",
    "ERROR cabf.serverauth.subscriber.revocation_information_absent",
    "ERROR msft.end_entity.revocation_information_absent",
    # the public authorities' own policy identifiers
    "ERROR cabf.serverauth.subscriber.certificate_policies_extension_absent",
    # discouraged there, yet people read a CN, and RFC 5280, section 4.2.1.2, recommends the key identifier
    "WARNING cabf.serverauth.dv.common_name_attribute_present",
    "WARNING cabf.serverauth.subscriber.subject_key_identifier_extension_present",
}
NOT_PUBLIC_KEYS = {
    # In TLS 1.2 and before, a client may choose a key exchange in which the leaf's key encrypts.
    KeyType.RSA_3072: {"WARNING cabf.serverauth.subscriber_rsa_digitalsignature_and_keyencipherment_present"},
    # The forum allows for no Ed25519 yet.
    KeyType.ED25519: {
        "ERROR cabf.serverauth.prohibited_signature_algorithm_encoding Prohibited encoding: 300506032b6570",
        "ERROR cabf.serverauth.prohibited_subject_public_key_algorithm_encoding Prohibited encoding: 300506032b6570",
    },
}


def findings(results: Iterable[ValidationResult]) -> set[str]:
    """The findings that are not mere remarks, each as severity, code and explanation."""
    return {
        " ".join(filter(None, (description.finding.severity.name, description.finding.code, description.message)))
        for result in results
        for description in result.finding_descriptions
        if description.finding.severity <= ValidationFindingSeverity.NOTICE
    }


def lint_certificate(document: x509.Certificate) -> set[str]:
    """Lint as ``lint_pkix_cert`` does, by RFC 5280."""
    validator = certificate.create_pkix_certificate_validator_container(
        certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ],
    )
    return findings(validator.validate(loader.load_certificate(document.public_bytes(Encoding.DER), "").root))


def lint_public_server(document: x509.Certificate) -> set[str]:
    """Lint as ``lint_cabf_serverauth_cert`` does, by the rules for public servers whose domain alone was validated."""
    kind = CertificateType.DV_FINAL_CERTIFICATE
    validator = certificate.create_pkix_certificate_validator_container(
        serverauth.create_decoding_validators(), serverauth.create_validators(kind)
    )
    results = validator.validate(loader.load_certificate(document.public_bytes(Encoding.DER), "").root)
    kept, _superseded = finding_filter.filter_results(serverauth.create_serverauth_finding_filters(kind), results)
    return findings(kept)


def lint_staple(der: bytes) -> set[str]:
    """Lint as ``lint_ocsp_response`` does, by RFC 6960."""
    validator = ocsp.create_pkix_ocsp_response_validator_container(
        [
            ocsp.create_response_decoder(),
            pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
            pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
        ],
        [],
    )
    return findings(validator.validate(loader.load_ocsp_response(der, "").root))


def lint_list(crl: x509.CertificateRevocationList) -> set[str]:
    """Lint as ``lint_crl`` does, by RFC 5280."""
    validator = pkix_crl.create_pkix_crl_validator_container(
        [
            pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
            pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
        ],
        [
            pkix_crl.create_issuer_validator_container([]),
            pkix_crl.create_validity_validator_container([]),
            pkix_crl.create_extensions_validator_container([]),
        ],
    )
    document = loader.load_crl(crl.public_bytes(Encoding.DER), "")
    return findings(validator.validate(document.root))


def test_authorities(pki: Pki) -> None:
    assert lint_certificate(pki.root) == CONSTRAINTS
    assert lint_certificate(pki.issuing.certificate) == CONSTRAINTS


def test_a_responder(pki: Pki) -> None:
    assert lint_certificate(pki.responder.certificate) == set()


@pytest.mark.parametrize("profile", Profile, ids=lambda profile: profile.value)
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["app.test"], set(), id="DNS"),
        pytest.param(["10.1.2.3", "fd00::1"], set(), id="addresses, empty subject"),
        pytest.param(ALL_KINDS, WILDCARD, id="all kinds"),
        pytest.param(["spiffe://cluster.internal/ns/web"], SPIFFE, id="workload"),
    ],
)
def test_a_leaf(pki: Pki, names: list[str], profile: Profile, expected: set[str]) -> None:
    assert lint_certificate(pki.chain(*names, profile=profile).leaf) == expected


def test_a_server_by_the_rules_for_public_ones(pki: Pki) -> None:
    expected = NOT_PUBLIC | NOT_PUBLIC_KEYS.get(pki.key_type, set())
    assert lint_public_server(pki.chain("app.test").leaf) == expected


def test_a_staple(pki: Pki) -> None:
    leaf = pki.chain("app.test").leaf
    assert lint_staple(sign_staple(leaf, pki.issuing.certificate, pki.responder, 7, NOW).der) == set()
