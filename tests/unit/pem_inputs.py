# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A corpus of files in which people and programs keep certificates, each with what is to be made of it."""

from __future__ import annotations

import base64
import textwrap
from datetime import timedelta
from typing import NamedTuple

from ansible_collections.anchorage.pki.plugins.module_utils._x509.certificate_fields import find_fields
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import content_of
from ansible_collections.anchorage.pki.tests.unit.roots import NOW, der_of, make_root, named, pem_of
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs7,
)

KEY = ec.generate_private_key(ec.SECP256R1())
FIRST, SECOND, THIRD = (make_root(f"Root {number}", key=KEY) for number in (1, 2, 3))
A, B, C = pem_of(FIRST), pem_of(SECOND), pem_of(THIRD)
DER_A, DER_B, DER_C = der_of(FIRST), der_of(SECOND), der_of(THIRD)

BEGIN, END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Case(NamedTuple):
    """A file's content, the certificates in it by their DER, and how many errors it has."""

    name: str
    content: bytes
    certificates: list[bytes]
    errors: int


def block(label: str, content: bytes, end_label: str | None = None) -> bytes:
    """Any bytes as a block of PEM."""
    lines = textwrap.wrap(base64.b64encode(content).decode(), 64)
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {end_label or label}-----", ""]).encode()


def private_key(form: PrivateFormat, passphrase: bytes = b"") -> bytes:
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return KEY.private_bytes(Encoding.PEM, form, encryption)


def request() -> x509.CertificateSigningRequest:
    return x509.CertificateSigningRequestBuilder().subject_name(named("Request")).sign(KEY, hashes.SHA256())


def revocation_list() -> x509.CertificateRevocationList:
    builder = x509.CertificateRevocationListBuilder().issuer_name(named("Root 1"))
    return builder.last_update(NOW).next_update(NOW + timedelta(days=1)).sign(KEY, hashes.SHA256())


def with_length(der: bytes, change: int) -> bytes:
    """A certificate whose outermost length is wrong."""
    return der[:2] + (int.from_bytes(der[2:4], "big") + change).to_bytes(2, "big") + der[4:]


def emptied(der: bytes, field: str) -> bytes:
    """A certificate in which a field of its first part has no content."""
    fields = find_fields(der)
    start = getattr(fields, field)
    end = content_of(der, start)[1]
    first = content_of(der, content_of(der, 0)[0])[0]
    signed, rest = der[first:start] + der[start : start + 1] + b"\0" + der[end : fields.end], der[fields.end :]
    part = b"\x30\x82" + len(signed).to_bytes(2, "big") + signed
    return b"\x30\x82" + len(part + rest).to_bytes(2, "big") + part + rest


CSR_DER = request().public_bytes(Encoding.DER)
CRL_DER = revocation_list().public_bytes(Encoding.DER)
PKCS8_DER = KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
ENCRYPTED_DER = KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase"))
RSA_DER = rsa.generate_private_key(65537, 2048).private_bytes(
    Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()
)
PUBLIC_DER = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
PKCS7_PEM = pkcs7.serialize_certificates([FIRST, SECOND], Encoding.PEM)
LONG_LINE = BEGIN + b"\n" + base64.b64encode(DER_A) + b"\n" + END + b"\n"
EXPIRED = make_root("Expired", not_before=NOW - timedelta(days=9), not_after=NOW - timedelta(days=1))
NO_AUTHORITY = make_root("No authority", ca=False)
FIRST_VERSION = make_root("No extensions", ca=None, may_sign=None)
TEMPLATE = make_root("{{ 7 * 7 }}")

