# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Provisioning: an authority's certificates are made and renewed in its folder.

Each step leaves a complete numbered folder or nothing: an interrupted run is continued by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer import Answer, Given, read_answer
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    CERTIFICATE,
    CROSS,
    LEDGER,
    POLICY,
    Authority,
    CertifiedKey,
    Epoch,
    IssuingAuthority,
    Standing,
    to_pem,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.imported import Import, ImportedRoot, plan_import
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import KEY, IssuingRequest
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
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.renewal import Part, Step, plan_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.requested import build_request, keep_answer
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import AuthorityMissingError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import (
    create_complete_folder,
    read_public,
    remove_unfinished,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    NO_URLS,
    Signer,
    key_identifier,
    root_subject,
    sign_cross,
    sign_issuing,
    sign_responder,
    sign_root,
    validity_from,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import (
    PrivateKey,
    check_passphrase,
    encode_key,
    generate_key,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.urls import Urls

#: What is done without a key.
KEYLESS = {Part.POLICY, Part.REQUEST_FILE}
#: Publishes the list of an authority's root, whose issuing certificates may still be missing.
PublishRoot = Callable[[Authority, Ledger], None]


@dataclass(frozen=True)
class Passphrases:
    """The passphrases of an authority's keys; None where a key is stored unencrypted."""

    authority: str | None = None
    responder: str | None = None


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
    answer = read_answer(given, authority, now)
    if authority is not None:
        policy = _possible(policy, authority, following, options)
    steps = plan_authority(authority, policy, leaf_ends, now, revoked, answer)
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
    for option, passphrase, keys, needed in (
        ("passphrase", passphrases.authority, signers, parts - KEYLESS),
        ("responder_passphrase", passphrases.responder, responders, parts & {Part.RESPONDER}),
    ):
        if not keys:
            check_passphrase(passphrase, option)
        elif needed or passphrase is not None:
            keys[-1].key(passphrase, option)


def _signs_by(epoch: Epoch, steps: Sequence[Step]) -> bool:
    """Whether the key of the epoch's root is needed for the steps."""
    is_renewed = epoch.standing is Standing.ACTIVE and any(step.part is Part.ROOT for step in steps)
    return is_renewed or any(step.epoch == epoch.number for step in steps)


@dataclass(frozen=True)
class Builder:
    """Makes the certificates of an authority in its folder, each whole or not at all."""

    folder: Path
    policy: Policy
    passphrases: Passphrases
    now: datetime
    ledger: Ledger
    answer: Answer | None = None
    imported: ImportedRoot | None = None

    def build(self, step: Step) -> None:
        """Make the certificate that ``step`` is about."""
        if step.part in KEYLESS:
            return
        authority = read_authority(self.folder)
        if step.part is Part.REQUEST:
            build_request(self.folder, self.policy, step.number, self.passphrases.authority)
        elif self.answer is not None and step.part in (Part.ROOT, Part.ISSUING):
            keep_answer(self.folder, self.answer, step)
        elif self.imported is not None and step.part is Part.ROOT:
            self.keep_root(step.number, self.imported.certificate, self.imported.key)
        elif step.part is Part.ROOT:
            key, number = self._root_key(authority)
            self.keep_root(step.number, self.sign_root(key, number), key)
        elif step.part is Part.ISSUING:
            epoch = authority.epochs[step.epoch - 1]
            self._below(epoch, authority).build_issuing(step.number, epoch.root)
        else:
            members = [(epoch, issuer) for epoch in authority.epochs for issuer in epoch.issuers]
            epoch, issuer = next(member for member in members if member[1].number == step.issuer)
            self._below(epoch, authority).build_responder(step.number, issuer)

    def _below(self, epoch: Epoch, authority: Authority) -> Builder:
        """What builds below the root of that epoch: by the policy that comes with it, if it is to come."""
        following = next_policy(authority, self.ledger) if epoch in authority.coming() else None
        return replace(self, policy=following) if following else self

    def _root_key(self, authority: Authority) -> tuple[PrivateKey, int]:
        """The key of another root, and the number of its epoch: a renewed one keeps both."""
        if not authority.epochs:
            return generate_key(self.policy.key_type), 1
        return authority.root.key(self.passphrases.authority, "passphrase"), authority.active.number

    def sign_root(self, key: PrivateKey, epoch: int) -> x509.Certificate:
        """A root of that epoch, which is nowhere yet."""
        validity = validity_from(self.now, self.policy.lifetimes.root)
        return sign_root(key, root_subject(self.policy.subject, epoch), validity, self.policy.constraints)

    def sign_cross(self, root: x509.Certificate, former: CertifiedKey) -> x509.Certificate:
        """A root's name and key, signed by a former root."""
        signer = self._opened(former)
        ends = min(root.not_valid_after_utc, former.certificate.not_valid_after_utc)
        validity = validity_from(self.now, self.policy.lifetimes.root, ends)
        return sign_cross(root, signer, validity, self._urls(signer))

    def keep_root(
        self,
        number: int,
        certificate: x509.Certificate,
        key: PrivateKey,
        cross: x509.Certificate | None = None,
    ) -> None:
        """Put a root into the folder, with the certificate by which a former one vouches for it."""
        more = {CROSS: to_pem(cross).encode()} if cross else {}
        self._keep(self.folder / "root" / str(number), certificate, key, self.passphrases.authority, more)

    def build_issuing(self, number: int, signer: CertifiedKey) -> None:
        """Make an issuing authority below a root."""
        root = self._opened(signer)
        key = generate_key(self.policy.key_type)
        validity = validity_from(self.now, self.policy.lifetimes.issuing, root.certificate.not_valid_after_utc)
        certificate = sign_issuing(
            key.public_key(), root, self.policy.subject, number, validity, self.policy.constraints, self._urls(root)
        )
        folder = self.folder / "issuing" / str(number)
        self._keep(folder, certificate, key, self.passphrases.authority)

    def build_responder(self, number: int, issuer: IssuingAuthority) -> None:
        """Make an OCSP responder of an issuing authority."""
        signer = self._opened(issuer)
        key = generate_key(self.policy.key_type)
        validity = validity_from(self.now, self.policy.lifetimes.responder, issuer.certificate.not_valid_after_utc)
        certificate = sign_responder(key.public_key(), signer, self.policy.subject, number, validity)
        folder = issuer.folder / "responder" / str(number)
        self._keep(folder, certificate, key, self.passphrases.responder)

    def _urls(self, root: Signer) -> Urls:
        """The URLs of what a root signs. One whose list nobody has published yet has nothing there."""
        published = self.ledger.revocations.is_published(key_identifier(root.certificate))
        return self.policy.urls if published else NO_URLS

    def _opened(self, signer: CertifiedKey) -> Signer:
        return Signer(signer.certificate, signer.key(self.passphrases.authority, "passphrase"))

    def _keep(
        self,
        folder: Path,
        certificate: x509.Certificate,
        key: PrivateKey,
        passphrase: str | None,
        more: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        files = {CERTIFICATE: to_pem(certificate).encode(), KEY: encode_key(key, passphrase), **more}
        create_complete_folder(folder, files)
