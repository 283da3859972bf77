# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roots, told by their own signature, which may be an old one."""

from __future__ import annotations

import subprocess
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.anchors import parse_anchor
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.self_signatures import broken_digest, is_self_signed
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, named, pem_of
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding


def old_root(folder: Path, *key: str, digest: str = "-sha1") -> x509.Certificate:
    """A root that is signed with SHA-1, or another digest, as openssl makes one: cryptography does not."""
    options = ["-nodes", "-keyout", folder / "key.pem", digest, "-subj", "/CN=Old root", "-days", "30"]
    command = ["openssl", "req", "-x509", "-newkey", *key, *options, "-out", folder / "root.pem"]
    subprocess.run(command, check=True, capture_output=True)
    return x509.load_pem_x509_certificate((folder / "root.pem").read_bytes())


@pytest.mark.parametrize("key", [["rsa:2048"], ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]], ids=["rsa", "ec"])
def test_a_root_with_sha_1_is_one_and_an_anchor_with_a_warning(tmp_path: Path, key: list[str]) -> None:
    root = old_root(tmp_path, *key)
    assert (is_self_signed(root), broken_digest(root)) == (True, "sha1")
    anchor = parse_anchor(pem_of(root), "src root.pem", datetime.now(timezone.utc))
    assert anchor.warnings == (
        "src root.pem: the root is signed with SHA-1, which proves nothing in a root but which some programs refuse.",
    )


def test_a_root_with_md5_is_one_and_an_anchor_with_a_warning(tmp_path: Path) -> None:
    root = old_root(tmp_path, "rsa:2048", digest="-md5")
    assert (is_self_signed(root), broken_digest(root)) == (True, "md5")
    (warning,) = parse_anchor(pem_of(root), "src root.pem", datetime.now(timezone.utc)).warnings
    assert "the root is signed with MD5, which proves nothing" in warning


@pytest.mark.parametrize(
    ("key", "weakness"),
    [
        (["rsa:1024"], "an RSA key of 1024 bits"),
        (["ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"], "a key on the curve secp256k1"),
        (["ec", "-pkeyopt", "ec_paramgen_curve:P-224"], "a key on the curve secp224r1"),
    ],
)
def test_a_root_with_a_weak_key_is_an_anchor_with_a_warning(tmp_path: Path, key: list[str], weakness: str) -> None:
    root = old_root(tmp_path, *key, digest="-sha256")
    (warning,) = parse_anchor(pem_of(root), "src root.pem", datetime.now(timezone.utc)).warnings
    assert f"src root.pem: the certificate has {weakness}, which many programs refuse, such as OpenSSL" in warning


@pytest.mark.parametrize("key", [["rsa:2048"], ["ec", "-pkeyopt", "ec_paramgen_curve:P-521"], ["ed25519"]])
def test_a_root_with_a_common_key_is_an_anchor_without_one(tmp_path: Path, key: list[str]) -> None:
    root = old_root(tmp_path, *key, digest="-sha256")
    assert parse_anchor(pem_of(root), "src root.pem", datetime.now(timezone.utc)).warnings == ()


def test_a_signature_of_another_key_makes_no_root(tmp_path: Path) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    assert is_self_signed(make_root())
    assert not is_self_signed(make_root(signer=other))
    assert not is_self_signed(make_root(issuer=named("Another")))
    forged = bytearray(old_root(tmp_path, "rsa:2048").public_bytes(Encoding.DER))
    forged[-1] ^= 1
    assert not is_self_signed(x509.load_der_x509_certificate(bytes(forged)))
