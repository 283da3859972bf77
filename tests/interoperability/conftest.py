# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One authority of each kind of key for all tests, in a folder of its own."""

from __future__ import annotations

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType
from interoperability.pki import Pki, make_pki

# RSA 4096 differs from RSA 3072 in nothing that a verifier would stumble over.
KEY_TYPES = [KeyType.ECDSA_P256, KeyType.ECDSA_P384, KeyType.RSA_3072, KeyType.ED25519]


@pytest.fixture(scope="session", params=KEY_TYPES, ids=[key_type.value for key_type in KEY_TYPES])
def pki(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """An authority with the default constraints."""
    return make_pki(request.param, tmp_path_factory.mktemp(request.param.value) / "authority")
