# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A leaf of an authority by which a host can prove that it trusts servers of it. No key of the leaf is needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Profile, profile_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, key_type_of


@dataclass(frozen=True, slots=True)
class LeafProof:
    """The DNS name of a server, and its chain in PEM: its leaf, and what leads to the root. Both empty for none."""

    name: str = ""
    chain: tuple[str, ...] = ()


def leaf_proof(authority: Authority, host: str, now: datetime) -> LeafProof:
    """A server's leaf by the active root that the ledger has: one of the ``host`` itself, if there is one, and else
    another's.

    None where the ledger cannot be read: to trust an anchor needs no ledger.
    """
    try:
        with open_ledger(authority.ledger_path, read_only=True) as ledger:
            for leaves in (ledger.believed_leaves(now, host), ledger.believed_leaves(now)):
                proof = next(_proofs(authority, leaves), None)
                if proof:
                    return proof
    except PkiError:
        pass
    return LeafProof()


def _proofs(authority: Authority, leaves: Iterator[tuple[x509.Certificate, str]]) -> Iterator[LeafProof]:
    for leaf, issuer_sha256 in leaves:
        issuer = next((one for one in authority.active.issuers if one.sha256 == issuer_sha256), None)
        name = next((name for name in _dns_names(leaf) if not name.startswith("*")), None)
        # No browser and no macOS takes a key of that type from a server.
        is_taken = key_type_of(leaf.public_key()) is not KeyType.ED25519
        if issuer and name and is_taken and profile_of(leaf) in (Profile.SERVER, Profile.PEER):
            yield LeafProof(name, tuple(map(to_pem, (leaf, issuer.certificate, *issuer.intermediates))))


def _dns_names(certificate: x509.Certificate) -> list[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.DNSName)
