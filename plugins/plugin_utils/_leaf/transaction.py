# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transaction of a host's leaves: the host is inspected, a plan is made, what it needs is signed (for keys that the
host makes now where they are to be its own) and entered in the ledger, the host deploys it, and the ledger notes what
the host confirmed.

The host is reached by a function, so that whoever drives this decides how.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation, DeployedLeaf, Inspection
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import Deployment, WantedKey
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace, LeafRecord
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.renewal import responder_warnings
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.adoption import enter_found, found_leaves
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.confirmation import confirm
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.host import (
    CallHost,
    deploy,
    inspect,
    request_keys,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.issuance import (
    SignedLeaf,
    issue,
    leaf_urls,
    preflight,
    staple_issuers,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import (
    Action,
    Decision,
    LeafPlan,
    OtherLeaf,
    decide,
    inquiry,
    planned,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import LeafRequest, check_external_names
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.published import check_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.urls import Urls


@dataclass(frozen=True)
class LeafTransaction:
    """The leaves of one host at one time, and how a server there uses them, None for no server to be notified.

    Without ``issues``, no new leaf is issued, and neither the root's key nor the issuing one is needed. ``folder`` is
    where lists are published, None for nowhere. Each method may raise PkiError, HostFailedError where the host failed.
    """

    authority: Authority
    passphrases: Passphrases
    ledger: Ledger
    call: CallHost
    activation: Activation | None
    now: datetime
    issues: bool = True
    folder: Path | None = None

    def plan(self, requests: Sequence[LeafRequest], places: Sequence[LeafPlace]) -> tuple[list[LeafPlan], Inspection]:
        """Ask the host what it has and serves, in one call, and decide about each leaf. Raises PkiError for names that
        the root of another authority does not permit."""
        if self.issues:
            check_external_names(requests, self.authority)
        current = [self.ledger.current_leaf(place) for place in places]
        inspection = inspect(
            self.call,
            [
                inquiry(request, leaf, self.authority, self.now, self.issues)
                for request, leaf in zip(requests, current, strict=True)
            ],
            self.activation,
        )
        deployed = inspection.certificates
        records = [self.ledger.leaf(place, leaf.leaf_sha256) for place, leaf in zip(places, deployed, strict=True)]
        found = found_leaves(requests, deployed, records, self.call, self.authority, self.ledger)
        records = [found.get(leaf.name, record) for leaf, record in zip(deployed, records, strict=True)]
        plans = [
            planned(request, leaf, known, self._decide(request, leaf, known, place), place, leaf.name in found)
            for request, leaf, known, place in zip(requests, deployed, records, places, strict=True)
        ]
        return plans, inspection

    def _decide(
        self, request: LeafRequest, deployed: DeployedLeaf, record: LeafRecord | None, place: LeafPlace
    ) -> Decision:
        block = self.ledger.revocations.block(place)
        return decide(request, deployed, record, self.authority, self.now, self.issues, block)

    def preflight(self, plans: Sequence[LeafPlan]) -> None:
        """Check that all that ``plans`` need could be signed, and sign nothing.

        Raises AuthorityDueError for what certificate_authority renews.
        """
        self._check_ledger(plans)
        preflight(plans, self.authority, self.passphrases, self.ledger, self.now)

    def warnings(self, plans: Sequence[LeafPlan]) -> list[str]:
        """What to say of the responders that sign what ``plans`` need, and of URLs that new leaves do without."""
        issuers, policy = staple_issuers(plans, self.authority), self.authority.policy
        warnings = responder_warnings(issuers, policy.lifetimes, self.now)
        warnings += [_found_warning(plan) for plan in plans if plan.is_found]
        issues = any(plan.decision.action is Action.LEAF for plan in plans)
        if issues and policy.urls:
            warnings += url_warnings(self.authority, leaf_urls(self.authority, self.ledger, self.now))
        return warnings

    def carry_out(self, plans: Sequence[LeafPlan]) -> tuple[list[SignedLeaf], Deployment | None]:
        """Sign and deploy what ``plans`` need, in one call, which is left out where that is nothing; in two where the
        host makes keys.

        What is signed is in the ledger before it leaves the controller; it counts as deployed once the host says so.
        """
        return self._deliver([plan for plan in plans if plan.decision.action is not Action.ACTIVATE])

    def activate_again(self, plans: Sequence[LeafPlan]) -> tuple[list[SignedLeaf], Deployment | None]:
        """Have servers use what is deployed, where that alone is to be done. In a call of its own: a server that does
        not come back must not roll back the other leaves of the task."""
        return self._deliver([plan for plan in plans if plan.decision.action is Action.ACTIVATE])

    def _deliver(self, plans: Sequence[LeafPlan]) -> tuple[list[SignedLeaf], Deployment | None]:
        self._check_ledger(plans)
        enter_found(plans, self.ledger)
        signed = issue(plans, self.authority, self.passphrases, self.ledger, self.now, self._request_keys)
        deployment = deploy(self.call, [leaf.delivery for leaf in signed], self.activation) if signed else None
        confirm(plans, signed, self.ledger, self.now)
        return signed, deployment

    def _check_ledger(self, plans: Sequence[LeafPlan]) -> None:
        """Raise PkiError where ``plans`` need something signed, and lists are published that the ledger is older than:
        it may take for good what is revoked."""
        if any(map(_needs_signature, plans)):
            check_ledger(self.folder, self.authority, self.ledger, self.now)

    def _request_keys(self, plans: Sequence[LeafPlan]) -> dict[str, str]:
        wanted = [WantedKey(plan.request.name, plan.request.key_type.value) for plan in plans]
        return request_keys(self.call, wanted)

    def others(self, names: Sequence[str], host: str, destination: str) -> list[OtherLeaf]:
        """The leaves of the host that the task does not name: those of the destination by their ``names``, and those
        that the ledger knows in other folders."""
        known = self.ledger.places(host)
        elsewhere = [place for place in known if place.destination != destination]
        here = [LeafPlace(host, destination, name) for name in names]
        return [OtherLeaf(place, place in known) for place in [*here, *elsewhere]]


def url_warnings(authority: Authority, urls: Urls) -> list[str]:
    """What to say of the ``urls`` of new leaves, where they are not those of the policy."""
    issuer = f"of issuing authority {authority.issuing.number}"
    if urls == authority.policy.urls:
        return []
    if not urls:
        reason = f"no URLs, though the policy does: nothing {issuer} was published there yet"
    else:
        reason = f"no OCSP URL, though the policy does: no valid responses {issuer} are published"
    return [f"New leaves name {reason}. Run certificate_revocation with publish, and the OCSP responder's key."]


def _found_warning(plan: LeafPlan) -> str:
    serial = plan.record.certificate.serial_number if plan.record else 0
    return (
        f"{plan.place.path} on {plan.place.host} has the leaf {serial:x} of this authority, which the ledger lost by a "
        "restore. It is entered again, and stays."
    )


def _needs_signature(plan: LeafPlan) -> bool:
    action = plan.decision.action
    return action is Action.LEAF or (action is Action.STAPLE and plan.request.staple)
