# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A request that somebody brings, signed: what is wanted is held against the ledger, signed and entered there before
anybody gets it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import REQUESTER, RequestedLeaf
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.issuance import (
    check_end,
    check_issuing,
    issuing_signer,
    leaf_urls,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import check_external_names
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.transaction import url_warnings
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.published import check_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._undeployed.plan import check_key, signing_reason
from ansible_collections.anchorage.pki.plugins.plugin_utils._undeployed.request import (
    SigningRequest,
    difference_warnings,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import sign_leaf, validity_from
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import public_der
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.urls import Urls


@dataclass(frozen=True)
class SigningPlan:
    """A request, the last leaf that was signed for it, None for none, and why another one is, an empty string where
    that is not so."""

    request: SigningRequest
    leaf: RequestedLeaf | None
    reason: str


@dataclass(frozen=True)
class SigningTransaction:
    """A request at one time; ``published`` is where lists are, None for nowhere. Each method may raise
    PkiError."""

    authority: Authority
    passphrases: Passphrases
    ledger: Ledger
    now: datetime
    published: Path | None = None

    def plan(self, request: SigningRequest) -> SigningPlan:
        """Decide about a request. Raises PkiError where it must not be signed."""
        leaf = next((leaf for leaf in self.ledger.undeployed.requested() if leaf.name == request.name), None)
        reason = signing_reason(request, leaf, self.authority, self.now)
        if reason:
            check_external_names([request], self.authority)
            self._check(request)
        else:  # another leaf with its key may have been revoked since
            self._check_key(request, compromised=True)
        return SigningPlan(request, leaf, reason)

    def warnings(self, plan: SigningPlan) -> list[str]:
        """What to say of a leaf that is signed."""
        if not plan.reason:
            return []
        return [*difference_warnings(plan.request), *url_warnings(self.authority, self._urls)]

    def preflight(self, plan: SigningPlan) -> None:
        """Check that what ``plan`` needs could be signed, and sign nothing. Raises AuthorityDueError for what
        certificate_authority renews."""
        if plan.reason:
            check_ledger(self.published, self.authority, self.ledger, self.now)
            check_issuing(self.authority, self.ledger)
            check_end(self.authority, self._days(plan.request), self.now)
            issuing_signer(self.authority, self.passphrases)

    def carry_out(self, plan: SigningPlan) -> x509.Certificate:
        """The leaf of a plan that has a reason, signed and entered; the one before it is superseded."""
        self.preflight(plan)
        request = plan.request
        certificate = sign_leaf(
            request.brought.public_key,
            issuing_signer(self.authority, self.passphrases),
            request.names,
            request.profile,
            validity_from(self.now, self._days(request)),
            urls=self._urls,
        )
        with self.ledger.transaction():
            if self.plan(request) != plan:
                raise PkiError(
                    f"name: another run signed a request for {request.name!r} meanwhile. Run the task again."
                )
            check_issuing(self.authority, self.ledger)
            self.ledger.mark_removed(request.place)
            names = [str(name) for name in request.names]
            self.ledger.record_leaf(certificate, self.authority.issuing.sha256, request.place, names, REQUESTER)
        return certificate

    def _check(self, request: SigningRequest) -> None:
        """Raise PkiError for a name that is to have no leaf, and a key that is to have none or has one."""
        block = self.ledger.revocations.block(request.place)
        if block is not None:
            raise PkiError(
                f"name: the leaf {request.name!r} was revoked on {block.revoked_at:%Y-%m-%d} ({block.reason}), not to "
                "be reissued. To allow another one, name it to certificate_revocation with reissue: true."
            )
        self._check_key(request)

    def _check_key(self, request: SigningRequest, compromised: bool = False) -> None:
        """Raise PkiError for a key that is to have no leaf; with ``compromised`` for no other reason than that."""
        holders = self.ledger.undeployed.holders_of(public_der(request.brought.public_key), compromised)
        check_key(request, holders, self.now)

    def _days(self, request: SigningRequest) -> int:
        return request.lifetime or self.authority.policy.lifetimes.leaf

    @property
    def _urls(self) -> Urls:
        return leaf_urls(self.authority, self.ledger, self.now)
