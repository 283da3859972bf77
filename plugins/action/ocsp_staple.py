# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.ocsp_staple: the transaction of a host's staples for certificates of other
authorities, or their removal."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible import constants
from ansible_collections.anchorage.pki.plugins.plugin_utils._action import PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import HostFailedError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.host import CallHost, remove
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import activation, folder_names
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.results import (
    diff_headers,
    failed_result,
    removal_diff,
    removal_result,
    with_warnings,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._look.programs import STAPLES
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.plan import StaplePlan
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.request import (
    CONTROLLER,
    Fetching,
    parse_requests,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.results import (
    deployed_result,
    failure_warnings,
    planned_result,
    problems,
    staple_diff,
    task_failure,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.transaction import StapleTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple_arguments import ARGUMENT_SPEC, CONDITIONS

DEPLOYMENT_OPTIONS = ("destination", "owner", "group", "mode", "server", "withdrawal")


class ActionModule(PkiAction):
    """Gets, verifies, deploys and activates the staples of one host, or removes them."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    CONDITIONS = CONDITIONS

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        return (self._remove if arguments["state"] == "absent" else self._deploy)(arguments, task_vars)

    def _deploy(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        requests = parse_requests(arguments, self.controller_file)
        destination = arguments["destination"]
        transaction = StapleTransaction(
            self._caller({option: arguments[option] for option in DEPLOYMENT_OPTIONS}, task_vars),
            activation(arguments["activate"], requests, arguments["server"]),
            Fetching(arguments["fetch_from"] == CONTROLLER, arguments["allow_private"], arguments["certid_digest"]),
            Path(constants.DEFAULT_LOCAL_TMP),
            datetime.now(timezone.utc),
        )
        asking, inspection = transaction.plan(requests)
        result = self._with_diff(planned_result(asking, inspection, destination), asking, destination)
        if self.check_mode:
            readable = [plan for plan in asking if plan.subject]
            return {**with_warnings(result, problems(asking)), **task_failure(readable)}
        try:
            plans = transaction.obtain(asking)
        except HostFailedError as error:
            return failed_result(result, (), error.result)
        result = self._with_diff(planned_result(plans, inspection, destination), plans, destination)
        result = with_warnings(result, failure_warnings(asking, plans, self.host_of(task_vars)))
        # What the host says of a failure of its own comes first.
        return {**task_failure(plans), **_carried_out(transaction, plans, result)}

    def _remove(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        call = self._caller({"destination": arguments["destination"]}, task_vars)
        removal = remove(call, folder_names(arguments))
        result = removal_result(removal, arguments["destination"])
        if self.diff_mode:
            result["diff"] = removal_diff(removal, diff_headers("staples", arguments["destination"]))
        return result

    def _caller(self, shared: dict[str, Any], task_vars: dict[str, Any]) -> CallHost:
        return self.caller(STAPLES, "staple_deployment", shared, task_vars)

    def _with_diff(self, result: dict[str, Any], plans: list[StaplePlan], destination: str) -> dict[str, Any]:
        return {**result, "diff": staple_diff(plans, destination)} if self.diff_mode else result


def _carried_out(transaction: StapleTransaction, plans: list[StaplePlan], result: dict[str, Any]) -> dict[str, Any]:
    # Each is complete in itself, and what the first one changed stays where the second one fails.
    done: set[str] = set()
    for step in (transaction.carry_out, transaction.activate_again):
        try:
            carried_out, deployment = step(plans)
        except HostFailedError as error:
            return failed_result(result, done, error.result)
        result = deployed_result(result, carried_out, deployment)
        done.update(plan.request.name for plan in carried_out)
    return result