WELL_FORMED = [
    Case("one", A, [DER_A], 0),
    Case("two", A + B, [DER_A, DER_B], 0),
    Case("no final newline", A + B.rstrip(), [DER_A, DER_B], 0),
    Case("empty lines between two", A + b"\n\n\n" + B, [DER_A, DER_B], 0),
    Case("line ends of Windows", (A + B).replace(b"\n", b"\r\n"), [DER_A, DER_B], 0),
    Case("mixed line ends", A.replace(b"\n", b"\r\n") + B, [DER_A, DER_B], 0),
    Case("text before", b"# Root 1\n" + A, [DER_A], 0),
    Case("text after", A + b"that is all\n", [DER_A], 0),
    Case("text between", A + b"and\n" + B + b"end", [DER_A, DER_B], 0),
    Case("text of openssl x509 -text", b"Certificate:\n    Data:\n        Version: 3 (0x2)\n" + A, [DER_A], 0),
    Case("text that is no ASCII", "Autorité n°1, ő\n".encode() + A, [DER_A], 0),
    Case("blanks after the dashes", A.replace(BEGIN, BEGIN + b"  ").replace(END, END + b" \t"), [DER_A], 0),
    Case("in a long line", LONG_LINE, [DER_A], 0),
    Case("blanks after the lines", A.replace(b"\n", b" \n"), [DER_A], 0),
    Case("expired", pem_of(EXPIRED) + A, [der_of(EXPIRED), DER_A], 0),
    Case("no authority", pem_of(NO_AUTHORITY) + A, [der_of(NO_AUTHORITY), DER_A], 0),
    Case("without extensions", pem_of(FIRST_VERSION), [der_of(FIRST_VERSION)], 0),
    Case("a template in the subject", pem_of(TEMPLATE), [der_of(TEMPLATE)], 0),
    Case("many", A + B + C, [DER_A, DER_B, DER_C], 0),
    Case("other order", C + A + B, [DER_C, DER_A, DER_B], 0),
    Case("the same twice", A + B + A, [DER_A, DER_B], 0),
]

NOTHING_LOST = [
    Case("empty", b"", [], 0),
    Case("a newline", b"\n", [], 0),
    Case("text", b"no certificate here\n", [], 0),
    Case("zeros", bytes(4096), [], 0),
    Case("DER", DER_A, [], 0),
    Case("a picture", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), [], 0),
    Case("line ends of the first Macintosh", (A + B).replace(b"\n", b"\r"), [DER_A, DER_B], 0),
    Case("a byte order mark", BYTE_ORDER_MARK + A + B, [DER_A, DER_B], 0),
    Case("a byte order mark and text", BYTE_ORDER_MARK + b"roots\n" + A, [DER_A], 0),
    Case("a beginning amid a line", b"see -----BEGIN CERTIFICATE----- below\n" + A, [DER_A], 0),
    Case("a quoted block", b"> " + A.replace(b"\n", b"\n> ") + b"\n" + B, [DER_B], 0),
    Case("too few dashes", A.replace(b"-----", b"----") + B, [DER_B], 0),
    Case("a label in lower case", A.replace(b"CERTIFICATE", b"certificate") + B, [DER_B], 0),
    Case("TRUSTED CERTIFICATE", block("TRUSTED CERTIFICATE", DER_A + b"\x30\x00") + B, [DER_B], 0),
    Case("X509 CERTIFICATE", block("X509 CERTIFICATE", DER_A) + B, [DER_B], 0),
    Case("PKCS7", PKCS7_PEM + C, [DER_C], 0),
    Case("PKCS7 under another label", block("PKCS #7 SIGNED DATA", b"x") + C, [DER_C], 0),
    Case("X509 CRL", block("X509 CRL", CRL_DER) + A, [DER_A], 0),
    Case("CERTIFICATE REQUEST", block("CERTIFICATE REQUEST", CSR_DER) + A, [DER_A], 0),
    Case("NEW CERTIFICATE REQUEST", block("NEW CERTIFICATE REQUEST", CSR_DER) + A, [DER_A], 0),
    Case("PUBLIC KEY", block("PUBLIC KEY", PUBLIC_DER) + A, [DER_A], 0),
    Case("DH PARAMETERS", block("DH PARAMETERS", b"0") + A, [DER_A], 0),
    Case("a private key before", private_key(PrivateFormat.PKCS8) + A, [DER_A], 0),
    Case("a private key after", A + private_key(PrivateFormat.TraditionalOpenSSL), [DER_A], 0),
    Case("a private key between", A + private_key(PrivateFormat.OpenSSH) + B, [DER_A, DER_B], 0),
    Case("an encrypted private key", private_key(PrivateFormat.PKCS8, b"passphrase") + A, [DER_A], 0),
    Case("an old encrypted private key", private_key(PrivateFormat.TraditionalOpenSSL, b"x" * 8) + A, [DER_A], 0),
    Case("an RSA key", block("RSA PRIVATE KEY", RSA_DER) + A, [DER_A], 0),
    Case("OpenPGP", b"-----BEGIN PGP MESSAGE-----\n\nabc\n=abcd\n-----END PGP MESSAGE-----\n" + A, [DER_A], 0),
    Case("damage under another label", b"-----BEGIN X-----\n???\n-----END X-----\n" + A, [DER_A], 0),
]

