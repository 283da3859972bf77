# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is due in an authority: a pure decision from the authority, its policy and the time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer import Answer
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    Authority,
    CertifiedKey,
    IssuingAuthority,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.key_places import is_there
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import Lifetimes, Policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.uris import KeyUri
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import (
    REQUEST_REMAINDER,
    RESPONDER_REMAINDER,
    RESPONDER_WARNING,
    ROOT_REMAINDER,
    SKEW,
)


class Part(str, Enum):
    """A part of the authority that a step creates or renews."""

    POLICY = "policy"
    ROOT = "root"
    REQUEST = "request"
    REQUEST_FILE = "request file"
    ISSUING = "issuing"
    RESPONDER = "responder"


#: What is done without a key.
KEYLESS = {Part.POLICY, Part.REQUEST_FILE}


@dataclass(frozen=True)
class Step:
    """One thing to do, and why. ``issuer`` is the number of the issuing authority that a responder belongs to, and
    ``epoch`` that of the root which signs an issuing authority."""

    part: Part
    number: int
    reason: str
    issuer: int = 0
    epoch: int = 0

    def __str__(self) -> str:
        subject = {
            Part.POLICY: "policy",
            Part.ROOT: f"root certificate {self.number}",
            Part.REQUEST: f"request for issuing authority {self.number}",
            Part.REQUEST_FILE: f"file of the request for issuing authority {self.number}",
            Part.ISSUING: f"issuing authority {self.number}",
            Part.RESPONDER: f"OCSP responder {self.number} of issuing authority {self.issuer}",
        }[self.part]
        return f"{subject}: {self.reason}"


def plan_authority(
    authority: Authority | None,
    policy: Policy,
    leaf_ends: Mapping[str, datetime],
    now: datetime,
    revoked: Collection[str] = (),
    answer: Answer | None = None,
    issuing_key: KeyUri | None = None,
) -> tuple[Step, ...]:
    """The steps that bring an authority (None: there is none yet) to ``policy`` at the time ``now``.

    ``leaf_ends`` has the end of the last leaf of each issuing authority, by its fingerprint: an old issuing authority
    keeps a valid responder until then, since a staple is signed under its leaf's own issuer. ``revoked`` has the
    fingerprints of the issuing certificates that were revoked, whose responders nobody believes any more. ``answer`` is
    what the authority of an external root has sent. On a token, ``issuing_key`` says where the key of the issuing
    authority is to be.
    """
    steps = _policy_steps(authority, policy)
    if policy.external_root:
        root_steps, active_steps = _answered_steps(authority, answer)
        root_steps += _request_steps(authority, policy.lifetimes, now, revoked, bool(active_steps), issuing_key)
    else:
        root_steps = _root_steps(authority, policy, now)
        active_steps = _issuing_steps(authority, policy.lifetimes, now, revoked, issuing_key)
    issuing_steps = active_steps + _coming_steps(authority, revoked, len(active_steps))
    steps += [*root_steps, *issuing_steps]
    signing = authority.signing_issuers() if authority else ()
    for issuer in authority.issuers if authority else ():
        retired = issuer not in signing or (active_steps and issuer in authority.active.issuers)  # type: ignore[union-attr]
        if (
            issuer.sha256 not in revoked
            and _left(issuer, now) > timedelta()
            and (not retired or leaf_ends.get(issuer.sha256, now) > now)
        ):
            steps += _responder_steps(issuer, policy.lifetimes, now)
    steps += [Step(Part.RESPONDER, 1, "the issuing authority is new", step.number) for step in issuing_steps]
    return tuple(steps)


def responder_warnings(issuers: Iterable[IssuingAuthority], lifetimes: Lifetimes, now: datetime) -> list[str]:
    """What to say of those of ``issuers`` whose responder ends soon, and should have been renewed by now."""
    ending = [
        issuer
        for issuer in issuers
        if issuer.responders
        and _left(issuer.responder, now) <= RESPONDER_WARNING
        and _responder_steps(issuer, lifetimes, now)
    ]
    return [
        f"The OCSP responder of issuing authority {issuer.number} ends on {_day(issuer.responder)}, and no staple is "
        "valid for longer. Run certificate_authority, which renews it; that needs the key of the issuing authority."
        for issuer in ending
    ]


def needed_issuers(
    authority: Authority, leaf_ends: Mapping[str, datetime], now: datetime
) -> tuple[IssuingAuthority, ...]:
    """The issuing authorities that sign leaves, or lists for leaves that have not ended; ``leaf_ends`` as above."""
    signing = authority.signing_issuers()
    return tuple(one for one in authority.issuers if one in signing or leaf_ends.get(one.sha256, now) > now)


def _policy_steps(authority: Authority | None, policy: Policy) -> list[Step]:
    if authority is None:
        return [Step(Part.POLICY, 1, "there is no authority yet")]
    return [Step(Part.POLICY, 1, "its options changed")] if authority.policy != policy else []


def _root_steps(authority: Authority | None, policy: Policy, now: datetime) -> list[Step]:
    if authority is None or not authority.roots:
        return [Step(Part.ROOT, 1, "it is imported" if policy.imported_root else "there is none yet")]
    root = authority.root
    if authority.has_imported_root:
        return []
    validity = root.certificate.not_valid_after_utc - root.certificate.not_valid_before_utc
    # Nothing outlives its root: one that ends before a leaf would is due, however short its own life was meant to be.
    if _begun(root, now) and _left(root, now) > max(validity * ROOT_REMAINDER, timedelta(days=policy.lifetimes.leaf)):
        return []
    return [Step(Part.ROOT, authority.roots[-1].number + 1, f"the last one ends on {_day(root)}; the key stays")]


