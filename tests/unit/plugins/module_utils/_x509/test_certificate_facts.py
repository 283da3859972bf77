# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the facts of certificates: the cryptography package says the same, of the world's roots and of odd ones."""

from __future__ import annotations

import hashlib
import json
import random
import re
import warnings
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import certifi
import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._x509.certificate_facts import describe, is_valid_at
from ansible_collections.anchorage.pki.plugins.module_utils._x509.certificate_fields import find_fields
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import DerError
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem import read_pem
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import to_pem
from ansible_collections.anchorage.pki.tests.unit.pem_inputs import CRL_DER, CSR_DER, DER_A, PKCS8_DER, PUBLIC_DER
from ansible_collections.anchorage.pki.tests.unit.roots import NOW, der_of, make_root
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

BUNDLES = (Path("/etc/ssl/certs/ca-certificates.crt"), Path(certifi.where()))


def written(name: x509.Name) -> str:
    """A name as RFC 4514 has it. Older releases of cryptography escape a lone blank twice, which no other value is."""
    return re.sub(r"=\\\\ (?=[,+]|$)", r"=\\ ", name.rfc4514_string())


def by_cryptography(der: bytes) -> dict[str, Any]:
    """The same facts from another library."""
    certificate = x509.load_der_x509_certificate(der)
    public_key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    try:
        is_ca = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        is_ca = False
    return {
        "subject": written(certificate.subject),
        "issuer": written(certificate.issuer),
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "serial_number": f"{certificate.serial_number:x}",
        "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
        "spki_sha256": hashlib.sha256(public_key).hexdigest(),
        "is_ca": is_ca,
        "self_signed": certificate.issuer == certificate.subject,
        "sources": ["/somewhere"],
        "pem": certificate.public_bytes(Encoding.PEM).decode(),
    }


@pytest.mark.parametrize("bundle", BUNDLES, ids=["system", "Mozilla"])
def test_agrees_with_cryptography_on_the_worlds_roots(bundle: Path) -> None:
    if not bundle.exists():
        pytest.skip(f"this machine has no {bundle}")
    certificates = read_pem(bundle.read_bytes()).certificates
    assert len(certificates) > 80
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of serial numbers that are not positive, in roots that are trusted everywhere
        for der in certificates:
            assert describe(der, ["/somewhere"]) == by_cryptography(der)


def name(*values: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(identifier, value) for identifier, value in values])


NAMES = {
    "all known types": name(
        (NameOID.COMMON_NAME, "Root"),
        (NameOID.COUNTRY_NAME, "DE"),
        (NameOID.LOCALITY_NAME, "Town"),
        (NameOID.STATE_OR_PROVINCE_NAME, "State"),
        (NameOID.STREET_ADDRESS, "Street 1"),
        (NameOID.ORGANIZATION_NAME, "Company"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "Unit"),
        (NameOID.USER_ID, "user"),
        (NameOID.DOMAIN_COMPONENT, "example"),
    ),
    "an unknown type": name((NameOID.EMAIL_ADDRESS, "root@example.com"), (NameOID.SERIAL_NUMBER, "7")),
    "special characters": name((NameOID.COMMON_NAME, 'a,b+c"d\\e<f>g;h=i')),
    "a sharp at the beginning": name((NameOID.COMMON_NAME, "#1")),
    "blanks at the ends": name((NameOID.COMMON_NAME, " two  blanks  ")),
    "one blank": name((NameOID.COMMON_NAME, " ")),
    "a zero": name((NameOID.COMMON_NAME, "a\0b")),
    "letters of the world": name((NameOID.COMMON_NAME, "Főtanúsítvány 根证书 🔒")),
    "a template": name((NameOID.COMMON_NAME, "{{ 1 + 1 }}")),
    "two values in one part": x509.Name(
        [
            x509.RelativeDistinguishedName(
                [x509.NameAttribute(NameOID.COMMON_NAME, "Root"), x509.NameAttribute(NameOID.USER_ID, "7")]
            ),
            x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Company")]),
        ]
    ),
    "wide characters": x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Wide ő", _type=_ASN1Type.BMPString)]),
    "wider characters": x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "Wider ő", _type=_ASN1Type.UniversalString)]
    ),
    "nothing": x509.Name([]),
}

