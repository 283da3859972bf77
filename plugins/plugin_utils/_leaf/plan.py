# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done about each leaf: a pure decision from what is wanted, deployed and recorded, and the time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import DeployedLeaf, Inquiry
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import LEAF, REPAIR, STAPLE_ONLY
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.standing import MARGIN
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import (
    LeafPlace,
    LeafRecord,
    Revocation,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import LeafRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import profile_of, requires_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import key_type_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import (
    LEAF_REMAINDER,
    LIFETIME_TOLERANCE,
    SHORTEST_STAPLE,
    SKEW,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import SubjectAlternativeName, names_of, shown


class Action(str, Enum):
    """What is done about a leaf. For the host half, an activation alone is a repair of nothing."""

    NONE = "none"
    LEAF = LEAF
    STAPLE = STAPLE_ONLY
    REPAIR = REPAIR
    ACTIVATE = "activate"


@dataclass(frozen=True)
class Decision:
    """An action and its reason, one phrase for the reader of a result or a diff. ``withheld`` is why another leaf is
    needed that the task must not issue, ``blocked`` why nobody is to issue one here."""

    action: Action
    reason: str
    withheld: str = ""
    blocked: str = ""


@dataclass(frozen=True)
class LeafPlan:
    """One leaf: what is wanted, what the host has, what the ledger knows of that, and what is to be done. Where it
    ``is_found``, the ledger lost it by a restore, and the record is the one to be entered."""

    request: LeafRequest
    deployed: DeployedLeaf
    record: LeafRecord | None
    decision: Decision
    place: LeafPlace
    is_found: bool = False

    @property
    def needs_host_key(self) -> bool:
        """Whether the leaf is to be issued for a key that the host makes."""
        return self.decision.action is Action.LEAF and self.request.private_key == "host"


def planned(
    request: LeafRequest,
    deployed: DeployedLeaf,
    record: LeafRecord | None,
    decision: Decision,
    place: LeafPlace,
    is_found: bool = False,
) -> LeafPlan:
    """The plan of what was decided. For a revoked leaf that stays, no staple is wanted."""
    unstapled = is_revoked(record) and decision.action is not Action.LEAF
    wanted = replace(request, staple=False) if unstapled else request
    return LeafPlan(wanted, deployed, record, decision, place, is_found)


@dataclass(frozen=True)
class OtherLeaf:
    """A leaf of the host that a task does not name, and whether the authority's ledger knows it."""

    place: LeafPlace
    known: bool


def inquiry(
    request: LeafRequest, current: LeafRecord | None, authority: Authority, now: datetime, issue: bool = True
) -> Inquiry:
    """What the host is asked about a leaf. ``current`` is the ledger's, of the leaf that should be there, or None."""
    kept = current is not None and not (issue and outdated(request, current, authority, now))
    return Inquiry(
        name=request.name,
        host_key=issue and request.private_key == "host",
        keep=current.sha256 if current and kept else "",
        keep_chain=_chain_sha256(current, authority) if current and kept else "",
        keep_pkcs12=request.pkcs12_passphrase is not None,
        staple=request.staple,
        withdraw_at=_withdraw_at(current) if current and kept else 0,
    )


def _withdraw_at(record: LeafRecord) -> int:
    """When the leaf's staple has to be withdrawn at the latest, 0 for never: clients would refuse a must-staple leaf
    without. That is for the last one that was signed, be it that nobody saw it arrive."""
    if not record.staples or requires_staple(record.certificate):
        return 0
    return int(max(staple.next_update for staple in record.staples).timestamp()) - MARGIN


def decide(
    request: LeafRequest,
    deployed: DeployedLeaf,
    record: LeafRecord | None,
    authority: Authority,
    now: datetime,
    issue: bool = True,
    block: Revocation | None = None,
) -> Decision:
    """What to do about one leaf. ``record`` is the ledger's, for the leaf that is deployed, or None.

    Without ``issue``, or where there is a ``block``, the leaf stays whatever speaks for another one, and is kept
    stapled as long as it is of use.
    """
    reason = _new_leaf_reason(request, deployed, record, authority, now)
    if block is not None:
        kept = _stay(request, deployed, record, authority, now, reason)
        return replace(kept, withheld="", blocked=_blocked(block))
    if reason and issue:
        return Decision(Action.LEAF, reason)
    return _stay(request, deployed, record, authority, now, reason)


def _stay(
    request: LeafRequest,
    deployed: DeployedLeaf,
    record: LeafRecord | None,
    authority: Authority,
    now: datetime,
    reason: str,
) -> Decision:
    """What to do about a leaf that stays, though ``reason`` may speak for another one. A revoked one loses its staple,
    which says that it is good. One on its way is kept away by a new generation: what was planned on top of the former
    one, the host refuses."""
    if is_revoked(record) and (deployed.staple_sha256 or deployed.withdrawn):
        return Decision(Action.STAPLE, f"its staple is taken away, since {reason}", reason)
    if record and is_revoked(record) and record.awaits_staple and not deployed.damage:
        return Decision(Action.STAPLE, f"a staple on its way is kept away, since {reason}", reason)
    if record is None or deployed.damage or _is_useless(record, authority, now):
        return Decision(Action.NONE, f"no leaf is issued here, though {reason}", reason)
    return replace(_keep(request, deployed, record, authority, now), withheld=reason)


def _new_leaf_reason(
    request: LeafRequest, deployed: DeployedLeaf, record: LeafRecord | None, authority: Authority, now: datetime
) -> str:
    """Why another leaf is needed, or an empty string."""
    if deployed.generation == 0:
        return "nothing is deployed yet"
    if deployed.damage:
        return deployed.damage
    if record is None:
        return "the deployed leaf is not in the authority's ledger for this host"
    return outdated(request, record, authority, now) or _unfit(request, deployed, record, authority)


def is_revoked(record: LeafRecord | None) -> bool:
    """Whether a leaf on a host is one that was revoked, or whose issuer was."""
    return record is not None and (record.status == "revoked" or record.issuer_revoked)


def _blocked(block: Revocation) -> str:
    return f"it was revoked on {block.revoked_at:%Y-%m-%d} ({block.reason}), not to be reissued"


def _is_useless(record: LeafRecord, authority: Authority, now: datetime) -> bool:
    """Whether a staple for a recorded leaf would serve nobody, or could not be signed."""
    return bool(_invalid(record, authority, now)) or record.certificate.not_valid_after_utc <= now + SHORTEST_STAPLE


def _keep(
    request: LeafRequest, deployed: DeployedLeaf, record: LeafRecord, authority: Authority, now: datetime
) -> Decision:
    """What to do about a leaf that stays."""
    reason = _staple_reason(request, deployed, record, timedelta(days=authority.policy.lifetimes.staple), now)
    if reason:
        return Decision(Action.STAPLE, reason)
    if deployed.drift:
        return Decision(Action.REPAIR, "; ".join(deployed.drift))
    if deployed.unserved:
        return Decision(Action.ACTIVATE, "; ".join(deployed.unserved))
    return Decision(Action.NONE, f"valid until {record.certificate.not_valid_after_utc:%Y-%m-%d}")


def outdated(request: LeafRequest, record: LeafRecord, authority: Authority, now: datetime) -> str:
    """Why a recorded leaf no longer serves ``request``, or an empty string where it does."""
    certificate = record.certificate
    if invalid := _invalid(record, authority, now):
        return invalid
    if authority.issuer_of(record.issuer_sha256) not in authority.active.issuers:
        return "the root of the deployed leaf gives way to another one"
    former, wanted = names_of(certificate), request.names
    if set(former) != set(wanted):
        return names_reason(former, wanted)
    if profile_of(certificate) != request.profile:
        return f"the profile becomes {request.profile.value}"
    if key_type_of(certificate.public_key()) != request.key_type:
        return f"the key type becomes {request.key_type.value}"
    if requires_staple(certificate) != request.must_staple:
        return f"must-staple is {'wanted' if request.must_staple else 'no longer wanted'}"
    if record.private_key != request.private_key:
        return f"the private key is to be made on the {request.private_key}"
    validity = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return lifetime_reason(request.lifetime, validity, authority, now) or ageing_reason(certificate, now)


def ageing_reason(certificate: x509.Certificate, now: datetime) -> str:
    """Why a leaf is to be renewed for its age, or an empty string."""
    end, validity = certificate.not_valid_after_utc, certificate.not_valid_after_utc - certificate.not_valid_before_utc
    if now < end - validity * LEAF_REMAINDER:
        return ""
    return f"the last third of its lifetime has begun; it ends on {end:%Y-%m-%d}"


def lifetime_reason(lifetime: int | None, validity: timedelta, authority: Authority, now: datetime) -> str:
    """Why a leaf of this ``validity`` is not as long as is wished, or an empty string. Where the issuing authority ends
    too soon for a longer one, it stays."""
    days = lifetime or authority.policy.lifetimes.leaf
    difference = timedelta(days=days) - validity
    is_limited = authority.issuing.certificate.not_valid_after_utc < now + timedelta(days=days)
    if abs(difference) <= LIFETIME_TOLERANCE or (difference > timedelta(0) and is_limited):
        return ""
    return f"the lifetime becomes {days} days"


def _invalid(record: LeafRecord, authority: Authority, now: datetime) -> str:
    """Why nobody should believe a recorded leaf, whatever is wanted, or an empty string."""
    if record.status == "revoked":
        return "the deployed leaf is revoked"
    if record.issuer_revoked:
        return "the issuer of the deployed leaf is revoked"
    if now + SKEW < record.certificate.not_valid_before_utc:
        return "the deployed leaf is not valid yet, since a clock was ahead when it was signed"
    if authority.issuer_of(record.issuer_sha256) is None:
        return "the issuer of the deployed leaf is no longer part of the authority"
    return ""


def _unfit(request: LeafRequest, deployed: DeployedLeaf, record: LeafRecord, authority: Authority) -> str:
    """Why the files beside a leaf that could stay are not those that are wanted, or an empty string."""
    if deployed.chain_sha256 != _chain_sha256(record, authority):
        return "chain.pem is not the chain of the leaf's issuer"
    if deployed.pkcs12 != (request.pkcs12_passphrase is not None):
        return "bundle.p12 is no longer wanted" if deployed.pkcs12 else "bundle.p12 is wanted"
    return ""


def _chain_sha256(record: LeafRecord, authority: Authority) -> str:
    """The digest of chain.pem as the host should have it, from the leaf's issuer on and without the root."""
    issuer = authority.issuer_of(record.issuer_sha256)
    if issuer is None:
        return ""
    chain = authority.chain(issuer, record.certificate)
    return hashlib.sha256("".join(map(to_pem, chain)).encode()).hexdigest()


def _staple_reason(
    request: LeafRequest, deployed: DeployedLeaf, record: LeafRecord, longest: timedelta, now: datetime
) -> str:
    """Why another staple is needed, or none, or an empty string. None may promise for longer than ``longest``."""
    if not request.staple:
        return "no staple is wanted" if deployed.staple_sha256 or deployed.withdrawn else ""
    if deployed.withdrawn:
        return f"the staple was withdrawn at {deployed.withdrawn}, before it ended"
    if not deployed.staple_sha256:
        return "there is no staple"
    staple = record.staple(deployed.staple_sha256)
    if staple is None:
        return "the deployed staple is not in the authority's ledger"
    if now + SKEW < staple.this_update:
        return "the staple is not valid yet, since a clock was ahead when it was signed"
    if staple.next_update - staple.this_update > longest + LIFETIME_TOLERANCE:
        return f"the staple's lifetime becomes {longest.days} days"
    if now >= staple.renew_at:
        return f"half of the staple's lifetime is over; it ends at {staple.next_update:%Y-%m-%d %H:%M} UTC"
    return ""


def names_reason(former: Sequence[SubjectAlternativeName], wanted: Sequence[SubjectAlternativeName]) -> str:
    """That a leaf is to have other names."""
    return f"the names change from {_listed(former)} to {_listed(wanted)}"


def _listed(names: Sequence[SubjectAlternativeName]) -> str:
    return f"[{shown(names)}]"