# What has the fields of a certificate, and cannot be parsed by OpenSSL all the same.
DAMAGED_WITHIN = {
    "no dates": emptied(DER_A, "validity"),
    "an empty key": emptied(DER_A, "public_key"),
    "an empty serial number": emptied(DER_A, "serial_number"),
    "an empty algorithm": emptied(DER_A, "algorithm"),
    "empty extensions": emptied(DER_A, "rest"),
    "a name that is no text": DER_A.replace(b"Root 1", b"Root \xff"),
}

SOMETHING_LOST = [
    Case("no end", A[:200], [], 1),
    Case("no end before another", A[:-30] + b"\n" + B, [DER_B], 1),
    Case("no end at the end", B + A[: -len(END) - 1], [DER_B], 1),
    Case("no beginning", A[30:] + B, [DER_B], 1),
    Case("an end alone", END + b"\n", [], 1),
    Case("two beginnings", BEGIN + b"\n" + A, [DER_A], 1),
    Case("two ends", A + END + b"\n" + B, [DER_A, DER_B], 1),
    Case("another label at the end", block("CERTIFICATE", DER_A, "X509 CRL"), [], 1),
    Case("another label at the end, then a good one", block("CERTIFICATE", DER_A, "KEY") + B, [DER_B], 1),
    Case("another label at the beginning", block("PRIVATE KEY", PKCS8_DER, "CERTIFICATE") + B, [DER_B], 1),
    Case("a private key without an end", block("PRIVATE KEY", PKCS8_DER)[:90] + b"\n" + B, [DER_B], 1),
    Case("base64 is damaged", A + B[:80] + b"?" + B[81:] + C, [DER_A, DER_C], 1),
    Case("base64 lacks a character", A[:100] + A[101:] + B, [DER_B], 1),
    Case("base64 lacks a line", b"".join([*A.splitlines(keepends=True)[:3], END, b"\n"]) + B, [DER_B], 1),
    Case("base64 after its padding", block("CERTIFICATE", DER_A + b"0")[:-27] + b"QUJD\n" + END, [], 1),
    Case("a header as in an encrypted key", A.replace(BEGIN, BEGIN + b"\nProc-Type: 4,CLEAR\n") + B, [DER_B], 1),
    Case("a zero in the base64", A[:90] + b"\0" + A[90:] + B, [DER_B], 1),
    Case("an empty body", BEGIN + b"\n" + END + b"\n" + A, [DER_A], 1),
    Case("garbage", block("CERTIFICATE", b"garbage") + A, [DER_A], 1),
    Case("one byte", block("CERTIFICATE", b"\x30") + A, [DER_A], 1),
    Case("an empty sequence", block("CERTIFICATE", b"\x30\x00") + A, [DER_A], 1),
    Case("a byte after its end", block("CERTIFICATE", DER_A + b"\0") + B, [DER_B], 1),
    Case("two in one block", block("CERTIFICATE", DER_A + DER_B) + C, [DER_C], 1),
    Case("cut off", block("CERTIFICATE", DER_A[:-1]) + B, [DER_B], 1),
    Case("too long by its own word", block("CERTIFICATE", with_length(DER_A, 1)) + B, [DER_B], 1),
    Case("too short by its own word", block("CERTIFICATE", with_length(DER_A, -1)) + B, [DER_B], 1),
    Case("an endless length", block("CERTIFICATE", b"\x30\x80" + DER_A[4:] + b"\0\0") + B, [DER_B], 1),
    Case("a giant length", block("CERTIFICATE", b"\x30\x84\xff\xff\xff\xff" + DER_A[4:]) + B, [DER_B], 1),
    Case("a length of eight bytes", block("CERTIFICATE", b"\x30\x88" + bytes(8)) + B, [DER_B], 1),
    Case("a private key as a certificate", block("CERTIFICATE", PKCS8_DER) + A, [DER_A], 1),
    Case("an RSA key as a certificate", block("CERTIFICATE", RSA_DER) + A, [DER_A], 1),
    Case("an encrypted key as a certificate", block("CERTIFICATE", ENCRYPTED_DER) + A, [DER_A], 1),
    Case("a public key as a certificate", block("CERTIFICATE", PUBLIC_DER) + A, [DER_A], 1),
    Case("a request as a certificate", block("CERTIFICATE", CSR_DER) + A, [DER_A], 1),
    Case("a revocation list as a certificate", block("CERTIFICATE", CRL_DER) + A, [DER_A], 1),
    Case("joined without a line end", A.rstrip() + B + C, [DER_C], 2),
    Case("several losses", A[:200] + b"\n" + block("CERTIFICATE", b"?") + END + b"\n" + B, [DER_B], 3),
]

CORPUS = [*WELL_FORMED, *NOTHING_LOST, *SOMETHING_LOST]
