# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificates themselves: every extension, and what an independent verifier says of a chain."""

from __future__ import annotations

import ipaddress
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import Policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    PROFILES,
    Profile,
    Signer,
    Subject,
    is_responder,
    profile_of,
    sign_issuing,
    sign_leaf,
    sign_responder,
    sign_root,
    validity_from,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.constraints import NameConstraints
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, PrivateKey, generate_key
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import parse_names
from ansible_collections.anchorage.pki.tests.unit.corporate_pki import ODD_NAMES, corporate_root
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def extension(certificate: x509.Certificate, kind: type) -> x509.Extension:
    return certificate.extensions.get_extension_for_class(kind)


def extensions(certificate: x509.Certificate) -> dict[str, bool]:
    """The names of a certificate's extensions, and whether each is critical."""
    return {type(entry.value).__name__: entry.critical for entry in certificate.extensions}


def key_usages(certificate: x509.Certificate) -> set[str]:
    usage = extension(certificate, x509.KeyUsage).value
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    return {name for name in (*names, "key_cert_sign", "crl_sign") if getattr(usage, name)}


def purposes(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    return list(extension(certificate, x509.ExtendedKeyUsage).value)


def openssl_verify(folder: Path, root: x509.Certificate, *chain: x509.Certificate, at: datetime) -> str:
    """What ``openssl verify`` says of the chain, the leaf last."""
    (folder / "root.pem").write_text(to_pem(root))
    (folder / "chain.pem").write_text("".join(to_pem(certificate) for certificate in chain[:-1]))
    (folder / "leaf.pem").write_text(to_pem(chain[-1]))
    command = ["openssl", "verify", "-x509_strict", "-attime", str(int(at.timestamp()))]
    command += ["-CAfile", "root.pem", "-untrusted", "chain.pem", "leaf.pem"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return (result.stdout + result.stderr).strip()


def test_the_root_may_appoint_issuing_authorities_and_no_more(authority: Authority) -> None:
    root = authority.root.certificate
    assert extensions(root) == {
        "SubjectKeyIdentifier": False,
        "BasicConstraints": True,
        "KeyUsage": True,
        "NameConstraints": True,
    }
    assert extension(root, x509.BasicConstraints).value == x509.BasicConstraints(ca=True, path_length=2)
    assert key_usages(root) == {"key_cert_sign", "crl_sign"}
    assert root.subject == root.issuer
    root.verify_directly_issued_by(root)


def test_the_issuing_authority_may_sign_leaves_and_no_authority(authority: Authority) -> None:
    root, issuing = authority.root.certificate, authority.issuing.certificate
    assert extensions(issuing) == {
        "SubjectKeyIdentifier": False,
        "BasicConstraints": True,
        "KeyUsage": True,
        "NameConstraints": True,
        "AuthorityKeyIdentifier": False,
    }
    assert extension(issuing, x509.BasicConstraints).value == x509.BasicConstraints(ca=True, path_length=0)
    assert key_usages(issuing) == {"key_cert_sign", "crl_sign"}
    assert issuing.subject.rfc4514_string() == "CN=Test authority issuing 1"
    issuing.verify_directly_issued_by(root)
    identifier = extension(issuing, x509.AuthorityKeyIdentifier).value.key_identifier
    assert identifier == extension(root, x509.SubjectKeyIdentifier).value.digest


def test_root_and_issuing_authority_bear_the_same_constraints_of_every_kind(authority: Authority) -> None:
    root, issuing = authority.root.certificate, authority.issuing.certificate
    constraints = extension(root, x509.NameConstraints)
    assert constraints == extension(issuing, x509.NameConstraints)
    assert constraints.critical
    permitted = {(type(name), name.value) for name in constraints.value.permitted_subtrees}
    assert {
        (x509.DNSName, "test"),
        (x509.IPAddress, ipaddress.ip_network("10.0.0.0/8")),
        (x509.IPAddress, ipaddress.ip_network("fc00::/7")),
        (x509.RFC822Name, "test"),
        (x509.RFC822Name, ".test"),
        (x509.UniformResourceIdentifier, "test"),
        (x509.UniformResourceIdentifier, ".test"),
    } <= permitted


def test_an_unconstrained_authority_bears_no_constraints(leaf_key: PrivateKey, now: datetime) -> None:
    root = sign_root(leaf_key, Subject("Open"), validity_from(now, 10), None)
    signer = Signer(root, leaf_key)
    issuing = sign_issuing(leaf_key.public_key(), signer, Subject("Open"), 1, validity_from(now, 10), None)
    assert "NameConstraints" not in {**extensions(root), **extensions(issuing)}


def test_the_responder_may_sign_ocsp_responses_alone(authority: Authority) -> None:
    responder = authority.issuing.responder.certificate
    assert extensions(responder) == {
        "SubjectKeyIdentifier": False,
        "BasicConstraints": True,
        "KeyUsage": True,
        "ExtendedKeyUsage": False,
        "OCSPNoCheck": False,
        "AuthorityKeyIdentifier": False,
    }
    assert extension(responder, x509.BasicConstraints).value == x509.BasicConstraints(ca=False, path_length=None)
    assert key_usages(responder) == {"digital_signature"}
    assert purposes(responder) == [ExtendedKeyUsageOID.OCSP_SIGNING]
    responder.verify_directly_issued_by(authority.issuing.certificate)


@pytest.mark.parametrize("number", [1, 120])
def test_the_responders_name_cannot_be_taken_for_a_host_name(issuing: Signer, leaf_key, now, number: int) -> None:
    subject = Subject("Corp.example", "Corp AS", "NO")
    responder = sign_responder(leaf_key.public_key(), issuing, subject, number, validity_from(now, 30))
    (common_name,) = responder.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert common_name.value == f"OCSP responder {number}"
    assert responder.subject.rfc4514_string() == f"CN=OCSP responder {number},O=Corp AS,C=NO"


def test_a_subject_has_country_organization_and_common_name_in_that_order(leaf_key: PrivateKey, now: datetime) -> None:
    root = sign_root(leaf_key, Subject("Corp", "Corp AS", "NO"), validity_from(now, 10), None)
    oids = [attribute.oid for attribute in root.subject]
    assert oids == [NameOID.COUNTRY_NAME, NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME]


@pytest.mark.parametrize(
    ("profile", "wanted"),
    [
        (Profile.SERVER, [ExtendedKeyUsageOID.SERVER_AUTH]),
        (Profile.CLIENT, [ExtendedKeyUsageOID.CLIENT_AUTH]),
        (Profile.PEER, [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
    ],
)
def test_a_leaf_serves_the_purpose_of_its_profile(make_leaf, profile: Profile, wanted: list) -> None:
    leaf = make_leaf("app.test", profile=profile)
    assert purposes(leaf) == wanted
    assert profile_of(leaf) is profile
    assert profile.value in PROFILES


def test_a_certificate_of_other_purposes_has_no_profile(authority: Authority) -> None:
    assert profile_of(authority.issuing.responder.certificate) is None


def test_a_leaf_has_these_extensions(make_leaf, issuing: Signer) -> None:
    leaf = make_leaf("app.test", "10.0.0.1")
    assert extensions(leaf) == {
        "SubjectKeyIdentifier": False,
        "BasicConstraints": True,
        "KeyUsage": True,
        "ExtendedKeyUsage": False,
        "SubjectAlternativeName": False,
        "AuthorityKeyIdentifier": False,
    }
    assert extension(leaf, x509.BasicConstraints).value == x509.BasicConstraints(ca=False, path_length=None)
    identifier = extension(leaf, x509.AuthorityKeyIdentifier).value.key_identifier
    assert identifier == extension(issuing.certificate, x509.SubjectKeyIdentifier).value.digest


@pytest.mark.parametrize(
    ("names", "common_name"),
    [
        (["app.test", "other.test"], "app.test"),
        (["10.0.0.1", "ops@app.test", "app.test"], "app.test"),
        (["*.app.test", "app.test"], "app.test"),
        (["*.app.test"], "*.app.test"),
        ([f"{'a' * 60}.test", "app.test"], "app.test"),
        ([f"{'a' * 59}.test"], f"{'a' * 59}.test"),
    ],
)
def test_the_common_name_is_the_first_plain_dns_name_that_fits(make_leaf, names: list[str], common_name: str) -> None:
    leaf = make_leaf(*names)
    assert leaf.subject.rfc4514_string() == f"CN={common_name}"
    assert extension(leaf, x509.SubjectAlternativeName).critical is False


@pytest.mark.parametrize("names", [["10.0.0.1"], ["ops@app.test", "https://app.test/"], [f"{'a' * 60}.test"]])
def test_without_such_a_name_the_subject_is_empty_and_the_names_are_critical(make_leaf, names: list[str]) -> None:
    leaf = make_leaf(*names)
    assert leaf.subject == x509.Name([])
    assert extension(leaf, x509.SubjectAlternativeName).critical is True


@pytest.mark.parametrize(
    ("key_type", "usages"),
    [
        (KeyType.ECDSA_P256, {"digital_signature"}),
        (KeyType.ECDSA_P384, {"digital_signature"}),
        (KeyType.ED25519, {"digital_signature"}),
        (KeyType.RSA_3072, {"digital_signature", "key_encipherment"}),
    ],
)
def test_every_key_type_signs_and_is_certified(
    policy: Policy, tmp_path: Path, now: datetime, key_type: KeyType, usages: set[str]
) -> None:
    key, validity = generate_key(key_type), validity_from(now, 90)
    root = Signer(sign_root(key, policy.subject, validity, policy.constraints), key)
    issuing = sign_issuing(key.public_key(), root, policy.subject, 1, validity, policy.constraints)
    leaf = sign_leaf(key.public_key(), Signer(issuing, key), parse_names(["app.test"]), Profile.SERVER, validity)
    assert key_usages(leaf) == usages
    digest = leaf.signature_hash_algorithm
    expected = {KeyType.ED25519: None, KeyType.ECDSA_P384: hashes.SHA384}.get(key_type, hashes.SHA256)
    assert digest is None if expected is None else isinstance(digest, expected)
    assert openssl_verify(tmp_path, root.certificate, issuing, leaf, at=now) == "leaf.pem: OK"


def test_a_validity_is_as_long_as_was_said_with_both_ends_part_of_it(now: datetime) -> None:
    validity = validity_from(now + timedelta(microseconds=999), 90)
    assert validity.not_before == now - timedelta(minutes=5)
    assert validity.not_after - validity.not_before + timedelta(seconds=1) == timedelta(days=90)


def test_a_validity_never_exceeds_its_issuers(now: datetime) -> None:
    latest = now + timedelta(days=3)
    assert validity_from(now, 90, latest).not_after == latest
    assert validity_from(now, 2, latest).not_after < latest


def test_serial_numbers_differ_and_are_positive(make_leaf) -> None:
    serials = {make_leaf("app.test").serial_number for _round in range(20)}
    assert len(serials) == 20
    assert all(0 < serial < 1 << 159 for serial in serials)


@pytest.mark.parametrize(
    "names",
    [["app.test", "*.app.test"], ["10.0.0.1"], ["fd00::1"], ["ops@app.test"], ["https://app.test:8443/x"], ["test"]],
)
def test_openssl_accepts_every_kind_of_name_within_the_constraints(
    authority: Authority, make_leaf, tmp_path: Path, now: datetime, names: list[str]
) -> None:
    chain = (authority.issuing.certificate, make_leaf(*names))
    assert openssl_verify(tmp_path, authority.root.certificate, *chain, at=now) == "leaf.pem: OK"


@pytest.mark.parametrize(
    "name", ["example.com", "8.8.8.8", "2001:db8::1", "ops@example.com", "https://example.com/", "mytest"]
)
def test_openssl_rejects_every_kind_of_name_outside_them(
    authority: Authority, make_leaf, tmp_path: Path, now: datetime, name: str
) -> None:
    chain = (authority.issuing.certificate, make_leaf(name))
    assert "permitted subtree violation" in openssl_verify(tmp_path, authority.root.certificate, *chain, at=now)


def test_openssl_rejects_addresses_where_no_network_is_permitted(tmp_path: Path, leaf_key, now: datetime) -> None:
    constraints, validity = NameConstraints(("test",), ()), validity_from(now, 90)
    root = Signer(sign_root(leaf_key, Subject("Corp"), validity, constraints), leaf_key)
    issuing = sign_issuing(leaf_key.public_key(), root, Subject("Corp"), 1, validity, constraints)
    names = parse_names(["10.0.0.1"])
    leaf = sign_leaf(leaf_key.public_key(), Signer(issuing, leaf_key), names, Profile.SERVER, validity)
    assert "excluded subtree violation" in openssl_verify(tmp_path, root.certificate, issuing, leaf, at=now)


def test_what_hosts_show_that_cannot_be_read_is_no_responder(now: datetime) -> None:
    company = corporate_root(now, key=generate_key(KeyType.ECDSA_P256))
    odd = company.build(company.root.subject, company.key.public_key(), [ODD_NAMES], 90)
    assert not is_responder(odd)
