# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the reading of an anchor: what is accepted and written anew, and what is refused in which words."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.anchors import identify_anchor, parse_anchor
from ansible_collections.anchorage.pki.tests.unit.roots import NOW, der_of, make_root, named, pem_of
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

KEY = ec.generate_private_key(ec.SECP256R1())
ROOT = make_root("Lab root", key=KEY)
PEM = pem_of(ROOT)
BODY = PEM.split(b"-----")[2]


def parse(text: bytes) -> str:
    return parse_anchor(text, "src root.pem", NOW).pem


def refusal(text: bytes) -> str:
    with pytest.raises(PkiError) as caught:
        parse_anchor(text, "src root.pem", NOW)
    return str(caught.value)


def private_key(encoding: PrivateFormat, secret: bytes = b"") -> bytes:
    encryption = BestAvailableEncryption(secret) if secret else NoEncryption()
    return KEY.private_bytes(Encoding.PEM, encoding, encryption)


def test_an_anchor_says_what_it_is() -> None:
    anchor = parse_anchor(PEM, "src root.pem", NOW)
    sha256 = hashlib.sha256(der_of(ROOT)).hexdigest()
    assert anchor.sha256 == sha256
    assert anchor.name == f"anchorage-lab-root-{sha256[:16]}"
    assert anchor.pem == PEM.decode()
    assert anchor.subject == "CN=Lab root"
    assert anchor.not_after == ROOT.not_valid_after_utc
    assert anchor.warnings == ()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"\xef\xbb\xbf" + PEM, id="byte order mark"),
        pytest.param(PEM.replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(PEM.rstrip(), id="no final newline"),
        pytest.param(b"Subject: CN=Lab root\n\n" + PEM + b"\nfare well", id="text around"),
        pytest.param(b"".join(b"    " + line for line in PEM.splitlines(True)), id="indentation"),
        pytest.param(PEM.replace(b"CERTIFICATE", b"X509 CERTIFICATE"), id="label of old tools"),
        pytest.param(
            b"-----BEGIN CERTIFICATE-----" + BODY.replace(b"\n", b"") + b"-----END CERTIFICATE-----", id="a line"
        ),
    ],
)
def test_harmless_variants_become_the_same_block(text: bytes) -> None:
    assert parse(text) == PEM.decode()


@pytest.mark.parametrize(
    ("common_name", "slug"),
    [
        ("Über  CA (2026), Köln", "uber-ca-2026-koln"),
        ("../../etc/passwd", "etc-passwd"),
        ("根", "root"),
        ("Anchorage authority 5dad6b", "authority-5dad6b"),
        ("x" * 60, "x" * 40),
    ],
)
def test_a_name_is_fit_for_any_file_system(common_name: str, slug: str) -> None:
    anchor = identify_anchor(pem_of(make_root(common_name)), "src root.pem")
    assert anchor.name == f"anchorage-{slug}-{anchor.sha256[:16]}"


def test_a_root_without_common_name_has_a_name_too() -> None:
    anchor = identify_anchor(pem_of(make_root(subject=x509.Name([]))), "src root.pem")
    assert anchor.name.startswith("anchorage-root-")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(b"", "empty", id="nothing"),
        pytest.param(b" \r\n\t", "empty", id="blanks"),
        pytest.param(der_of(ROOT), "openssl x509 -inform DER", id="DER"),
        pytest.param(b"\x00\x01\x02", "not PEM", id="binary"),
        pytest.param(
            pkcs12.serialize_key_and_certificates(b"x", KEY, ROOT, None, NoEncryption()), "not PEM", id="PKCS#12"
        ),
        pytest.param(PEM.decode().encode("utf-16"), "not PEM", id="UTF-16"),
        pytest.param(PEM + pem_of(make_root()), "holds 2 certificates", id="two certificates"),
        pytest.param(PEM + PEM, "holds 2 certificates", id="the same certificate twice"),
        pytest.param(PEM + PEM[:100], "holds 2 certificates", id="a second one cut off"),
        pytest.param(PEM[:100], "has no END line", id="cut off"),
        pytest.param(PEM.replace(b"END CERTIFICATE", b"END CERTIFICAT"), "has no END line", id="wrong end"),
        pytest.param(PEM.replace(BODY, BODY[:40] + b"?" + BODY[41:]), "damaged", id="not base64"),
        pytest.param(PEM.replace(BODY, b"\nAAAA\n"), "damaged", id="not a certificate"),
        pytest.param(
            PEM.replace(BODY, b"\n" + base64.b64encode(der_of(ROOT) + b"\x00") + b"\n"),
            "damaged",
            id="something after it",
        ),
        pytest.param(
            PEM.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"), "openssl x509 -in", id="OpenSSL's trusted certificate"
        ),
        pytest.param(
            PEM.replace(b"CERTIFICATE", b"CERTIFICATE REQUEST"), "holds a CERTIFICATE REQUEST", id="certificate request"
        ),
    ],
)
def test_what_is_no_single_certificate_in_pem_is_refused(text: bytes, words: str) -> None:
    message = refusal(text)
    assert words in message
    assert message.startswith("src root.pem: ")


