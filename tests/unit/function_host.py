# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that is a function, for the controller's half of a transaction of leaves."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import (
    ActivationOutcome,
    DeployedLeaf,
    Inspection,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import (
    Delivery,
    DeployedGeneration,
    Deployment,
    KeyRequest,
    KeyRequests,
    Shown,
    ShownLeaf,
)
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import decode, encode
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import fingerprint
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass
class Host:
    """A host that keeps what it is given, and notes what it is asked; it may fail to answer."""

    leaves: dict[str, DeployedLeaf] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    loses: str = ""
    keys: dict[str, ec.EllipticCurvePrivateKey] = field(default_factory=dict)
    certificates: dict[str, str] = field(default_factory=dict)

    def __call__(self, arguments: dict[str, Any]) -> dict[str, Any]:
        (operation,) = {"inspect", "request", "deploy", "show"}.intersection(arguments)
        self.calls.append(operation)
        if operation == self.loses:
            return {"unreachable": True, "msg": "the connection was lost"}
        return getattr(self, f"_{operation}")(arguments)

    def _request(self, arguments: dict[str, Any]) -> dict[str, Any]:
        requests = []
        for entry in arguments["request"]:
            assert entry["key_type"] == "ecdsa-p256"
            key = self.keys.setdefault(entry["name"], ec.generate_private_key(ec.SECP256R1()))
            csr = x509.CertificateSigningRequestBuilder(x509.Name([])).sign(key, hashes.SHA256())
            requests.append(KeyRequest(entry["name"], csr.public_bytes(serialization.Encoding.PEM).decode()))
        return encode(KeyRequests(True, tuple(requests)))

    def _inspect(self, arguments: dict[str, Any]) -> dict[str, Any]:
        names = [entry["name"] for entry in arguments["inspect"]]
        leaves = tuple(self.leaves.get(name, DeployedLeaf(name)) for name in names)
        return encode(Inspection(ActivationOutcome(), leaves))

    def _show(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return encode(Shown(False, tuple(ShownLeaf(name, self.certificates[name]) for name in arguments["show"])))

    def _deploy(self, arguments: dict[str, Any]) -> dict[str, Any]:
        confirmed = []
        for entry in arguments["deploy"]:
            deployed = self.leaves.get(entry["name"], DeployedLeaf(entry["name"])).generation
            if entry["expected_generation"] != deployed:
                return {
                    "failed": True,
                    "msg": f"generation {deployed} is deployed: another run deployed in the meantime",
                }
        for entry in arguments["deploy"]:
            delivery = decode(Delivery, entry)
            former = self.leaves.get(delivery.name, DeployedLeaf(delivery.name))
            staple = sha256(delivery.staple)
            leaf = replace(former, generation=former.generation + 1, staple_sha256=staple, withdrawn="")
            if delivery.action == "leaf":
                pending = None if delivery.private_key else self.keys.pop(delivery.name)
                certificate = x509.load_pem_x509_certificate(delivery.certificate.encode())
                assert pending is None or certificate.public_key() == pending.public_key()
                chain = sha256(delivery.chain.encode())
                leaf = replace(leaf, leaf_sha256=fingerprint(certificate), chain_sha256=chain)
                self.certificates[delivery.name] = delivery.certificate
            self.leaves[delivery.name] = leaf
            confirmed.append(DeployedGeneration(leaf.name, leaf.generation, leaf.leaf_sha256, leaf.staple_sha256))
        return encode(Deployment(True, ActivationOutcome(), tuple(confirmed)))


def sha256(content: bytes) -> str:
    """The digest of what there is, an empty string of nothing."""
    return hashlib.sha256(content).hexdigest() if content else ""
