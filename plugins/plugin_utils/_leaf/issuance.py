# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From decisions to bytes: leaves and staples signed, shaped as the host takes them, and entered in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import Delivery
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    Authority,
    IssuingAuthority,
    fingerprint,
    to_pem,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafRecord
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import (
    InvalidSignature,
    UnsupportedAlgorithm,
    pkcs12,
    serialization,
    x509,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import AuthorityDueError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import Action, LeafPlan, is_revoked
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import LeafRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signing import StapleRequest, sign_staples
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.verification import Staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    NO_URLS,
    Signer,
    key_identifier,
    sign_leaf,
    validity_from,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import (
    PrivateKey,
    PublicKey,
    encode_key,
    generate_key,
    key_type_of,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.urls import Urls

#: Has the host make the keys that these plans need: its certificate requests, by the name of the leaf.
RequestKeys = Callable[[Sequence[LeafPlan]], Mapping[str, str]]


@dataclass(frozen=True)
class SignedLeaf:
    """One leaf on its way to a host. ``delivery`` is what the host gets; it may hold a private key."""

    plan: LeafPlan
    certificate: x509.Certificate
    staple: Staple | None
    delivery: Delivery

    @property
    def shown(self) -> tuple[str, str]:
        """The digests of the certificate and of the staple that a server shows once this is deployed."""
        if self.plan.decision.action in (Action.REPAIR, Action.ACTIVATE):
            return self.plan.deployed.leaf_sha256, self.plan.deployed.staple_sha256
        return fingerprint(self.certificate), self.staple.sha256 if self.staple else ""


def issue(
    plans: Sequence[LeafPlan],
    authority: Authority,
    passphrases: Passphrases,
    ledger: Ledger,
    now: datetime,
    request_keys: RequestKeys | None = None,
) -> list[SignedLeaf]:
    """Sign what ``plans`` need and enter it in ``ledger``, in one transaction, before any of it leaves the controller.

    The host is asked for its keys once nothing else is in the way. Raises PkiError, nothing entered.
    """
    _check_issuer(plans, authority, ledger)
    issuer = _Issuer(authority, passphrases, now, leaf_urls(authority, ledger, now))
    for plan in plans:
        issuer.check(plan)
    needed = [plan for plan in plans if plan.needs_host_key]
    requests = request_keys(needed) if request_keys and needed else {}
    signed = issuer.sign([plan for plan in plans if plan.decision.action is not Action.NONE], requests)
    # After the signing: no other run waits for the ledger while RSA keys are made here.
    with ledger.transaction():
        for leaf in signed:
            _enter(leaf, authority, ledger)
        if signed:
            ledger.forget_staples(now)
    return signed


def preflight(
    plans: Sequence[LeafPlan], authority: Authority, passphrases: Passphrases, ledger: Ledger, now: datetime
) -> None:
    """Do for check mode what :func:`issue` does before it signs. Raises PkiError, AuthorityDueError where that is
    something that certificate_authority renews."""
    _check_issuer(plans, authority, ledger)
    issuer = _Issuer(authority, passphrases, now)
    for plan in plans:
        issuer.check(plan)


def leaf_urls(authority: Authority, ledger: Ledger, now: datetime) -> Urls:
    """The URLs of new leaves: those of the policy, once something is published there by their issuer; that of OCSP only
    while responses are."""
    issuer, urls = authority.issuing, authority.policy.urls
    published = ledger.revocations.published_list(key_identifier(issuer.certificate))
    if published is None or published.published_at is None:
        return NO_URLS
    if urls.ocsp and not ledger.revocations.is_answered(issuer.sha256, published.published_at, now):
        return replace(urls, ocsp="")
    return urls


def staple_issuers(plans: Sequence[LeafPlan], authority: Authority) -> list[IssuingAuthority]:
    """The issuing authorities under which ``plans`` have staples signed."""
    signed: set[str] = set()
    for plan in plans:
        if plan.request.staple and plan.decision.action is Action.LEAF:
            signed.add(authority.issuing.sha256)
        elif plan.request.staple and plan.decision.action is Action.STAPLE and plan.record:
            signed.add(plan.record.issuer_sha256)
    return [issuer for issuer in authority.issuers if issuer.sha256 in signed]


def _enter(leaf: SignedLeaf, authority: Authority, ledger: Ledger) -> None:
    """Enter what was signed. Raises PkiError where the leaf or its issuer was revoked since its plan was made, as what
    would be delivered says that it is good."""
    request, former, is_new = leaf.plan.request, leaf.plan.record, leaf.plan.decision.action is Action.LEAF
    sha256 = former.sha256 if former and not is_new else fingerprint(leaf.certificate)
    if is_new:
        _check_issuable(leaf.plan, authority, ledger)
        names = [str(name) for name in request.names]
        ledger.record_leaf(leaf.certificate, authority.issuing.sha256, leaf.plan.place, names, request.private_key)
    elif ledger.revocations.is_revoked(sha256) and not is_revoked(former):
        raise PkiError(
            f"{request.name!r} or its issuer was revoked while this task ran. Nothing was deployed; run the task "
            "again, which issues another leaf."
        )
    if leaf.staple is not None:
        ledger.record_staple(leaf.staple, sha256)


def _check_issuable(plan: LeafPlan, authority: Authority, ledger: Ledger) -> None:
    """Raise PkiError where since the plan was made its place was to have no leaf, or its issuer was revoked."""
    if ledger.revocations.block(plan.place) is not None:
        raise PkiError(
            f"{plan.request.name!r} was revoked while this task ran, and is not to be reissued. Nothing was deployed."
        )
    _check_issuer([plan], authority, ledger)


def _check_issuer(plans: Sequence[LeafPlan], authority: Authority, ledger: Ledger) -> None:
    """Raise AuthorityDueError where ``plans`` need leaves, and the certificate that would sign them is revoked."""
    if any(plan.decision.action is Action.LEAF for plan in plans):
        check_issuing(authority, ledger)


def check_issuing(authority: Authority, ledger: Ledger) -> None:
    """Raise AuthorityDueError where the certificate that would sign leaves is revoked."""
    if ledger.revocations.is_revoked(authority.issuing.sha256):
        raise AuthorityDueError(f"The issuing authority is revoked. {authority.remedy}")


def check_end(authority: Authority, days: int, now: datetime) -> None:
    """Raise AuthorityDueError where a leaf of so many days would outlive the certificate that would sign it."""
    end = authority.issuing.certificate.not_valid_after_utc
    if end < now + timedelta(days=days):
        raise AuthorityDueError(
            f"lifetime: the issuing authority ends on {end:%Y-%m-%d}, before a leaf of {days} days would. "
            f"{authority.remedy}"
        )


def issuing_signer(authority: Authority, passphrases: Passphrases) -> Signer:
    """The issuing authority, whose key is unlocked for that. Raises PkiError."""
    issuing = authority.issuing
    return Signer(issuing.certificate, issuing.key(passphrases.authority, "passphrase", passphrases.tokens))


class _Issuer:
    """An authority whose keys are unlocked when they are first needed, and only those that are."""

    def __init__(self, authority: Authority, passphrases: Passphrases, now: datetime, urls: Urls = NO_URLS) -> None:
        self._authority = authority
        self._urls = urls
        self._passphrases = passphrases
        self._now = now
        self._responders: dict[str, Signer] = {}
        self._issuing: Signer | None = None

    def check(self, plan: LeafPlan) -> None:
        """Raise PkiError where what ``plan`` needs cannot be signed; unlocks the keys for it."""
        action = plan.decision.action
        if action is Action.LEAF:
            check_end(self._authority, self._days(plan.request), self._now)
            self._issuing_signer()
        if action in (Action.LEAF, Action.STAPLE) and plan.request.staple:
            self._responder_signer(self._authority.issuing if action is Action.LEAF else self._recorded(plan)[1])

    def sign(self, plans: Sequence[LeafPlan], key_requests: Mapping[str, str]) -> list[SignedLeaf]:
        """Sign what ``plans`` need, which were checked. Raises PkiError."""
        leaves = [self._leaf(plan, key_requests.get(plan.request.name, "")) for plan in plans]
        requests = [self._staple_request(leaf) for leaf in leaves]
        staples = iter(sign_staples([request for request in requests if request], self._now))
        return [
            _stapled(leaf, next(staples)) if request else leaf for leaf, request in zip(leaves, requests, strict=True)
        ]

    def _leaf(self, plan: LeafPlan, csr: str) -> SignedLeaf:
        """The leaf of a plan, still without a staple. ``csr`` is the host's request where it makes the key."""
        if plan.decision.action is Action.LEAF:
            return self._sign_leaf(plan, csr)
        return SignedLeaf(plan, self._recorded(plan)[0].certificate, None, _delivery(plan))

    def _staple_request(self, leaf: SignedLeaf) -> StapleRequest | None:
        """What is to be signed for a leaf, if anything."""
        plan, installed = leaf.plan, None
        if not plan.request.staple or plan.decision.action not in (Action.LEAF, Action.STAPLE):
            return None
        issuer = self._authority.issuing
        if plan.decision.action is Action.STAPLE:
            record, issuer = self._recorded(plan)
            installed = self._installed(plan, record)
        days, responder = self._authority.policy.lifetimes.staple, self._responder_signer(issuer)
        return StapleRequest(leaf.certificate, issuer.certificate, responder, days, installed)

    def _installed(self, plan: LeafPlan, record: LeafRecord) -> datetime | None:
        """The thisUpdate of the staple on the host. One of the future, by a clock that was ahead, gives way to any."""
        staple = record.staple(plan.deployed.staple_sha256)
        return staple.this_update if staple and staple.this_update <= self._now else None

    def _recorded(self, plan: LeafPlan) -> tuple[LeafRecord, IssuingAuthority]:
        """What the ledger knows of the deployed leaf, and its issuer."""
        issuer = self._authority.issuer_of(plan.record.issuer_sha256) if plan.record else None
        if plan.record is None or issuer is None:
            raise PkiError(f"{plan.request.name!r} is not a leaf of this authority: nothing can be signed for it.")
        return plan.record, issuer

    def _sign_leaf(self, plan: LeafPlan, csr: str) -> SignedLeaf:
        request, issuer = plan.request, self._authority.issuing
        key = None if request.private_key == "host" else generate_key(request.key_type)
        public_key = key.public_key() if key else requested_key(csr, request)
        validity = validity_from(self._now, self._days(request))
        certificate = sign_leaf(
            public_key,
            self._issuing_signer(),
            request.names,
            request.profile,
            validity,
            request.must_staple,
            self._urls,
        )
        chain = self._authority.chain(issuer, certificate)
        return SignedLeaf(plan, certificate, None, _with_leaf(_delivery(plan), request, certificate, chain, key))

    def _days(self, request: LeafRequest) -> int:
        return request.lifetime or self._authority.policy.lifetimes.leaf

    def _issuing_signer(self) -> Signer:
        if self._issuing is None:
            self._issuing = issuing_signer(self._authority, self._passphrases)
        return self._issuing

    def _responder_signer(self, issuer: IssuingAuthority) -> Signer:
        responder = issuer.responder_at(self._now)
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


def _delivery(plan: LeafPlan) -> Delivery:
    """What the host gets of a plan, but for a new leaf and a staple."""
    return Delivery(
        name=plan.request.name,
        action=(Action.REPAIR if plan.decision.action is Action.ACTIVATE else plan.decision.action).value,
        expected_generation=plan.deployed.generation,
    )


def _stapled(leaf: SignedLeaf, staple: Staple) -> SignedLeaf:
    return SignedLeaf(leaf.plan, leaf.certificate, staple, replace(leaf.delivery, staple=staple.der))


def _with_leaf(
    delivery: Delivery,
    request: LeafRequest,
    certificate: x509.Certificate,
    chain: Sequence[x509.Certificate],
    key: PrivateKey | None,
) -> Delivery:
    """``delivery`` with a new leaf and its chain. Without ``key``, the host has it, and builds the PKCS#12 bundle
    itself."""
    passphrase = request.pkcs12_passphrase
    bundle = b""
    if key and passphrase is not None:
        bundle = pkcs12.serialize_key_and_certificates(
            request.name.encode(),
            key,  # type: ignore[arg-type]  # of ML-DSA, the request was refused
            certificate,
            chain,
            serialization.BestAvailableEncryption(passphrase.encode()),
        )
    return replace(
        delivery,
        certificate=to_pem(certificate),
        chain="".join(map(to_pem, chain)),
        private_key=encode_key(key).decode() if key else "",
        pkcs12=bundle,
        pkcs12_passphrase="" if key or passphrase is None else passphrase,
    )
