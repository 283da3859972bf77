# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of reading JKS files, made by the real keytool."""

from __future__ import annotations

import shutil

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust.jks import read_jks
from ansible_collections.anchorage.pki.tests.unit.keystores import keytool, make_keystore
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_root, pem_of

pytestmark = pytest.mark.skipif(shutil.which("keytool") is None, reason="needs a JDK")

ROOT = make_root("Lab root")


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A JKS file with a key of its own and one trusted certificate."""
    path = make_keystore(tmp_path_factory.mktemp("keystore") / "store.jks", "JKS", lab=pem_of(ROOT).decode())
    keytool(path, "-genkeypair", "-alias", "own", "-keyalg", "EC", "-dname", "CN=own")
    return path.read_bytes()


def test_trusted_certificates_are_read_and_keys_passed_by(keystore: bytes) -> None:
    assert read_jks(keystore) == {"lab": der_of(ROOT)}


def test_what_is_no_sound_keystore_is_none(keystore: bytes) -> None:
    assert read_jks(b"") is None
    assert read_jks(pem_of(ROOT)) is None
    assert read_jks(keystore[:-200]) is None
    assert read_jks(keystore[:8] + b"\xff" + keystore[9:]) is None
