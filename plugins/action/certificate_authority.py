# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.certificate_authority. It runs on the controller alone."""

from __future__ import annotations

import os
import secrets
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from ansible import constants
from ansible_collections.anchorage.pki.plugins.plugin_utils._action import AUTHORITY_SPEC, PASSPHRASE_SPEC, PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import LOCK, authority_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.planned import make_planned, planned_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    Passphrases,
    ProvisioningPlan,
    carry_out,
    check_passphrases,
    plan_provisioning,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import (
    authority_result,
    policy_result,
    provisioning_diff,
    warnings_for,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority_arguments import ROOT_CONDITIONS, ROOT_SPEC
from ansible_collections.anchorage.pki.plugins.plugin_utils._passphrases import passphrases_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import publish_root
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import publication_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import create_folder, exclusive_lock


class ActionModule(PkiAction):
    """Makes the authority, or renews what is due in it."""

    _requires_connection = False

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
    }
    CONDITIONS = {"mutually_exclusive": ROOT_CONDITIONS}

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(timezone.utc)
        folder = authority_folder(arguments["authority"], os.environ)
        suffix = "(and six random characters)" if self.check_mode else secrets.token_hex(3)
        default_common_name = f"Anchorage authority {suffix}"
        passphrases = passphrases_of(arguments)
        public = publication_folder(arguments["publish"], folder)
        plan = plan_provisioning(folder, arguments, default_common_name, now, passphrases.tokens)
        check_passphrases(plan, passphrases)
        if self.check_mode:
            return self._shape(self._checked(plan, arguments, passphrases, now))
        create_folder(folder)
        with exclusive_lock(folder / LOCK):
            # Once more, since another run may have done it all meanwhile.
            plan = plan_provisioning(folder, arguments, default_common_name, now, passphrases.tokens)
            publish = partial(publish_root, passphrases, public, now) if public else None
            return {**self._shape(plan), **authority_result(carry_out(plan, passphrases, now, publish))}

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
        again = plan_provisioning(planned, arguments, plan.policy.subject.common_name, now)  # its keys are on no token
        check_passphrases(again, passphrases)
        return replace(again, folder=plan.folder)

    def _shape(self, plan: ProvisioningPlan) -> dict[str, Any]:
        result: dict[str, Any] = {
            "changed": bool(plan.steps),
            "steps": [str(step) for step in plan.steps],
            "folder": str(plan.folder),
            **policy_result(plan.policy),
        }
        if warnings_for(plan.policy):
            result["warnings"] = warnings_for(plan.policy)
        if self.diff_mode:
            result["diff"] = provisioning_diff(plan)
        return result
