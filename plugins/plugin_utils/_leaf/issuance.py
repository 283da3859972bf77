# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From decisions to bytes: leaves and staples signed, entered in the ledger, and shaped as the host half takes them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    Authority,
    IssuingAuthority,
    fingerprint,
    to_pem,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import LeafRecord, Ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import (
    InvalidSignature,
    UnsupportedAlgorithm,
    pkcs12,
    serialization,
    x509,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import AuthorityDueError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import Action, LeafPlan
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import LeafRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signing import sign_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.verification import Staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer, sign_leaf, validity_from
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import (
    PrivateKey,
    PublicKey,
    encode_key,
    generate_key,
    key_type_of,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import SKEW


@dataclass(frozen=True)
class Delivery:
    """One leaf on its way to a host. ``wire`` is what the host half takes; it may hold a private key."""

    plan: LeafPlan
    certificate: x509.Certificate
    staple: Staple | None
    wire: dict[str, Any] = field(repr=False)


def deliver(
    plans: Sequence[LeafPlan], authority: Authority, passphrases: Passphrases, ledger: Ledger, now: datetime
) -> list[Delivery]:
    """Sign what ``plans`` need and enter it in ``ledger``, in one transaction. Raises PkiError, nothing entered."""
    issuer = _Issuer(authority, passphrases, now)
    for plan in plans:
        issuer.check(plan)
    deliveries = [issuer.deliver(plan) for plan in plans if plan.decision.action is not Action.NONE]
    # After the signing: no other run waits for the ledger while RSA keys are made here.
    with ledger.transaction():
        for delivery in deliveries:
            _enter(delivery, authority, ledger)
    return deliveries


def rehearse(plans: Sequence[LeafPlan], authority: Authority, passphrases: Passphrases, now: datetime) -> None:
    """Do for check mode what :func:`deliver` does before it signs. Raises PkiError, AuthorityDueError where that is
    something that certificate_authority renews."""
    issuer = _Issuer(authority, passphrases, now)
    for plan in plans:
        issuer.check(plan)


def confirm(plans: Sequence[LeafPlan], deliveries: Sequence[Delivery], ledger: Ledger, now: datetime) -> None:
    """Note in ``ledger`` what the host has in use now, be it from a run whose end the controller did not see."""
    delivered = {delivery.plan.request.name: delivery for delivery in deliveries}
    in_use = [
        (plan.place, *_in_use(plan, delivered.get(plan.request.name)))
        for plan in plans
        if plan.request.name in delivered or _is_unconfirmed(plan)
    ]
    if in_use:
        with ledger.transaction():
            for place, leaf_sha256, staple_sha256 in in_use:
                ledger.mark_deployed(place, leaf_sha256, staple_sha256, now)


def _in_use(plan: LeafPlan, delivery: Delivery | None) -> tuple[str, str]:
    """The fingerprint of the leaf and the digest of the staple that the host has; the latter empty for none."""
    if delivery is None or plan.decision.action is Action.REPAIR:
        return plan.deployed.leaf_sha256, plan.deployed.staple_sha256
    return fingerprint(delivery.certificate), delivery.staple.sha256 if delivery.staple else ""


def _is_unconfirmed(plan: LeafPlan) -> bool:
    """Whether the host has a leaf or staple that the ledger knows as signed alone."""
    if plan.record is None:
        return False
    staple = plan.record.staple(plan.deployed.staple_sha256)
    return plan.record.status == "signed" or (staple is not None and staple.deployed_at is None)


def _enter(delivery: Delivery, authority: Authority, ledger: Ledger) -> None:
    request, place = delivery.plan.request, delivery.plan.place
    if delivery.plan.decision.action is Action.LEAF:
        names = [str(name) for name in request.names]
        ledger.record_leaf(delivery.certificate, authority.issuing.sha256, place, names, request.private_key)
    if delivery.staple is not None:
        ledger.record_staple(delivery.staple, fingerprint(delivery.certificate))


class _Issuer:
    """An authority whose keys are unlocked when they are first needed, and only those that are."""

    def __init__(self, authority: Authority, passphrases: Passphrases, now: datetime) -> None:
        self._authority = authority
        self._passphrases = passphrases
        self._now = now
        self._responders: dict[str, Signer] = {}
        self._issuing: Signer | None = None

    def check(self, plan: LeafPlan) -> None:
        """Raise PkiError where what ``plan`` needs cannot be signed; unlocks the keys for it."""
        action = plan.decision.action
        if action is Action.LEAF:
            self._check_lifetime(self._days(plan.request))
            self._issuing_signer()
        if action in (Action.LEAF, Action.STAPLE) and plan.request.staple:
            self._responder_signer(self._authority.issuing if action is Action.LEAF else self._recorded(plan)[1])

    def deliver(self, plan: LeafPlan) -> Delivery:
        """Sign what ``plan`` needs, which was checked. Raises PkiError."""
        if plan.decision.action is Action.LEAF:
            return self._deliver_leaf(plan)
        record, issuer = self._recorded(plan)
        staple = None
        if plan.decision.action is Action.STAPLE and plan.request.staple:
            staple = self._sign_staple(record.certificate, issuer)
        return Delivery(plan, record.certificate, staple, _wire(plan, staple=staple))

    def _recorded(self, plan: LeafPlan) -> tuple[LeafRecord, IssuingAuthority]:
        """What the ledger knows of the deployed leaf, and its issuer."""
        issuer = self._authority.issuer_of(plan.record.issuer_sha256) if plan.record else None
        if plan.record is None or issuer is None:
            raise PkiError(f"{plan.request.name!r} is not a leaf of this authority: nothing can be signed for it.")
        return plan.record, issuer

    def _deliver_leaf(self, plan: LeafPlan) -> Delivery:
        request, issuer = plan.request, self._authority.issuing
        key = None if request.private_key == "host" else generate_key(request.key_type)
        public_key = key.public_key() if key else requested_key(plan.deployed.csr, request)
        validity = validity_from(self._now, self._days(request))
        certificate = sign_leaf(public_key, self._issuing_signer(), request.names, request.profile, validity)
        staple = self._sign_staple(certificate, issuer) if request.staple else None
        return Delivery(plan, certificate, staple, _wire(plan, certificate, issuer, key, staple))

    def _days(self, request: LeafRequest) -> int:
        return request.lifetime or self._authority.policy.lifetimes.leaf

    def _check_lifetime(self, days: int) -> None:
        end = self._authority.issuing.certificate.not_valid_after_utc
        if end < self._now + timedelta(days=days):
            raise AuthorityDueError(
                f"lifetime: the issuing authority ends on {end:%Y-%m-%d}, before a leaf of {days} days would. "
                "Run certificate_authority, which renews it."
            )

    def _sign_staple(self, certificate: x509.Certificate, issuer: IssuingAuthority) -> Staple:
        days = self._authority.policy.lifetimes.staple
        return sign_staple(certificate, issuer.certificate, self._responder_signer(issuer), days, self._now)

    def _issuing_signer(self) -> Signer:
        if self._issuing is None:
            issuing = self._authority.issuing
            self._issuing = Signer(issuing.certificate, issuing.key(self._passphrases.authority, "passphrase"))
        return self._issuing

    def _responder_signer(self, issuer: IssuingAuthority) -> Signer:
        responder = issuer.responder
        start, end = responder.certificate.not_valid_before_utc, responder.certificate.not_valid_after_utc
        # As the gate through which the staple goes has it.
        if not start - SKEW <= self._now < end - SKEW:
            raise AuthorityDueError(
                f"The OCSP responder is valid from {start:%Y-%m-%d} to {end:%Y-%m-%d} only, so that no staple can be "
                "signed. Run certificate_authority, which renews it."
            )
        if responder.sha256 not in self._responders:
            key = responder.key(self._passphrases.responder, "responder_passphrase")
            self._responders[responder.sha256] = Signer(responder.certificate, key)
        return self._responders[responder.sha256]


def requested_key(csr: str, request: LeafRequest) -> PublicKey:
    """The public key of a host's certificate signing request, the only thing that is taken from it.

    Raises PkiError where the request is not signed with that key, or the key is not of the wanted type.
    """
    if not csr:
        raise PkiError(f"The host sent no certificate signing request for {request.name!r}.")
    try:
        parsed = x509.load_pem_x509_csr(csr.encode())
        key, proved = parsed.public_key(), parsed.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, InvalidSignature, x509.InvalidVersion) as error:
        raise PkiError(f"The host's certificate signing request for {request.name!r} is not readable.") from error
    if not proved:
        raise PkiError(f"The host's certificate signing request for {request.name!r} is not signed with its own key.")
    if key_type_of(key) != request.key_type:
        raise PkiError(f"The host made a key for {request.name!r} that is not of the type {request.key_type.value}.")
    return key  # type: ignore[return-value]


def _wire(
    plan: LeafPlan,
    certificate: x509.Certificate | None = None,
    issuer: IssuingAuthority | None = None,
    key: PrivateKey | None = None,
    staple: Staple | None = None,
) -> dict[str, Any]:
    """One entry of the host half's ``certificates``."""
    passphrase = plan.request.pkcs12_passphrase if certificate else None
    bundle = b""
    if certificate and issuer and key and passphrase is not None:
        bundle = pkcs12.serialize_key_and_certificates(
            plan.request.name.encode(),
            key,
            certificate,
            [issuer.certificate],
            serialization.BestAvailableEncryption(passphrase.encode()),
        )
    return {
        "name": plan.request.name,
        "action": plan.decision.action.value,
        "expected_generation": plan.deployed.generation,
        "certificate": to_pem(certificate) if certificate else "",
        "chain": to_pem(issuer.certificate) if issuer else "",
        "private_key": encode_key(key).decode() if key else "",
        "staple": base64.b64encode(staple.der).decode() if staple else "",
        "pkcs12": base64.b64encode(bundle).decode(),
        "pkcs12_passphrase": passphrase if passphrase is not None and not key else "",
    }