ODD = {
    **{f"name with {title}": make_root(subject=subject) for title, subject in NAMES.items()},
    "another issuer": make_root(issuer=name((NameOID.COMMON_NAME, "Other"))),
    "no authority": make_root(ca=False),
    "no extensions": make_root(ca=None, may_sign=None),
    "no basic constraints": make_root(ca=None),
    "dates after 2049": make_root(not_after=datetime(2060, 1, 2, 3, 4, 5, tzinfo=timezone.utc)),
    "dates before 2000": make_root(not_before=datetime(1950, 1, 1, tzinfo=timezone.utc)),
    "the end of time": make_root(not_after=datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)),
    "a large serial number": make_root(serial=(1 << 159) - 1),
}


@pytest.mark.parametrize("certificate", ODD.values(), ids=ODD.keys())
def test_agrees_with_cryptography_on_odd_ones(certificate: x509.Certificate) -> None:
    der = der_of(certificate)
    assert describe(der, ["/somewhere"]) == by_cryptography(der)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_writes_any_name_as_cryptography_does(text: str) -> None:
    subject = name((NameOID.ORGANIZATION_NAME, text))
    der = der_of(make_root(subject=subject))
    assert describe(der, [])["subject"] == written(subject)


def changed(der: bytes, field: str, change: Callable[[bytearray, int], None]) -> bytes:
    """The certificate with bytes of a field changed; ``change`` gets where the field begins."""
    data = bytearray(der)
    change(data, getattr(find_fields(der), field))
    return bytes(data)


def set_byte(offset: int, value: int) -> Callable[[bytearray, int], None]:
    def change(data: bytearray, start: int) -> None:
        data[start + offset] = value

    return change


DAMAGED = {
    "a date with letters": (changed(DER_A, "validity", set_byte(4, ord("x"))), {"not_before"}),
    "a month too many": (changed(DER_A, "validity", set_byte(6, ord("9"))), {"not_before"}),
    "a date of endless length": (changed(DER_A, "validity", set_byte(3, 0x80)), {"not_before", "not_after"}),
    "a name of another kind": (changed(DER_A, "subject", set_byte(6, 0x04)), {"subject"}),
    "extensions of another kind": (changed(DER_A, "rest", set_byte(2, 0x04)), {"is_ca"}),
}


@pytest.mark.parametrize(("der", "lost"), DAMAGED.values(), ids=DAMAGED.keys())
def test_damage_costs_no_more_than_the_facts_it_is_in(der: bytes, lost: set[str]) -> None:
    facts = describe(der, ["/somewhere"])
    assert {name for name, value in facts.items() if value is None} == lost
    assert facts["pem"] == to_pem(der)


def test_the_serial_number_zero_is_a_number() -> None:
    fields = find_fields(DER_A)
    length = DER_A[fields.serial_number + 1]
    der = bytearray(DER_A)
    der[fields.serial_number + 2 : fields.serial_number + 2 + length] = bytes(length)
    assert describe(bytes(der), [])["serial_number"] == "0"


def test_old_letters_are_read_as_they_were_meant() -> None:
    der = der_of(make_root(subject=name((NameOID.COMMON_NAME, "Xabc"))))
    latin = der.replace(b"\x0c\x04Xabc", b"\x14\x04\xc1abc")
    assert describe(latin, [])["subject"] == "CN=Áabc"


@pytest.mark.parametrize(
    "content",
    [b"", CSR_DER, CRL_DER, PKCS8_DER, PUBLIC_DER, DER_A + b"\0", DER_A[:-1]],
    ids=["nothing", "request", "revocation-list", "private-key", "public-key", "more", "less"],
)
def test_refuses_what_is_no_certificate(content: bytes) -> None:
    with pytest.raises(DerError):
        describe(content, [])


@given(st.randoms(use_true_random=False), st.integers(1, 6))
def test_never_raises_anything_else(source: random.Random, changes: int) -> None:
    data = bytearray(DER_A)
    for dummy in range(changes):
        data[source.randrange(len(data))] = source.randrange(256)
    try:
        facts = describe(bytes(data), [])
    except DerError:
        return
    json.dumps(facts).encode()


@pytest.mark.parametrize(
    ("offset", "valid"),
    [(timedelta(days=-2), False), (timedelta(0), True), (timedelta(days=4000), False)],
    ids=["before", "within", "after"],
)
def test_validity(offset: timedelta, valid: bool) -> None:
    assert is_valid_at(DER_A, NOW + offset) is valid
