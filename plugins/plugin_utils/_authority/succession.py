# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The successor of a root: one with another key, and an issuing authority and a responder of its own."""

from __future__ import annotations

from datetime import datetime

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    Authority,
    CertifiedKey,
    Epoch,
    fingerprint,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.next_policy import next_policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    Builder,
    Passphrases,
    PublishRoot,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.recording import enter
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import Rotation, State
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import remove_unfinished
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import may_sign_roots
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import generate_key


def make_successor(
    authority: Authority,
    rotation: Rotation,
    passphrases: Passphrases,
    ledger: Ledger,
    now: datetime,
    publish_root: PublishRoot | None = None,
) -> Authority:
    """Make what ``rotation``, which is planned, leads to, under the folder's lock which the caller holds; it is made
    then. What an interrupted run made is kept. Raises PkiError.

    No host is to trust the new root, and nothing of it signs leaves, until the rotation moves on. The former root
    vouches for it where that is of use to anybody, and no thief has its key.
    """
    remove_unfinished(authority.folder)
    policy = next_policy(authority, ledger) or authority.policy
    builder = Builder(authority.folder, policy, passphrases, now, ledger)
    epoch = epoch_of(authority, rotation.to_root)
    if epoch is None:
        authority, epoch = _make_root(authority, rotation, builder)
    if not epoch.issuers:
        if publish_root:
            publish_root(authority, ledger)
        builder.build_issuing(authority.issuers[-1].number + 1, epoch.root)
        authority = read_authority(authority.folder)
    issuer = authority.epochs[epoch.number - 1].issuers[-1]
    if not issuer.responders:
        builder.build_responder(1, issuer)
        authority = read_authority(authority.folder)
    with ledger.transaction():
        enter(authority, ledger)
        ledger.rotations.move(rotation, State.MADE, now)
    return authority


def vouches(former: CertifiedKey, is_emergency: bool) -> bool:
    """Whether a root signs its successor: where that is of use to anybody, and no thief has its key."""
    return may_sign_roots(former.certificate) and not is_emergency


def epoch_of(authority: Authority, root_sha256: str) -> Epoch | None:
    """The epoch of the root with that fingerprint, None where there is none."""
    return next((epoch for epoch in authority.epochs if root_sha256 in [root.sha256 for root in epoch.roots]), None)


def _make_root(authority: Authority, rotation: Rotation, builder: Builder) -> tuple[Authority, Epoch]:
    key = generate_key(builder.policy.key_type)
    certificate = builder.sign_root(key, len(authority.epochs) + 1)
    is_vouched_for = vouches(authority.root, rotation.is_emergency)
    cross = builder.sign_cross(certificate, authority.root) if is_vouched_for else None
    # First: a root of a key that the ledger does not know is foreign, and nothing could be read any more.
    with builder.ledger.transaction():
        builder.ledger.rotations.name_root(rotation, fingerprint(certificate))
    builder.keep_root(authority.roots[-1].number + 1, certificate, key, cross)
    made = read_authority(authority.folder)
    return made, made.epochs[-1]
