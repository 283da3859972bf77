# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.leaf_certificate: the host reports, the core plans and signs, the host deploys.

With ``state: absent`` the host removes, and the ledger is told.
"""

from __future__ import annotations

import os
import posixpath
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._action import PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import authority_folder, read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import LeafPlace, open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import AuthorityDueError, AuthorityMissingError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.host_report import parse_removal, parse_report
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.issuance import confirm, deliver, rehearse
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import (
    LeafPlan,
    plan_leaves,
    plans_without_authority,
    report_entries,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import (
    check_requests,
    folder_names,
    parse_requests,
    probes,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.results import (
    deployed_result,
    leaf_diff,
    planned_result,
    removal_diff,
    removal_result,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf_arguments import ARGUMENT_SPEC, CONDITIONS

DEPLOYMENT_OPTIONS = ("destination", "owner", "group", "mode", "server")


class ActionModule(PkiAction):
    """Issues, staples, deploys and activates the leaves of one host, or removes them."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    CONDITIONS = CONDITIONS

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        return (self._remove if arguments["state"] == "absent" else self._deploy)(arguments, task_vars)

    def _deploy(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        requests = parse_requests(arguments)
        activate = arguments["activate"] and {
            **arguments["activate"],
            "probes": probes(arguments["activate"], requests),
        }
        passphrases = Passphrases(arguments["passphrase"], arguments["responder_passphrase"])
        deployment = {option: arguments[option] for option in DEPLOYMENT_OPTIONS}
        now = datetime.now(timezone.utc)
        places = _places([request.name for request in requests], arguments, task_vars)
        try:
            authority = read_authority(authority_folder(arguments["authority"], os.environ))
        except AuthorityMissingError as error:
            if not self.check_mode:
                raise
            planned = self._shape(plans_without_authority(requests, places), arguments["destination"])
            return {**planned, "msg": f"Leaves would be issued and deployed. {error}"}
        check_requests(requests, authority.policy)
        with open_ledger(authority.ledger_path) as ledger:
            entries = report_entries(requests, places, authority, ledger, now)
            report = self._call({**deployment, "operation": "report", "certificates": entries}, task_vars)
            if _failed(report):
                return report
            plans = plan_leaves(requests, places, parse_report(report, requests), authority, ledger, now)
            result = self._shape(plans, arguments["destination"])
            if result["changed"]:
                self.keep_arguments_off_disk()  # before anything is signed in vain
            if self.check_mode:
                try:
                    rehearse(plans, authority, passphrases, now)
                except (AuthorityDueError, AuthorityMissingError) as error:
                    warning = f"The run will fail unless certificate_authority has done its part before: {error}"
                    result["warnings"] = [*result.get("warnings", []), warning]
                return result
            deliveries = deliver(plans, authority, passphrases, ledger, now)
            if deliveries:
                wire = [delivery.wire for delivery in deliveries]
                arrival = self._call(
                    {**deployment, "operation": "deploy", "certificates": wire, "activate": activate}, task_vars
                )
                if _failed(arrival):
                    return {
                        **arrival,
                        "certificates": [{**entry, "changed": False} for entry in result["certificates"]],
                    }
                result.update(deployed_result(plans, deliveries, arrival))
            confirm(plans, deliveries, ledger, now)
        return result

    def _remove(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        places = _places(folder_names(arguments), arguments, task_vars)
        call = {"operation": "remove", "destination": arguments["destination"]}
        answer = self._call({**call, "certificates": [{"name": place.name} for place in places]}, task_vars)
        if _failed(answer):
            return answer
        removed = parse_removal(answer, [place.name for place in places])
        if not self.check_mode:
            # Without an authority there is no ledger to tell either.
            with suppress(AuthorityMissingError):
                authority = read_authority(authority_folder(arguments["authority"], os.environ))
                with open_ledger(authority.ledger_path) as ledger, ledger.transaction():
                    for place in places:
                        ledger.mark_removed(place)
        result = {**answer, **removal_result(removed, places[0].destination)}
        if self.diff_mode:
            result["diff"] = removal_diff(removed, arguments["destination"])
        return result

    def _call(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        return self.call_host("leaf_deployment", arguments, task_vars, secret=arguments["operation"] == "deploy")

    def _shape(self, plans: list[LeafPlan], destination: str) -> dict[str, Any]:
        result = planned_result(plans)
        if self.diff_mode:
            result["diff"] = leaf_diff(plans, destination)
        return result


def _places(names: list[str], arguments: dict[str, Any], task_vars: dict[str, Any]) -> list[LeafPlace]:
    # One spelling for the ledger, so that another one of the same folder is no other place.
    destination = posixpath.normpath(arguments["destination"])
    return [LeafPlace(task_vars["inventory_hostname"], destination, name) for name in names]


def _failed(result: dict[str, Any]) -> bool:
    return bool(result.get("failed") or result.get("unreachable"))