@pytest.mark.parametrize(
    "secret",
    [
        private_key(PrivateFormat.PKCS8),
        private_key(PrivateFormat.PKCS8, b"a passphrase of its own"),
        private_key(PrivateFormat.TraditionalOpenSSL),
        private_key(PrivateFormat.OpenSSH),
        b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n",
    ],
    ids=["PKCS#8", "encrypted", "EC", "OpenSSH", "PGP"],
)
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_private_key_is_refused_and_never_shown(secret: bytes, before: bool) -> None:
    message = refusal(secret + PEM if before else PEM + secret)
    assert "holds a private key" in message
    assert not any(line.decode() in message for line in secret.splitlines() if line.strip())


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        pytest.param(make_root(ca=False, may_sign=False), "CA:FALSE", id="leaf"),
        pytest.param(make_root(ca=None), "no basicConstraints", id="no basicConstraints"),
        pytest.param(make_root(may_sign=False), "lacks keyCertSign", id="may not sign"),
        pytest.param(
            make_root(extensions=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])]),
            "lacks serverAuth",
            id="for clients alone",
        ),
        pytest.param(make_root(issuer=named("Lab root"), signer=KEY), "not a root", id="intermediate"),
        pytest.param(make_root("Lab root", signer=KEY), "not a root", id="own name, foreign signature"),
        pytest.param(make_root(not_after=NOW - timedelta(seconds=1)), "expired on 2026-11-21", id="expired"),
        pytest.param(
            make_root(not_before=NOW + timedelta(hours=1)), "valid only from 2026-11-21 13:00", id="not yet valid"
        ),
    ],
)
def test_a_certificate_that_stores_would_not_trust_is_refused(certificate: x509.Certificate, words: str) -> None:
    assert words in refusal(pem_of(certificate))


@pytest.mark.parametrize("purpose", [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
def test_a_root_that_may_vouch_for_servers_is_accepted(purpose: x509.ObjectIdentifier) -> None:
    root = make_root(extensions=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, purpose])])
    assert parse_anchor(pem_of(root), "certificate", NOW).sha256 == hashlib.sha256(der_of(root)).hexdigest()


def test_an_extension_that_comes_twice_is_damage() -> None:
    first, second = (x509.UnrecognizedExtension(x509.ObjectIdentifier(f"1.2.3.{last}"), b"") for last in (4, 5))
    der = der_of(make_root(extensions=[first, second])).replace(b"\x06\x03\x2a\x03\x05", b"\x06\x03\x2a\x03\x04")
    assert "damaged" in refusal(PEM.replace(BODY, b"\n" + base64.b64encode(der) + b"\n"))


def test_a_root_without_key_usage_may_sign() -> None:
    assert parse(pem_of(make_root(may_sign=None)))


def test_an_expired_root_can_be_identified() -> None:
    expired = make_root(not_after=NOW - timedelta(days=1))
    assert identify_anchor(pem_of(expired), "src root.pem").pem == pem_of(expired).decode()


def test_an_intermediate_cannot_even_be_identified() -> None:
    with pytest.raises(PkiError, match="not a root"):
        identify_anchor(pem_of(make_root(issuer=named("Lab root"), signer=KEY)), "src root.pem")


def test_a_serial_number_of_zero_is_accepted_with_a_warning(tmp_path: Path) -> None:
    certificate = tmp_path / "zero.pem"
    request = (
        "openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=zero -set_serial 0 -keyout"
    )
    subprocess.run([*request.split(), tmp_path / "key.pem", "-out", certificate], check=True, capture_output=True)
    anchor = identify_anchor(certificate.read_bytes(), "src zero.pem")
    assert len(anchor.warnings) == 1
    assert "src zero.pem: the certificate has no positive serial number" in anchor.warnings[0]
