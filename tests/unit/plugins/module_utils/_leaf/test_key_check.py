# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenSSL's judgement of keys, in the words of whoever has to do something about it."""

from __future__ import annotations

import ssl
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.host_keys import request_keys
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.key_check import check_key
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import WantedKey
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import (
    POST_QUANTUM,
    KeyType,
    PrivateKey,
    encode_key,
    generate_key,
    signature_hash,
)
from ansible_collections.anchorage.pki.tests.unit.leaves import destination_at
from ansible_collections.anchorage.pki.tests.unit.post_quantum import needs_ml_dsa
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

KNOWS_ML_DSA = ssl.OPENSSL_VERSION_INFO >= (3, 5)


def generation(folder: Path, key: PrivateKey, other: PrivateKey | None = None) -> str:
    """A folder with a certificate of ``key``, and that key or an ``other`` one."""
    name, now = x509.Name([]), datetime.now(timezone.utc)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    pem = builder.sign(key, signature_hash(key)).public_bytes(Encoding.PEM)
    (folder / "privkey.pem").write_bytes(encode_key(other or key))
    (folder / "combined.pem").write_bytes(pem + encode_key(other or key))
    return str(folder)


def test_a_key_fits_or_does_not(tmp_path: Path) -> None:
    key = generate_key(KeyType.ECDSA_P256)
    check_key(generation(tmp_path, key))
    with pytest.raises(HostError, match=r"^the private key does not fit the certificate \(KEY_VALUES_MISMATCH\)$"):
        check_key(generation(tmp_path, key, generate_key(KeyType.ECDSA_P256)))


@needs_ml_dsa
@pytest.mark.parametrize("key_type", POST_QUANTUM)
def test_an_openssl_that_knows_no_ml_dsa_is_named(tmp_path: Path, key_type: KeyType) -> None:
    path = generation(tmp_path, generate_key(key_type))
    if KNOWS_ML_DSA:
        check_key(path)
        return
    with pytest.raises(HostError, match=r"^key_type: this host's OpenSSL .* knows no ML-DSA keys, which needs OpenSSL"):
        check_key(path)


def test_a_host_makes_such_a_key_or_says_why_not(private_folder: Path) -> None:
    destination, wanted = destination_at(private_folder / "pki"), [WantedKey("app", "ml-dsa-65")]
    tried = subprocess.run(["openssl", "genpkey", "-algorithm", "ML-DSA-65"], capture_output=True, check=False)
    if tried.returncode == 0:
        (made,) = request_keys(destination, wanted).certificates
        assert made.csr.startswith("-----BEGIN CERTIFICATE REQUEST-----")
        return
    with pytest.raises(HostError, match=r"^key_type: this host's openssl makes no ml-dsa-65 key, which needs OpenSSL"):
        request_keys(destination, wanted)
    assert not list((private_folder / "pki").rglob("*.pem"))
