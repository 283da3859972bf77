# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.leaf_certificate: the transaction of a host's leaves, or their removal."""

from __future__ import annotations

import posixpath
from datetime import datetime, timezone
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._action import PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.next_policy import read_next_policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import preflight_warnings
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import AuthorityMissingError, HostFailedError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.host import CallHost
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import LeafPlan
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.removal import remove_own
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import (
    LeafRequest,
    activation,
    check_requests,
    check_server,
    folder_names,
    parse_requests,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.results import (
    deployed_result,
    diff_headers,
    failed_result,
    leaf_diff,
    planned_result,
    removal_diff,
    removal_result,
    staple_warnings,
    with_warnings,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.transaction import LeafTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf_arguments import ARGUMENT_SPEC, CONDITIONS
from ansible_collections.anchorage.pki.plugins.plugin_utils._look.programs import LEAVES
from ansible_collections.anchorage.pki.plugins.plugin_utils._passphrases import passphrases_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import publication_folder

DEPLOYMENT_OPTIONS = ("destination", "owner", "group", "mode", "server", "responder_port", "withdrawal")


class ActionModule(PkiAction):
    """Issues, staples, deploys and activates the leaves of one host, or removes them."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    CONDITIONS = CONDITIONS

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        return (self._remove if arguments["state"] == "absent" else self._deploy)(arguments, task_vars)

    def _deploy(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        requests = parse_requests(arguments)
        check_server(requests, arguments["server"])
        places = _places([request.name for request in requests], arguments, self.host_of(task_vars))
        authority = self.authority(arguments["authority"], task_vars)
        if not arguments["urls"]:
            authority = authority.without_urls()
        if arguments["issue"]:
            check_requests(requests, authority.policy, lambda: read_next_policy(authority))
        return self._run_transaction(authority, requests, places, arguments, task_vars)

    def _run_transaction(
        self,
        authority: Authority,
        requests: list[LeafRequest],
        places: list[LeafPlace],
        arguments: dict[str, Any],
        task_vars: dict[str, Any],
    ) -> dict[str, Any]:
        activate = activation(arguments["activate"], requests, arguments["server"])
        passphrases = passphrases_of(arguments)
        folder = publication_folder(arguments["publish"], authority.folder)
        call = self._caller({option: arguments[option] for option in DEPLOYMENT_OPTIONS}, task_vars)
        with open_ledger(authority.ledger_path, read_only=self.check_mode) as ledger:
            now, issues = datetime.now(timezone.utc), arguments["issue"]
            transaction = LeafTransaction(authority, passphrases, ledger, call, activate, now, issues, folder)
            plans, inspection = transaction.plan(requests, places)
            others = transaction.others(inspection.others, self.host_of(task_vars), _destination(arguments))
            result = self._planned(plans, planned_result(plans, inspection, others), arguments)
            result = with_warnings(result, transaction.warnings(plans))
            if result["changed"]:
                self.keep_arguments_off_disk()  # before anything is signed in vain
            if self.check_mode:
                return with_warnings(result, preflight_warnings(lambda: transaction.preflight(plans)))
            # Each is complete in itself, and what the first one changed stays where the second one fails.
            done: set[str] = set()
            for step in (transaction.carry_out, transaction.activate_again):
                try:
                    signed, deployment = step(plans)
                except HostFailedError as error:
                    return failed_result(result, done, error.result)
                result = deployed_result(result, signed, deployment)
                done.update(leaf.plan.request.name for leaf in signed)
        return result

    def _remove(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        places = _places(folder_names(arguments), arguments, self.host_of(task_vars))
        try:
            authority = self.authority(arguments["authority"], task_vars)
        except AuthorityMissingError:  # so that there is no ledger that could know of them
            authority = None
        call = self._caller({"destination": arguments["destination"]}, task_vars)
        removal, kept = remove_own(call, places, authority, forgets=not self.check_mode)
        result = removal_result(removal, places[0].destination, kept)
        if self.diff_mode:
            result["diff"] = removal_diff(removal, diff_headers("leaf certificates", arguments["destination"]))
        return result

    def _caller(self, shared: dict[str, Any], task_vars: dict[str, Any]) -> CallHost:
        return self.caller(LEAVES, "leaf_deployment", shared, task_vars, secret=True)

    def _planned(self, plans: list[LeafPlan], result: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
        requests = [plan.request for plan in plans]
        result = with_warnings(result, staple_warnings(requests, arguments["server"]))
        if self.diff_mode:
            result["diff"] = leaf_diff(plans, arguments["destination"])
        return result


def _places(names: list[str], arguments: dict[str, Any], host: str) -> list[LeafPlace]:
    return [LeafPlace(host, _destination(arguments), name) for name in names]


def _destination(arguments: dict[str, Any]) -> str:
    """One spelling for the ledger, so that another one of the same folder is no other place."""
    return posixpath.normpath(arguments["destination"])
