# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Issuing certificates for the authorities of other controllers, below the root of this one.

They can sign no authority and nothing outside this authority's name constraints, and are in its ledger, so that it can
revoke them. Whatever they sign is in the ledger of their own controller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer import Given
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger, open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import Policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.public_files import PublicFile
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificate_requests import (
    ParsedRequest,
    parse_request,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    NO_URLS,
    Signer,
    is_issued_by,
    key_identifier,
    sign_delegated,
    validity_from,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.foreign_constraints import unlimited_kinds
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import PublicKey


@dataclass(frozen=True)
class Delegation:
    """A request of another controller, and the certificate that it was given before, None for none."""

    request: ParsedRequest
    certificate: x509.Certificate | None

    def steps(self, authority: Authority | None, file: PublicFile | None) -> tuple[str, ...]:
        """What is done about it, and why. Raises PkiError."""
        name = f"issuing certificate of {self.request.subject.rfc4514_string()}"
        if self.certificate is None or authority is None:
            return (f"{name}: another controller asks for it",)
        if file is not None and not file.holds(answer_to(self.certificate, authority)):
            return (f"{name}: {file.path} does not hold it",)
        return ()


@dataclass(frozen=True)
class Wanted:
    """What the certificate of an authority below the root is to say, for ``days`` at the most."""

    public_key: PublicKey
    subject: x509.Name
    days: int
    constraints: x509.NameConstraints | None


def plan_delegation(given: Given, authority: Authority | None, policy: Policy) -> Delegation:
    """What comes of the request that an option gives; ``authority`` is None while there is none. Raises PkiError where
    the authority must not sign it."""
    if policy.external_root:
        raise PkiError(
            f"{given.source}: this authority has not the key of its root, and its issuing key may sign no authority. "
            "Have the request signed where the root's key is."
        )
    request = parse_request(given.content, given.source)
    wide = unlimited_kinds([request.constraints] if request.constraints else [], policy.constraints)
    if request.constraints is not None and wide:
        raise PkiError(
            f"{given.source}: asks for name constraints that are wider than those of this authority, for "
            f"{', '.join(wide)}. Give the other controller's authority permitted_domains and permitted_networks within "
            "those of this one, and have it make another request."
        )
    if authority is None:
        return Delegation(request, None)
    with open_ledger(authority.ledger_path, read_only=True) as ledger:
        delegated = ledger.delegated_certificates()
    _check_subject(request, authority, [certificate for certificate, _is_revoked in delegated], given.source)
    return Delegation(request, _signed_before(request, delegated, authority, given.source))


def delegate(delegation: Delegation, authority: Authority, passphrases: Passphrases, now: datetime) -> x509.Certificate:
    """The certificate that was asked for, signed and entered unless it was before; the caller holds the lock of the
    authority's folder, under which it has planned this. Raises PkiError."""
    if delegation.certificate is not None:
        return delegation.certificate
    policy, request = authority.policy, delegation.request
    constraints = request.constraints or (policy.constraints.extension() if policy.constraints else None)
    wanted = Wanted(request.public_key, request.subject, policy.lifetimes.issuing, constraints)
    with open_ledger(authority.ledger_path) as ledger:
        certificate = sign_below(authority, ledger, wanted, passphrases, now)
        with ledger.transaction():
            ledger.record_delegated(certificate, authority.root.sha256)
    return certificate


def sign_below(
    authority: Authority, ledger: Ledger, wanted: Wanted, passphrases: Passphrases, now: datetime
) -> x509.Certificate:
    """The certificate of an authority that the root signs, and that can sign leaves alone. Raises PkiError."""
    root = authority.root
    signer = Signer(root.certificate, root.key(passphrases.authority, "passphrase", passphrases.tokens))
    validity = validity_from(now, wanted.days, root.certificate.not_valid_after_utc)
    urls = authority.policy.urls if _is_published(ledger, root.certificate) else NO_URLS
    return sign_delegated(wanted.public_key, signer, wanted.subject, validity, wanted.constraints, urls)


def answer_to(certificate: x509.Certificate, authority: Authority) -> bytes:
    """What the other controller takes: its certificate, and the root."""
    return (to_pem(certificate) + to_pem(authority.root.certificate)).encode()


def _is_published(ledger: Ledger, root: x509.Certificate) -> bool:
    return ledger.revocations.is_published(key_identifier(root))


def _check_subject(
    request: ParsedRequest, authority: Authority, delegated: Sequence[x509.Certificate], source: str
) -> None:
    """No two keys share a name: a verifier that goes by names alone would take one for the other."""
    own = [key.certificate for key in (*authority.roots, *authority.issuers)]
    for certificate in (*own, *delegated):
        if certificate.subject == request.subject and certificate.public_key() != request.public_key:
            raise PkiError(
                f"{source}: the name {request.subject.rfc4514_string()} is that of another authority below this root. "
                "Give the other controller's authority a common name of its own (option subject)."
            )


def _signed_before(
    request: ParsedRequest, delegated: Sequence[tuple[x509.Certificate, bool]], authority: Authority, source: str
) -> x509.Certificate | None:
    """What a request was answered by. Raises PkiError for what leads to no leaf any more."""
    for certificate, is_revoked in delegated:
        if certificate.public_key() == request.public_key:
            if is_revoked:
                raise PkiError(
                    f"{source}: the certificate for this key is revoked. Have the other controller revoke it, too, and "
                    "make another request."
                )
            if not is_issued_by(certificate, authority.root.certificate):
                raise PkiError(
                    f"{source}: the certificate for this key is below {certificate.issuer.rfc4514_string()}, which has "
                    "given way to another root. An authority stays below its root: have the other controller make a "
                    "second one, in another folder, and give its request."
                )
            return certificate
    return None
