# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task asks for that names no option of a leaf but its name."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import LeafRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Profile
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import parse_names


def leaf_request(name: str, host: str) -> LeafRequest:
    """A leaf called ``name`` for the host of that name below ``internal``."""
    return LeafRequest(
        name=name,
        names=parse_names([f"{host}.internal"]),
        profile=Profile.SERVER,
        key_type=KeyType.ECDSA_P256,
        private_key="controller",
        lifetime=None,
        staple=True,
        must_staple=False,
        pkcs12_passphrase=None,
    )
