# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transaction of a host's staples for certificates of other authorities: the host is asked what it has, a plan is
made, the responses that it needs are got and verified, and the host deploys them.

The host is reached by a function, so that whoever drives this decides how.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.client import fetch_all
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.messages import Answer, Question
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.messages import (
    DeployedStaple,
    StapleDeployment,
    StapleInquiry,
    StapleInspection,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.host import CallHost
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.fetching import Fetching, answers
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.host import deploy, fetch, inspect
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.plan import (
    Action,
    Decision,
    StaplePlan,
    decide,
    settle,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.request import StapleRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.subject import identify


@dataclass(frozen=True)
class StapleTransaction:
    """The staples of one host at one time, how a server there uses them, None for no server to be notified, and how
    responses are got; ``run_folder`` is the run's own. Each method may raise PkiError, HostFailedError where the host
    failed."""

    call: CallHost
    activation: Activation | None
    fetching: Fetching
    run_folder: Path
    now: datetime
    #: By which the controller asks responders.
    client: Callable[[Sequence[Question]], Sequence[Answer]] = fetch_all

    def plan(self, requests: Sequence[StapleRequest]) -> tuple[list[StaplePlan], StapleInspection]:
        """Ask the host what it has, in one call, and decide about each certificate."""
        inquiries = [StapleInquiry(request.name, request.certificate, request.issuer) for request in requests]
        inspection = inspect(self.call, inquiries, self.activation)
        pairs = zip(requests, inspection.certificates, strict=True)
        return [self._plan(request, deployed) for request, deployed in pairs], inspection

    def _plan(self, request: StapleRequest, deployed: DeployedStaple) -> StaplePlan:
        try:
            subject = identify(request, deployed, self.now)
        except PkiError as error:
            return StaplePlan(request, deployed, None, Decision(Action.NONE, str(error)))
        decision = decide(request, deployed, subject, self.fetching.digest, self.now)
        return StaplePlan(request, deployed, subject, decision)

    def obtain(self, plans: Sequence[StaplePlan]) -> list[StaplePlan]:
        """The plans once the responses are there that they ask for, got in one call; nobody is asked for no response.

        Raises PkiError where the user has to put something right first.
        """
        for plan in plans:
            if plan.subject is None:
                raise PkiError(plan.decision.reason)
        asking = [plan for plan in plans if plan.decision.asks]
        got = answers(asking, self.fetching, self._ask, self.run_folder, self.now)
        settled = {
            plan.request.name: settle(plan, answer, self.fetching.digest, self.now)
            for plan, answer in zip(asking, got, strict=True)
        }
        return [settled.get(plan.request.name, plan) for plan in plans]

    def _ask(self, questions: Sequence[Question]) -> Sequence[Answer]:
        return self.client(questions) if self.fetching.by_controller else fetch(self.call, questions)

    def carry_out(self, plans: Sequence[StaplePlan]) -> tuple[list[StaplePlan], StapleDeployment | None]:
        """Deploy what ``plans`` say in one call, which is left out where that is nothing: those that were carried out,
        and the host's answer."""
        return self._deliver([plan for plan in plans if plan.decision.action not in (Action.NONE, Action.ACTIVATE)])

    def activate_again(self, plans: Sequence[StaplePlan]) -> tuple[list[StaplePlan], StapleDeployment | None]:
        """Have servers use what is deployed, where that alone is to be done. In a call of its own: a server that does
        not come back must not roll back the other staples of the task."""
        return self._deliver([plan for plan in plans if plan.decision.action is Action.ACTIVATE])

    def _deliver(self, plans: list[StaplePlan]) -> tuple[list[StaplePlan], StapleDeployment | None]:
        if not plans:
            return [], None
        return plans, deploy(self.call, [plan.delivery for plan in plans], self.activation)
