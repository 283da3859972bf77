# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Staples for certificates of other authorities in words: the results and the diffs of ocsp_staple."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.messages import (
    DeployedStapleGeneration,
    StapleDeployment,
    StapleInspection,
)
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import encode
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import timestamp, with_warnings
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.results import diff_headers, together
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.verification import Staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.plan import Action, StaplePlan
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import requires_staple

# What a server reads stays as it is.
UNCHANGED = (Action.NONE, Action.NOTE)
# What puts another generation in the place of the deployed one, and with it the mark of a withdrawal.
NEW_GENERATION = (Action.STAPLE, Action.UNSTAPLE)
REPLACED = "the certificate was replaced while the task ran: run it again"


def planned_result(plans: Sequence[StaplePlan], inspection: StapleInspection, destination: str) -> dict[str, Any]:
    """The result of a task that changes nothing yet, or in check mode would change what it says, what the
    ``inspection`` saw of servers, and which other staples the host has."""
    certificates = [_plan_result(plan, destination, inspection.withdrawal) for plan in plans]
    result = {
        "changed": any(certificate["changed"] for certificate in certificates),
        "certificates": certificates,
        "activation": encode(inspection.activation),
        "others": [posixpath.join(destination, name) for name in inspection.others],
    }
    return with_warnings(result, inspection.notices)


def deployed_result(
    planned: Mapping[str, Any], plans: Sequence[StaplePlan], deployment: StapleDeployment | None
) -> dict[str, Any]:
    """The result of a task whose host confirmed the ``deployment`` of ``plans``, None for nothing, of all that was
    ``planned``."""
    if deployment is None:
        return dict(planned)
    confirmed = {each.name: each for each in deployment.certificates}
    changed = [
        {**entry, **_confirmed(confirmed[entry["name"]]), "withdrawal": deployment.withdrawal}
        if entry["name"] in confirmed
        else entry
        for entry in planned["certificates"]
    ]
    replaced = [
        f"{plan.request.name}: {REPLACED}. It has no staple until then."
        for plan in plans
        if confirmed[plan.request.name].replaced
    ]
    return {
        **with_warnings(planned, [*deployment.notices, *replaced]),
        "certificates": changed,
        "activation": together(planned["activation"], encode(deployment.activation)),
    }


def _confirmed(generation: DeployedStapleGeneration) -> dict[str, Any]:
    """What the host's confirmation changes in an entry."""
    without = {"reason": REPLACED, "status": "none", "staple": None} if generation.replaced else {}
    return {"generation": generation.generation, **without}


def _plan_result(plan: StaplePlan, destination: str, withdrawal: str) -> dict[str, Any]:
    """What a task says of a certificate on a host that has this ``withdrawal`` of staples."""
    decision, subject = plan.decision, plan.subject
    again = datetime.fromtimestamp(decision.attempts.next_attempt, timezone.utc)
    return {
        "name": plan.request.name,
        "action": decision.action.value,
        "reason": decision.reason,
        "changed": decision.action not in UNCHANGED,
        "path": posixpath.join(destination, plan.request.name),
        "certificate": plan.request.certificate,
        "generation": plan.deployed.generation,
        "status": _status(plan),
        "fingerprint": subject.sha256 if subject else "",
        "not_after": timestamp(subject.leaf.not_valid_after_utc) if subject else "",
        "url": subject.urls[0] if subject and subject.urls else "",
        "staple": _staple_result(decision.staple),
        **asdict(decision.attempts),
        "next_attempt": timestamp(again) if decision.attempts.next_attempt else "",
        "withdrawal": withdrawal,
    }


def _status(plan: StaplePlan) -> str:
    """What a server shows once the plan is carried out."""
    decision = plan.decision
    if decision.staple:
        return "good"
    if decision.attempts.revoked:
        return "revoked"
    stays = decision.asks or decision.action not in NEW_GENERATION
    return "withdrawn" if plan.deployed.withdrawn and stays else "none"


def _staple_result(staple: Staple | None) -> dict[str, str] | None:
    times = ("this_update", "next_update", "renew_at")
    return {time: timestamp(getattr(staple, time)) for time in times} if staple else None


def problems(plans: Sequence[StaplePlan]) -> list[str]:
    """What check mode says of certificates for which the run would fail."""
    return [
        f"The run will fail unless an earlier task puts that right: {plan.decision.reason}"
        for plan in plans
        if plan.subject is None
    ]


def failure_warnings(before: Sequence[StaplePlan], after: Sequence[StaplePlan], host: str) -> list[str]:
    """What has to be known of responses that were asked for ``before`` and not got, and of certificates that clients
    refuse without a staple."""
    failed = [
        f"{plan.request.name} on {host} got no new staple: {plan.decision.attempts.failure}. {_consequence(plan)}"
        for asked, plan in zip(before, after, strict=True)
        if asked.decision.asks and plan.decision.attempts.failure and not plan.decision.attempts.revoked
    ]
    bare = [
        f"{plan.request.name} on {host} has no staple, and says that clients are to refuse it without one "
        "(must-staple)."
        for plan in after
        if plan.subject and not plan.decision.staple and requires_staple(plan.subject.leaf)
    ]
    return [*failed, *bare]


def _consequence(plan: StaplePlan) -> str:
    if plan.decision.staple is None:
        return "It has none now."
    return f"The one that it has stays, until {plan.decision.staple.next_update:%Y-%m-%d %H:%M} UTC."


def revocation_failure(plans: Sequence[StaplePlan]) -> dict[str, Any]:
    """What a result of a task has besides where authorities have revoked certificates, nothing where none has."""
    revoked = [
        f"{plan.request.name} ({plan.request.certificate}): {plan.decision.attempts.failure}."
        for plan in plans
        if plan.decision.attempts.revoked
    ]
    if not revoked:
        return {}
    remedy = "No staple is served with it any more. Replace the certificate and its key."
    return {"failed": True, "msg": " ".join([*revoked, remedy])}


def staple_diff(plans: Sequence[StaplePlan], destination: str) -> dict[str, str]:
    """The staples of a task before and after, a line each. In check mode, the responders that are to be asked are
    taken to answer."""
    return {
        **diff_headers("staples", destination),
        "before": "".join(f"{plan.request.name}: {_before(plan)}\n" for plan in plans),
        "after": "".join(f"{plan.request.name}: {_after(plan)}\n" for plan in plans),
    }


def _before(plan: StaplePlan) -> str:
    deployed = plan.deployed
    if deployed.generation == 0:
        return "nothing"
    stapled = "a staple" if deployed.staple else "no staple"
    if deployed.withdrawn:
        stapled = f"its staple withdrawn at {deployed.withdrawn}"
    return f"generation {deployed.generation} for certificate {deployed.leaf_sha256[:16]}, {stapled}"


def _after(plan: StaplePlan) -> str:
    decision = plan.decision
    if decision.action in UNCHANGED or plan.subject is None:
        return _before(plan)
    if decision.action in (Action.REPAIR, Action.ACTIVATE):
        done = "repaired" if decision.action is Action.REPAIR else "activated again"
        return f"{_before(plan)}, {done} ({decision.reason})"
    stapled = "a new staple" if decision.asks or decision.staple else "no staple"
    generation = f"generation {plan.deployed.generation + 1} for certificate {plan.subject.sha256[:16]}"
    return f"{generation}, {stapled} ({decision.reason})"
