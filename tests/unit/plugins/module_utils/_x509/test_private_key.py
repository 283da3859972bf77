# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys beside certificates: the key of each is found to be its own, and no other one ever is."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._x509.private_key import names_key_of
from ansible_collections.anchorage.pki.tests.unit.leaves import make_leaf, pem_of_key, rsa_key, sign
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

RSA = make_leaf(key=rsa_key())


@pytest.mark.parametrize("curve", [ec.SECP256R1, ec.SECP384R1])
def test_a_key_of_ecdsa_is_that_of_its_certificate_alone(curve: type[ec.EllipticCurve]) -> None:
    first, second = (make_leaf(key=ec.generate_private_key(curve())) for _number in range(2))
    assert names_key_of(first.private_key.encode(), first.der)
    assert not names_key_of(second.private_key.encode(), first.der)
    assert not names_key_of(RSA.private_key.encode(), first.der)


def test_a_key_of_rsa_is_that_of_its_certificate_alone() -> None:
    assert names_key_of(RSA.private_key.encode(), RSA.der)
    assert not names_key_of(RSA.private_key.encode(), make_leaf().der)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:named_curve"],
        ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    ],
)
def test_keys_that_hosts_make_are_known_too(arguments: list[str]) -> None:
    made = subprocess.run(["openssl", "genpkey", *arguments], capture_output=True, check=True).stdout
    certificate = sign(load_pem_private_key(made, None).public_key(), "app.test").public_bytes(Encoding.DER)
    assert names_key_of(made, certificate)
    assert not names_key_of(made, make_leaf().der)


def test_what_does_not_name_its_public_key_is_left_to_openssl() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert not names_key_of(text, sign(key.public_key(), "app.test").public_bytes(Encoding.DER))
    ecdsa = ec.generate_private_key(ec.SECP256R1())
    older = ecdsa.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    assert not names_key_of(older, make_leaf(key=ecdsa).der)


def test_a_key_that_is_cut_off_or_changed_is_not_known() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = make_leaf(key=key)
    lines = pem_of_key(key).encode().splitlines()
    der = ssl.PEM_cert_to_DER_cert(pem_of_key(key).replace("PRIVATE KEY", "CERTIFICATE"))

    def known(content: bytes) -> bool:
        pem = ssl.DER_cert_to_PEM_cert(content).replace("CERTIFICATE", "PRIVATE KEY")
        return names_key_of(pem.encode(), leaf.der)

    assert known(der)
    assert [length for length in range(len(der)) if known(der[:length])] == []
    assert not known(der + b"\0")
    assert not known(b"")
    assert not names_key_of(b"\n".join(lines[:-1]), leaf.der)
    assert not names_key_of(b"\n".join([lines[0], b"%", lines[-1]]), leaf.der)
    point = key.public_key().public_numbers().x.to_bytes(32, "big")
    place = der.index(point)
    for position in range(place, place + 32):
        assert not known(der[:position] + bytes([der[position] ^ 1]) + der[position + 1 :])


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_what_is_known_is_a_key_to_openssl_too(kind: str, tmp_path: Path) -> None:
    """Each byte is changed in turn, all but a few of those of the secret numbers, whose value nobody checks."""
    key = ec.generate_private_key(ec.SECP256R1()) if kind == "ecdsa" else rsa_key()
    leaf, file = make_leaf(key=key), tmp_path / "leaf.pem"
    der = ssl.PEM_cert_to_DER_cert(pem_of_key(key).replace("PRIVATE KEY", "CERTIFICATE"))
    refused = []
    for position in range(min(len(der), 400)):
        changed = bytearray(der)
        changed[position] ^= 0x02
        pem = ssl.DER_cert_to_PEM_cert(bytes(changed)).replace("CERTIFICATE", "PRIVATE KEY")
        if names_key_of(pem.encode(), leaf.der):
            file.write_text(leaf.certificate + pem)
            try:
                ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(file)
            except ssl.SSLError:
                refused.append(position)
    assert refused == []


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("-----\n", "-----", 1),
        lambda text: text.replace("\n", "\n "),
        lambda text: f" {text}",
        lambda text: text.rstrip("\n"),
    ],
)
def test_what_is_written_in_another_way_is_left_to_openssl(change: Callable[[str], str]) -> None:
    assert not names_key_of(change(RSA.private_key).encode(), RSA.der)
