# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done about each staple: pure decisions, from what is wanted and deployed, the time, and what a
responder answered."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.messages import Answer
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.messages import (
    NOTE,
    REPAIR,
    STAPLE,
    DeployedStaple,
    StapleDelivery,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.standing import MARGIN
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import LARGEST_NUMBER, LONGEST_LINE
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.refusals import Refusal
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.schedule import is_pause, try_again_at
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.verification import Staple, Verification
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.request import Fetching, StapleRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.subject import Subject
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import LONGEST_PAUSE_ASKED, PAUSE_JITTER

# How the failure of a certificate that its authority has revoked begins.
REVOKED = "the certificate was revoked at "
# A failure as hosts keep it: with the way in which the responder was asked, in so many digits, behind it.
_WAY_DIGITS = 16
_KEPT_FAILURE = re.compile(rf"(.*) \(([0-9a-f]{{{_WAY_DIGITS}}})\)")
# What is left at least of a staple that stays: the host withdraws it then, if no run has renewed it.
SHORTEST_SERVED = timedelta(seconds=MARGIN)
_LONGEST_FAILURE = LONGEST_LINE - _WAY_DIGITS - len(" ()")


class Action(str, Enum):
    """What is done about a staple. A note is about the responder alone, and changes nothing that a server reads."""

    NONE = "none"
    STAPLE = STAPLE
    UNSTAPLE = "unstaple"
    REPAIR = REPAIR
    ACTIVATE = "activate"
    NOTE = NOTE


# The host half's words for those that it has part in: to take a staple away is to deploy none.
ORDERS = {
    Action.STAPLE: STAPLE,
    Action.UNSTAPLE: STAPLE,
    Action.REPAIR: REPAIR,
    Action.ACTIVATE: REPAIR,
    Action.NOTE: NOTE,
}


@dataclass(frozen=True)
class Attempts:
    """How often in a row no response was got, why the last time, and from when on, in seconds since the epoch, the
    responder is asked again; 0 for any time.

    ``asked`` tells the way in which it was asked from all others, "" where nobody was. The host keeps it behind the
    failure: a pause is one of that way, and ends when the user mends the task.
    """

    failures: int = 0
    failure: str = ""
    next_attempt: int = 0
    asked: str = ""

    @classmethod
    def kept(cls, deployed: DeployedStaple, now: datetime) -> Attempts:
        """Those that a host has on record, without a time that is further away than any pause."""
        kept = _KEPT_FAILURE.fullmatch(deployed.failure)
        failure, asked = kept.groups() if kept else (deployed.failure, "")
        latest = _epoch(now + LONGEST_PAUSE_ASKED * (1 + PAUSE_JITTER))
        return cls(deployed.failures, failure, deployed.next_attempt if deployed.next_attempt <= latest else 0, asked)

    @property
    def record(self) -> dict[str, Any]:
        """What a host keeps of them."""
        failure = f"{self.failure} ({self.asked})" if self.asked else self.failure
        return {"failures": self.failures, "failure": failure, "next_attempt": self.next_attempt}

    @property
    def revoked(self) -> bool:
        return self.failure.startswith(REVOKED)


@dataclass(frozen=True)
class Decision:
    """An action and its reason, one phrase for the reader of a result or a diff.

    ``staple`` is the one in use once it is carried out, None for none. With ``asks``, a response has to be got first,
    by which :func:`settle` decides.
    """

    action: Action
    reason: str
    staple: Staple | None = None
    attempts: Attempts = Attempts()
    asks: bool = False


@dataclass(frozen=True)
class StaplePlan:
    """One certificate: what is wanted, what the host has, and what is to be done.

    Without a subject, that is nothing: the reason of the decision is what the user has to put right.
    """

    request: StapleRequest
    deployed: DeployedStaple
    subject: Subject | None
    decision: Decision

    @property
    def delivery(self) -> StapleDelivery:
        """What the host gets of it."""
        action, staple = self.decision.action, self.decision.staple
        return StapleDelivery(
            name=self.request.name,
            path=self.request.certificate,
            action=ORDERS[action],
            expected_generation=self.deployed.generation,
            certificate=to_pem(self.subject.leaf) if self.subject else "",
            staple=staple.der if staple and ORDERS[action] == STAPLE else b"",
            **self.decision.attempts.record,
        )


@dataclass(frozen=True)
class _Standing:
    """How a certificate stands: its deployed staple where that is still ``good``, why the generation cannot stay, why
    another staple is wanted, and why nobody is asked for it now; each "" where that is not so. ``way`` is how its
    responder would be asked."""

    good: Staple | None
    unfit: str
    due: str
    pause: str
    attempts: Attempts
    way: str


def decide(
    request: StapleRequest, deployed: DeployedStaple, subject: Subject, fetching: Fetching, now: datetime
) -> Decision:
    """What to do about one staple, whose response is got by ``fetching``."""
    standing = _standing(request, deployed, subject, fetching, now)
    if standing.due and not standing.pause:
        return Decision(Action.STAPLE, standing.due, standing.good, standing.attempts, asks=True)
    return _without_another(standing, deployed, standing.pause or subject.unstapled)


def unreadable(deployed: DeployedStaple, reason: str) -> Decision:
    """What to do where it cannot be told which certificate a staple is for: nothing, which counts as a failure. What is
    deployed is left to the host's timer."""
    return Decision(Action.NONE, reason, attempts=Attempts(_one_more(deployed.failures), reason))


def settle(plan: StaplePlan, answer: Answer, fetching: Fetching, now: datetime) -> StaplePlan:
    """The plan as it becomes by the ``answer`` that it asked for. Nothing worse than a good staple replaces one."""
    if plan.subject is None:
        return plan
    subject, deployed = plan.subject, plan.deployed
    standing = _standing(plan.request, deployed, subject, fetching, now)
    installed = standing.good.this_update if standing.good else None
    found = subject.verify(answer.response, fetching.digest, now, installed)
    staple = found.staple(answer.response, subject.leaf)
    if staple is None:
        decision = _failed(standing, deployed, subject.leaf.serial_number, answer, found, now)
    elif standing.good and staple.next_update <= standing.good.next_update:
        again = try_again_at(subject.leaf.serial_number, 0, now, end=standing.good.next_update)
        later = Attempts(next_attempt=_epoch(again), asked=standing.way)
        decision = _noted(replace(standing, attempts=later), deployed, "there is no newer response yet")
    else:
        decision = Decision(Action.STAPLE, standing.due, staple)
    return replace(plan, decision=decision)


def _failed(
    standing: _Standing, deployed: DeployedStaple, serial: int, answer: Answer, found: Verification, now: datetime
) -> Decision:
    """What to do where there is no good response: all stays, unless the certificate is known to be revoked."""
    failures, failure = _one_more(standing.attempts.failures), _failure(answer, found)
    asked = timedelta(seconds=answer.retry_after)
    end = standing.good.next_update if standing.good else None
    again = try_again_at(serial, failures if answer.transient else 0, now, asked, end)
    next_attempt = _epoch(again) if standing.way else 0  # a given response is looked at in each run
    standing = replace(standing, attempts=Attempts(failures, failure, next_attempt, standing.way))
    if found.refusal is Refusal.REVOKED:
        taken = failure if deployed.staple or deployed.withdrawn else ""
        standing = replace(standing, good=None, unfit=standing.unfit or taken)
    return _noted(standing, deployed, failure)


def _one_more(failures: int) -> int:
    return min(failures + 1, LARGEST_NUMBER)


def _failure(answer: Answer, found: Verification) -> str:
    if found.refusal is Refusal.REVOKED and found.revoked_at:
        return f"{REVOKED}{found.revoked_at:%Y-%m-%d %H:%M} UTC"
    return (answer.failure.rstrip(".") or f"the response is refused: {_phrase(found)}")[:_LONGEST_FAILURE]


def _noted(standing: _Standing, deployed: DeployedStaple, why: str) -> Decision:
    """What to do without another staple, at least to note what became of the attempt."""
    decision = _without_another(standing, deployed, why)
    return replace(decision, action=Action.NOTE) if decision.action is Action.NONE else decision


def _without_another(standing: _Standing, deployed: DeployedStaple, why: str) -> Decision:
    """What to do without another staple, which there is none of for the reason ``why``, "" where none is wanted."""
    good, attempts = standing.good, standing.attempts
    if standing.unfit:
        action = Action.UNSTAPLE if deployed.staple and not good else Action.STAPLE
        reasons = dict.fromkeys(filter(None, (standing.unfit, why)))
        return Decision(action, "; ".join(reasons), good, attempts)
    if deployed.drift:
        return Decision(Action.REPAIR, "; ".join(deployed.drift), good, attempts)
    if deployed.unserved:
        return Decision(Action.ACTIVATE, "; ".join(deployed.unserved), good, attempts)
    valid = f"the staple is valid until {good.next_update:%Y-%m-%d %H:%M} UTC" if good else ""
    return Decision(Action.NONE, "; ".join(filter(None, (valid, why))), good, attempts)


def _standing(
    request: StapleRequest, deployed: DeployedStaple, subject: Subject, fetching: Fetching, now: datetime
) -> _Standing:
    good, refused = None, ""
    if deployed.staple and not subject.unstapled:
        found = subject.verify(deployed.staple, fetching.digest, now, at_least=SHORTEST_SERVED)
        good, refused = found.staple(deployed.staple, subject.leaf), _phrase(found)
    known = deployed.generation > 0 and deployed.leaf_sha256 == subject.sha256 and not subject.unstapled
    attempts = Attempts.kept(deployed, now) if known else Attempts()
    way = _way(request, subject, fetching)
    unfit = _unfit(deployed, subject, refused)
    due = "" if subject.unstapled else _due(request, deployed, good, unfit, now)
    pause = _pause(attempts, way, good, now) if due else ""
    if good and due and request.response and not _is_newer(request.response, good, subject, fetching, now):
        pause = "the response that is given is no newer"
    return _Standing(good, unfit, due, pause, attempts, way)


def _is_newer(given: bytes, good: Staple, subject: Subject, fetching: Fetching, now: datetime) -> bool:
    """Whether a given response has to be looked at: it may take the place of a good one, or is refused for a fault."""
    found = subject.verify(given, fetching.digest, now, good.this_update)
    staple = found.staple(given, subject.leaf)
    return found.refusal is not Refusal.OLDER and (staple is None or staple.next_update > good.next_update)


def _way(request: StapleRequest, subject: Subject, fetching: Fetching) -> str:
    """What tells a way of asking about a certificate from all others, "" where nobody is asked."""
    if request.response:
        return ""
    options = (fetching.digest, str(fetching.by_controller), str(fetching.allow_private))
    return subject.key(*options, *subject.urls)[:_WAY_DIGITS]


def _unfit(deployed: DeployedStaple, subject: Subject, refused: str) -> str:
    """Why what is deployed cannot stay, whether or not there is another staple."""
    if deployed.generation == 0:
        return "nothing is deployed yet"
    if deployed.damage:
        return deployed.damage
    if subject.unstapled:
        return subject.unstapled if deployed.staple or deployed.withdrawn else ""
    if deployed.leaf_sha256 != subject.sha256:
        return "the certificate was replaced"
    return f"the deployed staple is no longer good: {refused}" if refused else ""


def _due(request: StapleRequest, deployed: DeployedStaple, good: Staple | None, unfit: str, now: datetime) -> str:
    """Why another staple is wanted."""
    if deployed.withdrawn:
        return f"the staple was withdrawn at {deployed.withdrawn}, before it ended"
    if good is None:
        return unfit or "there is no staple"
    if request.response:
        return "another response is given" if request.response != deployed.staple else ""
    if now >= good.renew_at:
        return f"half of the staple's lifetime is over; it ends at {good.next_update:%Y-%m-%d %H:%M} UTC"
    return ""


def _pause(attempts: Attempts, way: str, good: Staple | None, now: datetime) -> str:
    """Why the responder is left alone, "" where it is not, or is to be asked in another way, or not at all. That it had
    nothing newer is no reason any more where what it had is gone."""
    until = datetime.fromtimestamp(attempts.next_attempt, timezone.utc)
    if not way or attempts.asked != way or not is_pause(now, until) or not (good or attempts.failure):
        return ""
    why = attempts.failure or "there was no newer response"
    return f"its responder is asked again from {until:%Y-%m-%d %H:%M} UTC on: {why}"


def _phrase(found: Verification) -> str:
    """Why a response is refused, without the end of a sentence, "" where it is not."""
    return found.problem.removeprefix("The staple is refused: ").rstrip(".")


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())
