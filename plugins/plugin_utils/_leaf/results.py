# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leaves in words: the results and the diffs of leaf_certificate."""

from __future__ import annotations

import posixpath
from collections.abc import Container, Mapping, Sequence
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import NOT_NEEDED, Inspection
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import Deployment, Removal
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.servers import SERVERS
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import encode
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import (
    certificate_result,
    key_type_warnings,
    timestamp,
    with_warnings,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.issuance import SignedLeaf
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import Action, LeafPlan, OtherLeaf
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import LeafRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import names_of, shown


def planned_result(plans: Sequence[LeafPlan], inspection: Inspection, others: Sequence[OtherLeaf]) -> dict[str, Any]:
    """The result of a task that changes nothing, or in check mode would change what it says, what the ``inspection``
    saw of servers, and which other leaves the host has."""
    certificates = [plan_result(plan, inspection.withdrawal) for plan in plans]
    result: dict[str, Any] = {
        "changed": any(certificate["changed"] for certificate in certificates),
        "certificates": certificates,
        "activation": encode(inspection.activation),
        "others": [{"path": other.place.path, "known": other.known} for other in others],
    }
    rare = key_type_warnings(plan.request.key_type for plan in plans)
    return with_warnings(result, [*inspection.notices, *rare, *_withheld_warnings(plans)])


def _withheld_warnings(plans: Sequence[LeafPlan]) -> list[str]:
    """What a task that issues no leaf has to say of those that are needed."""
    return [
        f"{plan.request.name} on {plan.place.host} needs another leaf, and this task issues none: "
        f"{plan.decision.withheld}. Run the playbook anchorage.pki.issue."
        for plan in plans
        if plan.decision.withheld
    ] + [
        f"{plan.request.name} on {plan.place.host} gets no leaf: {plan.decision.blocked}. A task of "
        "certificate_revocation with reissue=true lifts that."
        for plan in plans
        if plan.decision.blocked
    ]


def staple_warnings(requests: Sequence[LeafRequest], server: str) -> list[str]:
    """What a task has to be warned of whose staples no client would see."""
    if not SERVERS[server].fetches_staples or not any(request.staple for request in requests):
        return []
    return [
        f"server is {server}, which staples only what it fetches from the OCSP URL in a certificate, and these have "
        "none: nothing is stapled. Set staple to false if that is as it should be."
    ]


def deployed_result(
    planned: Mapping[str, Any], signed: Sequence[SignedLeaf], deployment: Deployment | None
) -> dict[str, Any]:
    """The result of a task whose host confirmed the ``deployment`` of what was ``planned``, None for nothing."""
    if deployment is None:
        return dict(planned)
    changed = {
        leaf.plan.request.name: signed_result(leaf, confirmed.generation, deployment.withdrawal)
        for leaf, confirmed in zip(signed, deployment.certificates, strict=True)
    }
    return {
        **with_warnings(planned, deployment.notices),
        "certificates": [changed.get(entry["name"], entry) for entry in planned["certificates"]],
        "activation": together(planned["activation"], encode(deployment.activation)),
    }


def failed_result(planned: Mapping[str, Any], done: Container[str], failure: Mapping[str, Any]) -> dict[str, Any]:
    """The result of a task whose host failed: it confirmed those that are ``done`` before, by their names, and all else
    is as it was."""
    certificates = [
        {**entry, "changed": entry["changed"] and entry["name"] in done} for entry in planned["certificates"]
    ]
    return {**failure, "changed": any(entry["changed"] for entry in certificates), "certificates": certificates}


def together(former: Mapping[str, Any], latter: Mapping[str, Any]) -> dict[str, Any]:
    """What two looks at servers saw; of the same place, the latter."""
    every = [*former["probes"], *latter["probes"]]
    probes = {(probe["certificate"], probe["address"], probe["port"]): probe for probe in every}
    done = {key: former[key] or latter[key] for key in ("tested", "reloaded")}
    return {**done, "probes": list(probes.values())}


def plan_result(plan: LeafPlan, withdrawal: str) -> dict[str, Any]:
    """What a task says of a leaf that it left alone, or in check mode would change, on a host that has this
    ``withdrawal`` of staples."""
    result = {
        "name": plan.request.name,
        "action": plan.decision.action.value,
        "reason": plan.decision.reason,
        "changed": plan.decision.action is not Action.NONE,
        "path": plan.place.path,
        "names": [str(name) for name in plan.request.names],
        "withheld": plan.decision.withheld or None,
        "generation": plan.deployed.generation,
        "withdrawal": withdrawal if plan.request.staple and not plan.request.must_staple else NOT_NEEDED,
    }
    if plan.record is None:
        return result
    staple = plan.record.staple(plan.deployed.staple_sha256)
    return {**result, **_certificate_result(plan.record.certificate, staple)}


def signed_result(leaf: SignedLeaf, generation: int, withdrawal: str) -> dict[str, Any]:
    """What a task says of a leaf that it changed, now in ``generation`` on a host with this ``withdrawal``."""
    staple: Any = leaf.staple
    kept = leaf.plan.decision.action in (Action.REPAIR, Action.ACTIVATE)
    if staple is None and kept and leaf.plan.record:
        staple = leaf.plan.record.staple(leaf.plan.deployed.staple_sha256)
    result = plan_result(leaf.plan, withdrawal)
    return {**result, "generation": generation, **_certificate_result(leaf.certificate, staple)}


def removal_result(removal: Removal, destination: str, kept: Sequence[str] = ()) -> dict[str, Any]:
    """What a task says of leaves that have to be absent; those that were ``kept`` are another authority's."""
    reasons = {leaf.name: "it was there" if leaf.removed else "nothing was there" for leaf in removal.certificates}
    removed = {leaf.name for leaf in removal.certificates if leaf.removed}
    reasons |= dict.fromkeys(kept, "a leaf of another authority has taken its place, and stays")
    result = {
        "changed": bool(removed),
        "certificates": [
            {
                "name": name,
                "action": "remove" if name in removed else Action.NONE.value,
                "reason": reason,
                "changed": name in removed,
                "path": posixpath.join(destination, name),
            }
            for name, reason in reasons.items()
        ],
    }
    told = [
        f"{posixpath.join(destination, name)} has a leaf of another authority, which took the place of this one's, and "
        "stays."
        for name in kept
    ]
    return with_warnings(result, [*removal.notices, *told])


def removal_diff(removal: Removal, headers: Mapping[str, str]) -> dict[str, str]:
    """What such a task removes before and after, a line each, below these headers."""
    return {
        **headers,
        "before": "".join(
            f"{leaf.name}: {'deployed' if leaf.removed else 'nothing'}\n" for leaf in removal.certificates
        ),
        "after": "".join(f"{leaf.name}: nothing\n" for leaf in removal.certificates),
    }


def leaf_diff(plans: Sequence[LeafPlan], destination: str) -> dict[str, str]:
    """The leaves of a task before and after, a line each; the same in check mode as in the run itself."""
    return {
        **diff_headers("leaf certificates", destination),
        "before": "".join(f"{plan.request.name}: {_before(plan)}\n" for plan in plans),
        "after": "".join(f"{plan.request.name}: {_after(plan)}\n" for plan in plans),
    }


def diff_headers(kind: str, destination: str) -> dict[str, str]:
    """What stands above the lines of a diff about what is kept in ``destination``."""
    header = f"{kind} in {destination}"
    return {"before_header": header, "after_header": header}


def _certificate_result(certificate: x509.Certificate, staple: Any) -> dict[str, Any]:
    times = None
    if staple is not None:
        times = {"this_update": timestamp(staple.this_update), "next_update": timestamp(staple.next_update)}
    return {**certificate_result(certificate, fingerprint(certificate)), "staple": times}


def _before(plan: LeafPlan) -> str:
    if plan.deployed.generation == 0:
        return "nothing"
    if plan.deployed.damage:
        return f"generation {plan.deployed.generation}, damaged"
    if plan.record is None:
        return f"generation {plan.deployed.generation}, a leaf that the ledger does not know"
    certificate = plan.record.certificate
    names = ", ".join(str(name) for name in names_of(certificate))
    staple = plan.record.staple(plan.deployed.staple_sha256)
    stapled = f"staple until {timestamp(staple.next_update)}" if staple else "no staple of this authority"
    if plan.deployed.withdrawn:
        stapled = f"staple withdrawn at {plan.deployed.withdrawn}"
    return (
        f"generation {plan.deployed.generation}, leaf {plan.record.sha256[:16]} for {names} "
        f"until {timestamp(certificate.not_valid_after_utc)}, {stapled}"
    )


def _after(plan: LeafPlan) -> str:
    action, reason = plan.decision.action, plan.decision.reason
    if action is Action.NONE:
        return _before(plan)
    if action in (Action.REPAIR, Action.ACTIVATE):
        return f"{_before(plan)}, {'repaired' if action is Action.REPAIR else 'activated again'} ({reason})"
    generation = f"generation {plan.deployed.generation + 1}"
    if action is Action.STAPLE:
        return f"{generation}, the same leaf with {'a new' if plan.request.staple else 'no'} staple ({reason})"
    names = shown(plan.request.names)
    kind = f"{plan.request.key_type.value} {plan.request.profile.value}"
    return f"{generation}, a new {kind} leaf for {names} ({reason})"
