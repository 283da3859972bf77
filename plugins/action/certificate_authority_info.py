# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.certificate_authority_info. It runs on the controller alone."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._action import AUTHORITY_SPEC, PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.renewal import (
    needed_issuers,
    plan_authority,
    request_warnings,
    responder_warnings,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import (
    authority_result,
    delegated_result,
    due_staples_result,
    places_result,
    with_warnings,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._backup.results import pending_restore_result
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import AuthorityMissingError
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.issuers import (
    list_issuers,
    with_lost_issuers,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.results import (
    issuing_result,
    list_warnings,
    lists_result,
    pending_result,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._undeployed.results import requested_result


class ActionModule(PkiAction):
    """Reads the authority; needs no passphrase."""

    _requires_connection = False

    ARGUMENT_SPEC = {
        **AUTHORITY_SPEC,
        "due": {"type": "str", "choices": ["staples"]},
        "places": {"type": "str", "choices": ["none", "host", "all"], "default": "none"},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        folder = self.authority_folder(arguments["authority"])
        try:
            authority = read_authority(folder)
        except AuthorityMissingError as error:
            return {"changed": False, "exists": False, "folder": str(folder), "msg": str(error)}
        if authority.request is not None and not authority.issuers:
            told = authority_result(authority)
            return {"changed": False, "exists": False, **told, "msg": str(authority.unfinished())}
        with open_ledger(authority.ledger_path, read_only=True) as ledger:
            now = datetime.now(timezone.utc)
            leaf_ends = ledger.last_leaf_ends()
            revoked = ledger.revocations.revoked_authorities()
            due = plan_authority(authority, authority.policy, leaf_ends, now, revoked)
            whole = with_lost_issuers(authority, ledger.revocations.issuing_certificates())
            signers = list_issuers(whole, leaf_ends, now)
            published = {signer: ledger.revocations.published_list(signer.identifier) for signer in signers}
            pending = ledger.restores.pending()
            warnings = [*([str(pending)] if pending else []), *list_warnings(published, now)]
            issuers = [one for one in needed_issuers(authority, leaf_ends, now) if one.sha256 not in revoked]
            result = {
                "changed": False,
                "exists": True,
                "due": [str(step) for step in due],
                "leaves": ledger.leaf_counts(),
                **authority_result(authority),
                **lists_result({signer: ledger.revocations.last_list(signer.identifier) for signer in signers}),
                **pending_result(ledger.revocations.pending_places(now)),
                **issuing_result(authority, ledger),
                **delegated_result(ledger.delegated_certificates()),
                **pending_restore_result(pending),
                "requested": requested_result(ledger.undeployed.requested(), authority, now),
            }
            if arguments["places"] != "none":
                host = task_vars["inventory_hostname"] if arguments["places"] == "host" else None
                result["places"] = places_result(ledger.places(host), ledger.staples_in_use(host))
            if arguments["due"] == "staples":
                result["due_staples"] = due_staples_result(ledger.due_staples(now))
        responders = responder_warnings(issuers, authority.policy.lifetimes, now)
        return with_warnings(result, [*warnings, *request_warnings(authority, now), *responders])
