# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy that a rotation of the root brings: what certificates cannot become without another root.

``policy.next.json`` is written before the rotation is in the ledger, which says what it counts: until the switch it
is what is to come, from then on part of the policy, whether or not ``policy.json`` says so yet. It names the root
that is to give way: where no rotation of that root is the last one, it is what a killed run left. Whoever changes any
of this holds the lock of the authority's folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import POLICY, Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger, open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import (
    SCHEMA,
    Policy,
    brought,
    decode_policy,
    encode_policy,
    refused_differences,
    stored_schema,
    unfollowed,
    wanted_policy,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import Rotation
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import (
    read_public,
    remove_private,
    replace_private,
)

NEXT_POLICY = "policy.next.json"
#: What to do about what a rotation can bring, and about what none can.
ROTATION = (
    "Leave those options as they were, or have the playbook anchorage.pki.rotate_authority bring another root with "
    "them, without an outage."
)
SECOND_AUTHORITY = (
    "Leave those options as they were, make a second authority in another folder (option authority), or start over: "
    "run the playbook anchorage.pki.uninstall with anchorage_delete_authority=true first."
)


@dataclass(frozen=True)
class NextPolicy:
    """What the file has: a policy, and the fingerprint of the root that is to give way to one of that policy."""

    from_root: str
    policy: Policy


def store_policy(folder: Path, policy: Policy) -> None:
    """Write the policy. What an older release has stored is kept beside it. Raises PkiError."""
    path = folder / POLICY
    stored = read_public(path) if path.exists() else None
    if stored is not None and stored_schema(stored) < SCHEMA:
        replace_private(path.with_name(f"{POLICY}.schema-{stored_schema(stored)}"), stored)
    replace_private(path, encode_policy(policy))


def stored_next(folder: Path) -> NextPolicy | None:
    """What the file has, whatever it counts. Raises PkiError."""
    path = folder / NEXT_POLICY
    if not path.exists():  # as in each look at most authorities
        return None
    try:
        stored = read_public(path)
    except PkiError:
        if path.exists():
            raise
        return None  # another run has made it part of the policy meanwhile
    policy = decode_policy(stored, str(path))
    return NextPolicy(json.loads(stored).get("from_root", ""), policy)


def policy_in_force(policy: Policy, following: NextPolicy | None, rotations: Sequence[Rotation]) -> Policy:
    """The policy of the active root, by the stored one and the one that the last of ``rotations`` brings."""
    last = rotations[-1] if rotations else None
    if following is None or last is None or not last.has_switched or last.from_root != following.from_root:
        return policy
    return brought(policy, following.policy)


def next_policy(authority: Authority, ledger: Ledger) -> Policy | None:
    """The policy that the rotation on its way brings, until it has switched; None where there is none, or it brings
    nothing. Raises PkiError."""
    rotation = ledger.rotations.current()
    if rotation is None or rotation.has_switched:
        return None
    following = stored_next(authority.folder)
    return brought(authority.policy, following.policy) if following else None


def read_next_policy(authority: Authority) -> Policy | None:
    """The same, by the ledger in the authority's folder. Raises PkiError."""
    with open_ledger(authority.ledger_path, read_only=True) as ledger:
        return next_policy(authority, ledger)


def wanted_next(authority: Authority, ledger: Ledger, options: Mapping[str, Any]) -> Policy | None:
    """The policy that a rotation brings for those ``options`` of certificate_authority that ask for another one than
    the authority has, None where none does. Once a rotation is on its way, that is what it brings.

    Raises PkiError where no rotation can bring it, or the one that is on its way does not.
    """
    following = next_policy(authority, ledger)
    if following and not refused_differences(following, wanted_policy(options, following, "")):
        return following
    wanted = wanted_policy(options, authority.policy, "")
    differences = refused_differences(authority.policy, wanted)
    if not differences:
        return following
    if ledger.rotations.current() is not None:
        raise PkiError(
            f"The rotation of the root that is on its way does not bring what the options ask for: "
            f"{'; '.join(differences)}. Leave those options as they were when it began. Until it is switching, it can "
            "be aborted, and another one begin."
        )
    refusal = unfollowed(authority.policy, wanted)
    if refusal:
        raise PkiError(f"{refusal} {SECOND_AUTHORITY}")
    return brought(authority.policy, wanted)


def keep_next(authority: Authority, ledger: Ledger, wanted: Policy | None) -> None:
    """Keep the policy that a rotation of the authority's root is to bring, None for none, in the transaction that
    enters it, and before that. Raises PkiError."""
    settle(authority.folder, ledger)
    if wanted is not None:
        stored = {"from_root": authority.root.sha256, **json.loads(encode_policy(wanted))}
        replace_private(authority.folder / NEXT_POLICY, json.dumps(stored, indent=2).encode() + b"\n")


def settle(folder: Path, ledger: Ledger) -> None:
    """Have the files say what the ledger's last rotation makes of them: until its switch the next policy is kept, after
    it ``policy.json`` has what it brings, and otherwise it goes. Raises PkiError."""
    following, rotations = stored_next(folder), ledger.rotations.all()
    if following is None or (ledger.rotations.current() is not None and not rotations[-1].has_switched):
        return
    path = folder / POLICY
    stored = decode_policy(read_public(path), str(path))
    in_force = policy_in_force(stored, following, rotations)
    if in_force != stored:
        store_policy(folder, in_force)
    remove_private(folder / NEXT_POLICY)
