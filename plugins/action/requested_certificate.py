# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.requested_certificate. It runs on the controller alone."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._action import AUTHORITY_SPEC, PASSPHRASE_SPEC, PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer import Given
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.next_policy import read_next_policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import (
    preflight_warnings,
    timestamp,
    with_warnings,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import check_requests
from ansible_collections.anchorage.pki.plugins.plugin_utils._passphrases import passphrases_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import publication_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._undeployed.files import (
    LeafFolder,
    chain_of,
    check_apart,
    leaf_contents,
    leaf_folder,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._undeployed.request import parse_signing_request
from ansible_collections.anchorage.pki.plugins.plugin_utils._undeployed.results import (
    leaf_fields,
    leaf_lines,
    renewal_field,
    request_fields,
    undeployed_diff,
    wanted_lines,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._undeployed.transaction import (
    SigningPlan,
    SigningTransaction,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.brought_requests import LARGEST_REQUEST
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import PROFILES
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import shown


class ActionModule(PkiAction):
    """Signs a leaf for a request that somebody brings."""

    _requires_connection = False

    ARGUMENT_SPEC = {
        **AUTHORITY_SPEC,
        **PASSPHRASE_SPEC,
        "name": {"type": "str", "required": True},
        "csr_path": {"type": "str"},
        "csr_content": {"type": "str"},
        "names": {"type": "list", "elements": "str"},
        "names_from_request": {"type": "bool", "default": False},
        "profile": {"type": "str", "choices": PROFILES, "default": "server"},
        "lifetime": {"type": "int"},
        "destination": {"type": "path"},
        "publish": {"type": "path"},
    }
    CONDITIONS = {
        "mutually_exclusive": [("csr_path", "csr_content")],
        "required_one_of": [("csr_path", "csr_content")],
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        request = parse_signing_request(arguments, self._given(arguments))
        folder = leaf_folder(arguments["destination"])
        authority = self.authority(arguments["authority"], task_vars)
        check_apart(arguments["destination"], authority)
        check_requests([request], authority.policy, lambda: read_next_policy(authority))
        published = publication_folder(arguments["publish"], authority.folder)
        with open_ledger(authority.ledger_path, read_only=self.check_mode) as ledger:
            now, passphrases = datetime.now(timezone.utc), passphrases_of(arguments)
            transaction = SigningTransaction(authority, passphrases, ledger, now, published)
            plan = transaction.plan(request)
            warnings = transaction.warnings(plan)
            leaf = plan.leaf.certificate if plan.leaf and not plan.reason else None
            missing = folder.missing(leaf_contents(leaf, chain_of(leaf, authority))) if leaf else folder.paths
            if missing:
                folder.check_place(request.place, ledger)
            if self.check_mode:
                warnings += preflight_warnings(lambda: transaction.preflight(plan))
            elif leaf is None:
                leaf = transaction.carry_out(plan)
        contents = leaf_contents(leaf, chain_of(leaf, authority)) if leaf else {}
        if leaf and not self.check_mode:
            folder.write(contents)
        result = self._result(plan, leaf, contents, folder, missing)
        if self.diff_mode:
            days = request.lifetime or authority.policy.lifetimes.leaf
            result["diff"] = _diff(plan, now + timedelta(days=days), missing)
        return with_warnings(result, warnings)

    def _given(self, arguments: dict[str, Any]) -> Given:
        """The request, as text or as a file's content. Raises PkiError."""
        if arguments["csr_content"] is not None:
            return Given("csr_content", arguments["csr_content"].encode(errors="surrogatepass"))
        path, content = self.controller_file("csr_path", arguments["csr_path"], LARGEST_REQUEST)
        return Given(f"csr_path {path}", content)

    def _result(
        self,
        plan: SigningPlan,
        leaf: x509.Certificate | None,
        contents: dict[str, str],
        folder: LeafFolder,
        missing: list[str],
    ) -> dict[str, Any]:
        kept = f"valid until {timestamp(leaf.not_valid_after_utc)}" if leaf else ""
        return {
            "changed": bool(plan.reason or missing),
            "signed": bool(plan.reason),
            "reason": plan.reason or kept,
            **request_fields(plan.request),
            **({**leaf_fields(leaf, contents), **renewal_field(leaf)} if leaf else {}),
            "files": folder.paths,
        }


def _diff(plan: SigningPlan, until: datetime, missing: list[str]) -> dict[str, str]:
    former, request = leaf_lines(plan.leaf.certificate if plan.leaf else None), plan.request
    wanted = wanted_lines(shown(request.names), request.profile.value, f"{until:%Y-%m-%d}")
    return undeployed_diff(f"leaf {request.name}", former, wanted if plan.reason else former, missing)
