# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.leaf_certificate: the host reports, the core plans and signs, the host deploys."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._action import (
    AUTHORITY_SPEC,
    PASSPHRASE_SPEC,
    PkiAction,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils.authority import authority_folder, read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils.authority_report import ED25519_WARNING
from ansible_collections.anchorage.pki.plugins.plugin_utils.certificates import PROFILES
from ansible_collections.anchorage.pki.plugins.plugin_utils.errors import AuthorityMissingError
from ansible_collections.anchorage.pki.plugins.plugin_utils.establishment import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils.host_report import parse_report
from ansible_collections.anchorage.pki.plugins.plugin_utils.issuance import Delivery, confirm, deliver
from ansible_collections.anchorage.pki.plugins.plugin_utils.keys import KEY_TYPES, KeyType
from ansible_collections.anchorage.pki.plugins.plugin_utils.leaf_report import delivery_result, leaf_diff, plan_result
from ansible_collections.anchorage.pki.plugins.plugin_utils.leaf_request import (
    check_requests,
    parse_requests,
    probes,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils.ledger import LeafPlace, open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils.plan import LeafPlan, plan_leaves, report_entries

LEAF_SPEC: dict[str, Any] = {
    "profile": {"type": "str", "choices": PROFILES},
    "key_type": {"type": "str", "choices": KEY_TYPES, "no_log": False},
    "private_key": {"type": "str", "choices": ["controller", "host"], "no_log": False},
    "lifetime": {"type": "int"},
    "staple": {"type": "bool"},
    "pkcs12_passphrase": {"type": "str", "no_log": True},
}
DEFAULTS = {"profile": "server", "key_type": "ecdsa-p256", "private_key": "controller", "staple": True}
NAMES_SPEC: dict[str, Any] = {"type": "list", "elements": "str"}
PROBE_SPEC: dict[str, Any] = {
    "certificate": {"type": "str"},
    "address": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "default": 443},
    "server_name": {"type": "str"},
}
ACTIVATE_SPEC: dict[str, Any] = {
    "test": {"type": "list", "elements": "str"},
    "reload": {"type": "list", "elements": "str", "required": True},
    "timeout": {"type": "int", "default": 30},
    "probes": {"type": "list", "elements": "dict", "options": PROBE_SPEC},
}
DEPLOYMENT_OPTIONS = ("destination", "owner", "group", "mode", "server")


class ActionModule(PkiAction):
    """Issues, staples, deploys and activates the leaves of one host."""

    ARGUMENT_SPEC = {
        **AUTHORITY_SPEC,
        **PASSPHRASE_SPEC,
        "name": {"type": "str"},
        "names": NAMES_SPEC,
        **{
            option: {**spec, "default": DEFAULTS[option]} if option in DEFAULTS else spec
            for option, spec in LEAF_SPEC.items()
        },
        "certificates": {
            "type": "list",
            "elements": "dict",
            "options": {
                "name": {"type": "str", "required": True},
                "names": {**NAMES_SPEC, "required": True},
                **LEAF_SPEC,
            },
        },
        "destination": {"type": "str", "default": "/etc/pki/anchorage"},
        "owner": {"type": "str"},
        "group": {"type": "str"},
        "mode": {"type": "raw", "default": "0600"},
        "server": {"type": "str", "choices": ["none", "nginx"], "default": "none"},
        "activate": {"type": "dict", "options": ACTIVATE_SPEC},
    }
    CONDITIONS = {
        "mutually_exclusive": [("name", "certificates"), ("names", "certificates")],
        "required_together": [("name", "names")],
        "required_one_of": [("name", "certificates")],
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        requests = parse_requests(arguments)
        activate = arguments["activate"] and {
            **arguments["activate"],
            "probes": probes(arguments["activate"], requests),
        }
        passphrases = Passphrases(arguments["passphrase"], arguments["responder_passphrase"])
        deployment = {option: arguments[option] for option in DEPLOYMENT_OPTIONS}
        host, now = task_vars["inventory_hostname"], datetime.now(timezone.utc)
        places = [LeafPlace(host, arguments["destination"], request.name) for request in requests]
        try:
            authority = read_authority(authority_folder(arguments["authority"], os.environ))
        except AuthorityMissingError as error:
            if not self.check_mode:
                raise
            return {"changed": True, "certificates": [], "msg": f"Leaves would be issued and deployed. {error}"}
        check_requests(requests, authority.policy)
        with open_ledger(authority.ledger_path) as ledger:
            entries = report_entries(requests, places, authority, ledger, now)
            report = self._call({**deployment, "operation": "report", "certificates": entries}, task_vars)
            if _failed(report):
                return report
            plans = plan_leaves(requests, places, parse_report(report, requests), authority, ledger, now)
            result = self._shape(plans, arguments["destination"])
            if self.check_mode:
                return result
            deliveries = deliver(plans, authority, passphrases, ledger, now)
            if deliveries:
                wire = [delivery.wire for delivery in deliveries]
                arrival = self._call(
                    {**deployment, "operation": "deploy", "certificates": wire, "activate": activate}, task_vars
                )
                if _failed(arrival):
                    return {**arrival, "certificates": result["certificates"]}
                result = _with_arrival(result, plans, deliveries, arrival)
            confirm(plans, deliveries, ledger)
        return result

    def _call(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        return self.call_host("leaf_deployment", arguments, task_vars, secret=arguments["operation"] == "deploy")

    def _shape(self, plans: list[LeafPlan], destination: str) -> dict[str, Any]:
        certificates = [plan_result(plan) for plan in plans]
        result: dict[str, Any] = {
            "changed": any(certificate["changed"] for certificate in certificates),
            "certificates": certificates,
        }
        if self.diff_mode:
            result["diff"] = leaf_diff(plans, destination)
        if any(plan.request.key_type is KeyType.ED25519 for plan in plans):
            result["warnings"] = [ED25519_WARNING]
        return result


def _failed(result: dict[str, Any]) -> bool:
    return bool(result.get("failed") or result.get("unreachable"))


def _with_arrival(
    result: dict[str, Any], plans: list[LeafPlan], deliveries: list[Delivery], arrival: dict[str, Any]
) -> dict[str, Any]:
    """The planned result with what the host half did."""
    generations = {entry["name"]: int(entry["generation"]) for entry in arrival["certificates"]}
    changed = {
        delivery.plan.request.name: delivery_result(delivery, generations[delivery.plan.request.name])
        for delivery in deliveries
    }
    certificates = [changed.get(plan.request.name) or plan_result(plan) for plan in plans]
    return {**result, "certificates": certificates, "activation": arrival.get("activation")}
