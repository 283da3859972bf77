# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of reading PKCS #12 keystores, made by the real keytool."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust.java.pkcs12 import read_pkcs12
from ansible_collections.anchorage.pki.tests.unit.keystores import PLAIN, keytool, make_keystore
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_root, pem_of

pytestmark = pytest.mark.skipif(shutil.which("keytool") is None, reason="needs a JDK")

ROOTS = {f"root-{number}": make_root(f"Root {number}") for number in range(3)}
PEMS = {alias: pem_of(root).decode() for alias, root in ROOTS.items()}


def test_every_trusted_certificate_is_read(tmp_path: Path) -> None:
    keystore = make_keystore(tmp_path / "cacerts", "plain PKCS12", **PEMS)
    assert read_pkcs12(keystore.read_bytes()) == {alias: der_of(root) for alias, root in ROOTS.items()}


def test_an_alias_beyond_ascii_is_read(tmp_path: Path) -> None:
    entries = {"könig": PEMS["root-0"]}
    keystore = make_keystore(tmp_path / "cacerts", "plain PKCS12", **entries)
    assert list(read_pkcs12(keystore.read_bytes()) or {}) == ["könig"]


def test_a_certificate_that_only_belongs_to_a_key_is_not_trusted(tmp_path: Path) -> None:
    path = make_keystore(tmp_path / "cacerts", "plain PKCS12", trusted=PEMS["root-0"])
    keytool(path, "-genkeypair", "-alias", "own", "-keyalg", "EC", "-dname", "CN=own", *PLAIN)
    assert read_pkcs12(path.read_bytes()) == {"trusted": der_of(ROOTS["root-0"])}


def test_an_encrypted_one_is_left_to_keytool(tmp_path: Path) -> None:
    assert read_pkcs12(make_keystore(tmp_path / "cacerts", "encrypted PKCS12", **PEMS).read_bytes()) is None


def test_what_is_damaged_or_something_else_is_none(tmp_path: Path) -> None:
    content = make_keystore(tmp_path / "cacerts", "plain PKCS12", **PEMS).read_bytes()
    assert read_pkcs12(make_keystore(tmp_path / "jks", "JKS", **PEMS).read_bytes()) is None
    for damaged in (b"", b"\x30", pem_of(ROOTS["root-0"]), der_of(ROOTS["root-0"]), content + b"\0", b"\x30\x80" * 50):
        assert read_pkcs12(damaged) is None
    for length in range(0, len(content) - 1, 7):
        assert read_pkcs12(content[:length]) is None


def test_openssls_own_are_not_taken_for_trust(tmp_path: Path) -> None:
    """They lack the attribute by which Java trusts, and keytool does not list them as trusted either."""
    (tmp_path / "root.pem").write_text(PEMS["root-0"])
    command = ["openssl", "pkcs12", "-export", "-nokeys", "-certpbe", "NONE", "-nomac", "-passout", "pass:"]
    path = tmp_path / "cacerts"
    subprocess.run([*command, "-in", tmp_path / "root.pem", "-out", path], check=True, capture_output=True)
    assert read_pkcs12(path.read_bytes()) == {}
    assert "trustedCertEntry" not in keytool(path, "-list")
