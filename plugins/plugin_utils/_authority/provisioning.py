# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Provisioning: an authority's certificates are made and renewed in its folder.

Each step leaves a complete numbered folder or nothing: an interrupted run is continued by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer import Answer, Given, read_answer
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    LEDGER,
    POLICY,
    Authority,
    CertifiedKey,
    Epoch,
    Standing,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.builder import Builder
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.imported import Import, ImportedRoot, plan_import
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import KEY, IssuingRequest, Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.key_places import (
    check_places,
    check_request_place,
    check_root_place,
    issuing_key_place,
    root_key_place,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger, open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.next_policy import (
    ROTATION,
    SECOND_AUTHORITY,
    next_policy,
    store_policy,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import (
    SCHEMA,
    Policy,
    brought,
    refused_differences,
    stored_schema,
    unfollowed,
    wanted_policy,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.recording import enter
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.renewal import (
    KEYLESS,
    Part,
    Step,
    plan_authority,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import AuthorityMissingError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import read_public, remove_unfinished
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.sessions import NO_TOKENS, Tokens
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import check_passphrase

#: Publishes the list of an authority's root, whose issuing certificates may still be missing.
PublishRoot = Callable[[Authority, Ledger], None]


@dataclass(frozen=True)
class ProvisioningPlan:
    """What certificate_authority is about to do. ``authority`` is None where there is none yet. ``answer`` is what the
    authority of an external root has sent, ``imported`` a root that another program made; None for nothing new."""

    folder: Path
    authority: Authority | None
    policy: Policy
    steps: tuple[Step, ...]
    answer: Answer | None = None
    imported: ImportedRoot | None = None


def plan_provisioning(
    folder: Path,
    options: Mapping[str, Any],
    default_common_name: str,
    now: datetime,
    given: Sequence[Given] = (),
    tokens: Tokens = NO_TOKENS,
    importing: Import | None = None,
) -> ProvisioningPlan:
    """Compare the options of certificate_authority with what is in ``folder``; changes nothing. ``given`` are the
    certificates that options give, ``importing`` the root with its key.

    Raises PkiError where the existing authority cannot take the options, or is damaged.
    """
    try:
        authority = read_authority(folder)
    except AuthorityMissingError:
        authority = None
    policy, imported = plan_import(importing, authority, options, default_common_name, now)
    leaf_ends, revoked, following = _read_ledger(folder, authority)
    if authority is not None and not authority.roots and authority.request is None:
        authority = None
    answer = read_answer(given, authority, now, policy.external_root)
    if authority is not None:
        policy = _possible(policy, authority, following, options)
    check_root_place(authority, policy, tokens.root)
    check_request_place(authority, tokens.issuing)
    steps = plan_authority(authority, policy, leaf_ends, now, revoked, answer, tokens.issuing)
    return ProvisioningPlan(folder, authority, policy, steps, answer, imported)


def _possible(policy: Policy, authority: Authority, following: Policy | None, options: Mapping[str, Any]) -> Policy:
    """The wanted ``policy`` as the active root can have it. While a rotation is on its way, ``following`` is what it
    brings, and the options may ask for that already. Raises PkiError where they ask for something else."""
    differences = refused_differences(authority.policy, policy)
    if not differences:
        return policy
    if following is not None:
        wanted = wanted_policy(options, following, "")
        if not refused_differences(following, wanted):
            return brought(wanted, authority.policy)
    if not authority.roots and authority.request is not None:
        raise PkiError(
            f"The request in {authority.request.path} is not for what the options ask for: {'; '.join(differences)}. "
            f"Leave those options as they were, or delete {authority.folder}, which has signed nothing, and begin anew."
        )
    remedy = SECOND_AUTHORITY if unfollowed(authority.policy, policy) else ROTATION
    raise PkiError(
        f"The authority in {authority.folder} cannot become what the options ask for: {'; '.join(differences)}. Its "
        f"hosts trust it as it is. {remedy}"
    )


def _read_ledger(folder: Path, authority: Authority | None) -> tuple[dict[str, datetime], set[str], Policy | None]:
    """When each issuing authority's last leaf ends, which of them are revoked, and the policy that a rotation brings.
    Raises PkiError where the folder lost what the ledger knows."""
    path = folder / LEDGER
    if authority is None and not (path.exists() and path.stat().st_size):
        return {}, set(), None
    with open_ledger(path, read_only=True) as ledger:
        known, leaf_ends = ledger.authorities(), ledger.last_leaf_ends()
        revoked = ledger.revocations.revoked_authorities()
        following = next_policy(authority, ledger) if authority else None
    there = {key.sha256 for key in (*authority.roots, *authority.issuers)} if authority else set()
    if known - there:
        raise PkiError(
            f"The ledger knows a certificate of the authority that is missing in {folder / 'root'} or "
            f"{folder / 'issuing'}. Restore the authority's folder from a backup: a new one would not be the one that "
            "the hosts trust."
        )
    return leaf_ends, revoked, following


def carry_out(
    plan: ProvisioningPlan, passphrases: Passphrases, now: datetime, publish_root: PublishRoot | None = None
) -> Authority:
    """Do what was planned, under the folder's lock which the caller holds. The root is published by ``publish_root``
    before an issuing certificate is made, which then can name where.

    Raises PkiError; what was made until then stays, and the next run continues from there.
    """
    check_passphrases(plan, passphrases)
    remove_unfinished(plan.folder)
    with open_ledger(plan.folder / LEDGER, create=plan.authority is None) as ledger:
        builder = Builder(plan.folder, plan.policy, passphrases, now, ledger, plan.answer, plan.imported)
        _store_policy(plan)
        for step in plan.steps:
            if step.part is Part.ISSUING and publish_root and not plan.policy.external_root:
                publish_root(read_authority(plan.folder), ledger)
            builder.build(step)
        authority = read_authority(plan.folder)
        with ledger.transaction():
            enter(authority, ledger)
    return authority


def _store_policy(plan: ProvisioningPlan) -> None:
    """Write the policy where it changes, or is stored as an older release did."""
    path = plan.folder / POLICY
    changes = any(step.part is Part.POLICY for step in plan.steps)
    if changes or (path.exists() and stored_schema(read_public(path)) < SCHEMA):
        store_policy(plan.folder, plan.policy)


def check_passphrases(plan: ProvisioningPlan, passphrases: Passphrases) -> None:
    """Raise PkiError now, not in the month when a renewal is due, where a passphrase is too short or wrong.

    A new key is encrypted as the former one was, so that forgetting an option never stores a key unencrypted.
    """
    parts = {step.part for step in plan.steps}
    # Keys of an epoch that has retired may be gone.
    epochs = [one for one in plan.authority.epochs if one.standing is not Standing.RETIRED] if plan.authority else []
    own = () if plan.policy.external_root else epochs
    roots = [root for epoch in own if _signs_by(epoch, plan.steps) for root in epoch.roots]
    issuers = tuple(issuer for epoch in epochs for issuer in epoch.issuers)
    requests = (plan.authority.request,) if plan.authority and plan.authority.request else ()
    responders = [responder for issuer in issuers for responder in issuer.responders]
    # A root's key is looked at only where it is needed, since it may be kept elsewhere until then.
    signers: Sequence[CertifiedKey | IssuingRequest] = roots or (*issuers, *requests)
    # A root on a token has no passphrase that the next issuing key's could be compared with; the former one's has.
    is_on_token = bool(signers) and signers[-1].key_uri is not None
    makes_file = _makes_issuing_key(plan) and issuing_key_place(plan.authority, passphrases.tokens) is None
    in_files = [one for one in issuers if is_on_token and makes_file and (one.folder / KEY).exists()]
    for option, passphrase, keys, needed in (
        ("passphrase", passphrases.authority, [*in_files[-1:], *signers[-1:]], parts - KEYLESS),
        ("responder_passphrase", passphrases.responder, responders[-1:], parts & {Part.RESPONDER}),
    ):
        if not keys:
            check_passphrase(passphrase, option)
        for key in keys if needed or passphrase is not None else ():
            key.key(passphrase, option, passphrases.tokens)
    _check_places(plan, passphrases.tokens)


def _check_places(plan: ProvisioningPlan, tokens: Tokens) -> None:
    """Raise PkiError now where a token does not take the keys that the plan makes."""
    places = [root_key_place(None, tokens)] if plan.authority is None else []
    places += [issuing_key_place(plan.authority, tokens)] if _makes_issuing_key(plan) else []
    check_places(plan.authority, places, plan.policy.key_type, tokens)


def _makes_issuing_key(plan: ProvisioningPlan) -> bool:
    """Whether an issuing authority gets a key: below the root of another one, that comes with the request."""
    part = Part.REQUEST if plan.policy.external_root else Part.ISSUING
    return any(step.part is part for step in plan.steps)


def _signs_by(epoch: Epoch, steps: Sequence[Step]) -> bool:
    """Whether the key of the epoch's root is needed for the steps."""
    is_renewed = epoch.standing is Standing.ACTIVE and any(step.part is Part.ROOT for step in steps)
    return is_renewed or any(step.epoch == epoch.number for step in steps)
