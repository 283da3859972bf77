# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificates of an authority, made in its folder: each whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer import Answer
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    CERTIFICATE,
    CROSS,
    Authority,
    CertifiedKey,
    Epoch,
    IssuingAuthority,
    to_pem,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.imported import ImportedRoot
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases, key_file
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.key_places import (
    issuing_key_place,
    make_key,
    root_key_place,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.next_policy import next_policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import Policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.renewal import KEYLESS, Part, Step
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.requested import build_request, keep_answer
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import create_complete_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    NO_URLS,
    Signer,
    issuing_common_name,
    key_identifier,
    root_subject,
    sign_cross,
    sign_issuing,
    sign_responder,
    sign_root,
    validity_from,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import PrivateKey, generate_key
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.urls import Urls


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
            key = self._new_issuing_key(authority, step.number)
            build_request(self.folder, self.policy, step.number, key, self.passphrases.authority)
        elif self.answer is not None and step.part in (Part.ROOT, Part.ISSUING):
            keep_answer(self.folder, self.answer, step)
        elif self.imported is not None and step.part is Part.ROOT:
            self.keep_root(step.number, self.imported.certificate, self.imported.key)
        elif step.part is Part.ROOT:
            key, number = self._root_key(authority)
            self.keep_root(step.number, self.sign_root(key, number), key)
        elif step.part is Part.ISSUING:
            epoch = authority.epochs[step.epoch - 1]
            self._below(epoch, authority).build_issuing(step.number, epoch.root, authority)
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
            return self.new_root_key(authority, 1), 1
        key = authority.root.key(self.passphrases.authority, "passphrase", self.passphrases.tokens)
        return key, authority.active.number

    def new_root_key(self, authority: Authority, epoch: int) -> PrivateKey:
        """A new key for a root of that epoch."""
        tokens, label = self.passphrases.tokens, root_subject(self.policy.subject, epoch).common_name
        return make_key(authority, root_key_place(authority, tokens), self.policy.key_type, label, tokens)

    def _new_issuing_key(self, authority: Authority, number: int) -> PrivateKey:
        tokens, label = self.passphrases.tokens, issuing_common_name(self.policy.subject, number)
        return make_key(authority, issuing_key_place(authority, tokens), self.policy.key_type, label, tokens)

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

    def build_issuing(self, number: int, signer: CertifiedKey, authority: Authority) -> None:
        """Make an issuing authority below a root of an authority."""
        root, key = self._opened(signer), self._new_issuing_key(authority, number)
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
        key = signer.key(self.passphrases.authority, "passphrase", self.passphrases.tokens)
        return Signer(signer.certificate, key)

    def _keep(
        self,
        folder: Path,
        certificate: x509.Certificate,
        key: PrivateKey,
        passphrase: str | None,
        more: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        files = {CERTIFICATE: to_pem(certificate).encode(), **key_file(key, passphrase), **more}
        create_complete_folder(folder, files)
