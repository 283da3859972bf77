# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sign a leaf of each key type, with its staple, and write them as the host takes them.

Usage: ``PYTHONPATH=COLLECTIONS sign_sets.py FILE``. FILE is made with mode 0600, as it has the leaves' keys.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import DeployedLeaf
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import encode
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import carry_out, plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.issuance import issue
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import Action, Decision, LeafPlan
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import LeafRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import create_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Profile
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import parse_names

KEY_TYPES = (KeyType.ECDSA_P256, KeyType.RSA_3072)


def plan(key_type: KeyType) -> LeafPlan:
    """A leaf that is still to be made."""
    request = LeafRequest(
        name="site",
        names=parse_names(["www.internal"]),
        profile=Profile.SERVER,
        key_type=key_type,
        private_key="controller",
        lifetime=None,
        staple=True,
        must_staple=False,
        pkcs12_passphrase=None,
    )
    place = LeafPlace("torture", f"/{key_type.value}", request.name)
    return LeafPlan(request, DeployedLeaf(request.name), None, Decision(Action.LEAF, "torture"), place)


def main() -> None:
    now = datetime.now(timezone.utc)
    with tempfile.TemporaryDirectory(dir=Path.home()) as scratch:
        folder = Path(scratch) / "authority"
        create_folder(folder)
        authority = carry_out(plan_provisioning(folder, {}, "Torture", now), Passphrases(), now)
        with open_ledger(authority.ledger_path) as ledger:
            signed = issue([plan(key_type) for key_type in KEY_TYPES], authority, Passphrases(), ledger, now)
    descriptor = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump([encode(leaf.delivery) for leaf in signed], file)


if __name__ == "__main__":
    main()