def _issuing_steps(
    authority: Authority | None,
    lifetimes: Lifetimes,
    now: datetime,
    revoked: Collection[str],
    wanted_key: KeyUri | None,
) -> list[Step]:
    number = authority.issuers[-1].number + 1 if authority and authority.issuers else 1
    if authority is None or not authority.roots:
        return [Step(Part.ISSUING, number, "there is none yet", epoch=1)]
    epoch = authority.active.number
    if not authority.active.issuers:
        return [Step(Part.ISSUING, number, "there is none yet", epoch=epoch)]
    issuing = authority.issuing
    if issuing.sha256 in revoked:
        return [Step(Part.ISSUING, number, "the last one is revoked", epoch=epoch)]
    if wanted_key is not None and not is_there(issuing, wanted_key):
        return [Step(Part.ISSUING, number, f"its key is to be on {wanted_key.in_words}", epoch=epoch)]
    if _begun(issuing, now) and _left(issuing, now) > timedelta(days=lifetimes.leaf):
        return []
    # An imported root is not renewed: below it, no other one could last longer.
    if authority.has_imported_root and _left(issuing, now) >= _left(authority.root, now):
        return []
    reason = f"the last one ends on {_day(issuing)}, before a leaf of {lifetimes.leaf} days would"
    return [Step(Part.ISSUING, number, reason, epoch=epoch)]


def _coming_steps(authority: Authority | None, revoked: Collection[str], planned: int) -> list[Step]:
    """Of roots that others give way to: their issuing authority is made by the rotation, and again where it was revoked
    before it has signed anything. So many others are ``planned`` already."""
    if authority is None:
        return []
    lost = [epoch for epoch in authority.coming() if epoch.issuers and epoch.issuers[-1].sha256 in revoked]
    first = planned + 1 + max((issuer.number for issuer in authority.issuers), default=0)
    reason = "the one below the root that is to come is revoked"
    return [Step(Part.ISSUING, number, reason, epoch=epoch.number) for number, epoch in enumerate(lost, first)]


def request_warnings(authority: Authority, now: datetime) -> list[str]:
    """What to say where another authority has to sign the next issuing certificate."""
    if not authority.policy.external_root:
        return []
    if not authority.issuers:
        return [str(authority.unfinished())]
    reason = _request_reason(authority, authority.policy.lifetimes, now, ())
    if authority.request is not None:
        reason = reason or "the last one is to be replaced"
    return [f"The next issuing certificate is needed: {reason}. {authority.remedy}"] if reason else []


def _answered_steps(authority: Authority | None, answer: Answer | None) -> tuple[list[Step], list[Step]]:
    """What an answer brings: a root, and an issuing certificate."""
    if authority is None or answer is None:
        return [], []
    roots, issuers = [], []
    if answer.root is not None:
        number = authority.roots[-1].number + 1 if authority.roots else 1
        roots = [Step(Part.ROOT, number, f"it came, {answer.root.subject.rfc4514_string()}")]
    if answer.certificate is not None and authority.request is not None:
        signer = answer.certificate.issuer.rfc4514_string()
        issuers = [Step(Part.ISSUING, authority.request.number, f"its certificate came, signed by {signer}")]
    return roots, issuers


def _request_steps(
    authority: Authority | None,
    lifetimes: Lifetimes,
    now: datetime,
    revoked: Collection[str],
    is_answered: bool,
    wanted_key: KeyUri | None,
) -> list[Step]:
    if authority is None:
        return [Step(Part.REQUEST, 1, "there is none yet")]
    if authority.request is not None or is_answered:
        return []
    if not authority.issuers:
        return [Step(Part.REQUEST, 1, "there is none yet")]
    reason = _request_reason(authority, lifetimes, now, revoked, wanted_key)
    return [Step(Part.REQUEST, authority.issuing.number + 1, reason)] if reason else []


def _request_reason(
    authority: Authority,
    lifetimes: Lifetimes,
    now: datetime,
    revoked: Collection[str],
    wanted_key: KeyUri | None = None,
) -> str:
    """Why another issuing certificate has to be asked for, or an empty string."""
    issuing = authority.issuing
    if issuing.sha256 in revoked:
        return "the last one is revoked"
    if wanted_key is not None and not is_there(issuing, wanted_key):
        return f"its key is to be on {wanted_key.in_words}"
    if _left(issuing, now) > timedelta(days=lifetimes.leaf) * REQUEST_REMAINDER:
        return ""
    leaf = timedelta(days=lifetimes.leaf)
    return f"the last one ends on {_day(issuing)}, and signs no leaf of {leaf.days} days after {_day(issuing, leaf)}"


def _responder_steps(issuer: IssuingAuthority, lifetimes: Lifetimes, now: datetime) -> list[Step]:
    if not issuer.responders:
        return [Step(Part.RESPONDER, 1, "there is none yet", issuer.number)]
    responder = issuer.responders[-1]
    if _begun(responder, now) and _left(responder, now) > timedelta(days=lifetimes.responder) * RESPONDER_REMAINDER:
        return []
    # One that ends with its issuer already is not made again and again: no other could last longer.
    if responder.certificate.not_valid_after_utc >= issuer.certificate.not_valid_after_utc:
        return []
    return [Step(Part.RESPONDER, responder.number + 1, f"the last one ends on {_day(responder)}", issuer.number)]


def _begun(key: CertifiedKey, now: datetime) -> bool:
    """Whether a certificate is valid already. One that is not was signed while a clock was ahead."""
    return key.certificate.not_valid_before_utc <= now + SKEW


def _left(key: CertifiedKey, now: datetime) -> timedelta:
    return key.certificate.not_valid_after_utc - now


def _day(key: CertifiedKey, before: timedelta = timedelta()) -> str:
    return f"{key.certificate.not_valid_after_utc - before:%Y-%m-%d}"
