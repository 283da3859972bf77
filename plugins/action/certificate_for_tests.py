# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.certificate_for_tests. It runs on the controller alone."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._action import AUTHORITY_SPEC, PASSPHRASE_SPEC, PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.next_policy import read_next_policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import preflight_warnings, with_warnings
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import check_requests
from ansible_collections.anchorage.pki.plugins.plugin_utils._passphrases import passphrases_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import publication_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._undeployed.files import check_apart
from ansible_collections.anchorage.pki.plugins.plugin_utils._undeployed.results import (
    leaf_fields,
    leaf_lines,
    undeployed_diff,
    wanted_lines,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._undeployed.untimely import (
    VALIDITIES,
    UntimelyPlan,
    UntimelyTransaction,
    parse_untimely_request,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import PROFILES
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KEY_TYPES
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import shown


class ActionModule(PkiAction):
    """Makes a key and a leaf that clients have to refuse, for people's tests."""

    _requires_connection = False

    ARGUMENT_SPEC = {
        **AUTHORITY_SPEC,
        **PASSPHRASE_SPEC,
        "name": {"type": "str", "required": True},
        "names": {"type": "list", "elements": "str", "required": True},
        "validity": {"type": "str", "choices": VALIDITIES, "required": True},
        "profile": {"type": "str", "choices": PROFILES, "default": "server"},
        "key_type": {"type": "str", "choices": KEY_TYPES, "default": "ecdsa-p256", "no_log": False},
        "destination": {"type": "path", "required": True},
        "publish": {"type": "path"},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        request = parse_untimely_request(arguments)
        authority = self.authority(arguments["authority"], task_vars)
        check_apart(arguments["destination"], authority)
        check_requests([request], authority.policy, lambda: read_next_policy(authority))
        published = publication_folder(arguments["publish"], authority.folder)
        warnings: list[str] = []
        with open_ledger(authority.ledger_path, read_only=self.check_mode) as ledger:
            now, passphrases = datetime.now(timezone.utc), passphrases_of(arguments)
            transaction = UntimelyTransaction(authority, passphrases, ledger, now, published)
            plan = transaction.plan(request)
            leaf = plan.record.certificate if plan.record and not plan.reason else None
            if self.check_mode:
                warnings = preflight_warnings(lambda: transaction.preflight(plan))
            elif plan.changed:
                leaf = transaction.carry_out(plan)
        result = {
            "changed": plan.changed,
            "reason": plan.reason or "it is there",
            "name": request.name,
            "names": [name.value for name in request.names],
            **(leaf_fields(leaf, transaction.contents(leaf)) if leaf else {}),
            "files": request.paths,
        }
        return with_warnings({**result, **({"diff": _diff(plan)} if self.diff_mode else {})}, warnings)


def _diff(plan: UntimelyPlan) -> dict[str, str]:
    former, request = leaf_lines(plan.record.certificate if plan.record else None), plan.request
    wanted = wanted_lines(shown(request.names), request.profile.value, request.validity.value)
    written = request.paths if plan.reason else list(plan.missing)
    return undeployed_diff(f"leaf {request.name} for tests", former, wanted if plan.reason else former, written)
