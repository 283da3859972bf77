# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.certificate_authority. It runs on the controller alone."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from ansible import constants
from ansible_collections.anchorage.pki.plugins.plugin_utils._action import AUTHORITY_SPEC, PASSPHRASE_SPEC, PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer import Given
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    LOCK,
    Authority,
    authority_folder,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.delegation import (
    Delegation,
    answer_to,
    delegate,
    plan_delegation,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.planned import make_planned, planned_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    Passphrases,
    ProvisioningPlan,
    carry_out,
    check_passphrases,
    plan_provisioning,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.renewal import request_warnings
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.request_file import (
    with_request_file,
    write_request_file,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import (
    authority_result,
    delegation_result,
    policy_result,
    provisioning_diff,
    warnings_for,
    with_warnings,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority_arguments import ROOT_CONDITIONS, ROOT_SPEC
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import publish_root
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import publication_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import create_folder, exclusive_lock
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.public_files import (
    LARGEST_FILE,
    PublicFile,
    public_file,
)

#: What a text in PEM has, and no path.
PEM = "-----BEGIN"


class ActionModule(PkiAction):
    """Makes the authority, or renews what is due in it."""

    _requires_connection = False
    _signed_file: PublicFile | None = None

    ARGUMENT_SPEC = {
        **AUTHORITY_SPEC,
        **PASSPHRASE_SPEC,
        "subject": {
            "type": "dict",
            "options": {"common_name": {"type": "str"}, "organization": {"type": "str"}, "country": {"type": "str"}},
        },
        **ROOT_SPEC,
        "root_lifetime": {"type": "int"},
        "issuing_lifetime": {"type": "int"},
        "responder_lifetime": {"type": "int"},
        "leaf_lifetime": {"type": "int"},
        "staple_lifetime": {"type": "int"},
        "crl_url": {"type": "str"},
        "ocsp_url": {"type": "str"},
        "issuer_url": {"type": "str"},
        "publish": {"type": "path"},
        "issuing_request_path": {"type": "path"},
        "issuing_certificate": {"type": "str"},
        "root_certificate": {"type": "str"},
        "sign_request": {"type": "str"},
        "signed_certificate_path": {"type": "path"},
    }
    CONDITIONS = {
        "mutually_exclusive": ROOT_CONDITIONS,
        "required_by": {"signed_certificate_path": "sign_request"},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(timezone.utc)
        folder = authority_folder(arguments["authority"], os.environ)
        suffix = "(and six random characters)" if self.check_mode else secrets.token_hex(3)
        default_common_name = f"Anchorage authority {suffix}"
        passphrases = Passphrases(arguments["passphrase"], arguments["responder_passphrase"])
        public = publication_folder(arguments["publish"], folder)
        request_file = public_file("issuing_request_path", arguments["issuing_request_path"])
        self._signed_file = public_file("signed_certificate_path", arguments["signed_certificate_path"])
        given = [*self._given(arguments, "issuing_certificate"), *self._given(arguments, "root_certificate")]
        asked = self._given(arguments, "sign_request")
        plan = with_request_file(plan_provisioning(folder, arguments, default_common_name, now, given), request_file)
        check_passphrases(plan, passphrases)
        delegations = [plan_delegation(request, plan.authority, plan.policy) for request in asked]
        if self.check_mode:
            return self._shape(self._checked(plan, arguments, passphrases, now), delegations, plan.authority, now)
        create_folder(folder)
        with exclusive_lock(folder / LOCK):
            # Once more, since another run may have done it all meanwhile.
            plan = plan_provisioning(folder, arguments, default_common_name, now, given)
            plan = with_request_file(plan, request_file)
            delegations = [plan_delegation(request, plan.authority, plan.policy) for request in asked]
            publish = partial(publish_root, passphrases, public, now) if public else None
            authority = carry_out(plan, passphrases, now, publish)
            write_request_file(authority, request_file)
            result = self._shape(plan, delegations, authority, now)
            for delegation in delegations:
                result |= self._delegate(delegation, authority, passphrases, now)
            return {**result, **authority_result(authority)}

    def _given(self, arguments: Mapping[str, Any], option: str) -> list[Given]:
        """What an option gives, as text or as the path of a file; nothing where it was left out. Raises PkiError."""
        value = arguments[option]
        if value is None:
            return []
        if PEM in value:
            return [Given(option, value.encode(errors="surrogateescape"))]
        path, content = self.controller_file(option, value, LARGEST_FILE)
        return [Given(f"{option} {path}", content)]

    def _delegate(
        self, delegation: Delegation, authority: Authority, passphrases: Passphrases, now: datetime
    ) -> dict[str, Any]:
        certificate = delegate(delegation, authority, passphrases, now)
        answer = answer_to(certificate, authority)
        if self._signed_file is not None:
            self._signed_file.write(answer)
        return delegation_result(certificate, answer)

    def _checked(
        self, plan: ProvisioningPlan, arguments: dict[str, Any], passphrases: Passphrases, now: datetime
    ) -> ProvisioningPlan:
        """The plan as an earlier task of the run leaves it, which made the authority or in check mode planned it."""
        if plan.authority is not None:
            return plan
        run_folder = Path(constants.DEFAULT_LOCAL_TMP)
        planned = planned_folder(plan.folder, run_folder)
        if not planned.exists():
            make_planned(plan, passphrases, run_folder, now)
            return plan
        self._stand_in = planned, plan.folder
        again = plan_provisioning(planned, arguments, plan.policy.subject.common_name, now)
        check_passphrases(again, passphrases)
        return replace(again, folder=plan.folder)

    def _shape(
        self, plan: ProvisioningPlan, delegations: list[Delegation], authority: Authority | None, now: datetime
    ) -> dict[str, Any]:
        """The result of a plan and of ``delegations``; ``authority`` is the one that warnings are about."""
        more = [step for each in delegations for step in each.steps(plan.authority, self._signed_file)]
        result: dict[str, Any] = {
            "changed": bool(plan.steps or more),
            "steps": [*map(str, plan.steps), *more],
            "folder": str(plan.folder),
            **policy_result(plan.policy),
        }
        if self.diff_mode:
            result["diff"] = provisioning_diff(plan, more)
        pending = request_warnings(authority, now) if authority else []
        return with_warnings(result, [*warnings_for(plan.policy, authority), *pending])
