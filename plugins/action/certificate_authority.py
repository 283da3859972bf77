# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.certificate_authority. It runs on the controller alone."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from ansible import constants
from ansible_collections.anchorage.pki.plugins.plugin_utils._action import AUTHORITY_SPEC, PASSPHRASE_SPEC, PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer import Given
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.locks import changing
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.planned import (
    make_planned,
    needs_planned,
    planned_folder,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import check_passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.task import (
    GIVEN,
    AuthorityTask,
    TaskPlan,
    authority_task,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority_arguments import (
    PROXY_SPEC,
    ROOT_CONDITIONS,
    ROOT_SPEC,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._passphrases import passphrases_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import publish_root
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import publication_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import create_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.public_files import LARGEST_FILE

#: What a text in PEM has, and no path.
PEM = "-----BEGIN"


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
        "issuing_request_path": {"type": "path"},
        "issuing_certificate": {"type": "str"},
        "root_certificate": {"type": "str"},
        "import_certificate": {"type": "str"},
        "import_key": {"type": "str", "no_log": True},
        "import_passphrase": {"type": "str", "no_log": True},
        "sign_request": {"type": "str"},
        "signed_certificate_path": {"type": "path"},
        **PROXY_SPEC,
    }
    CONDITIONS = {
        "mutually_exclusive": [
            *ROOT_CONDITIONS,
            ("import_certificate", "issuing_request_path"),
            ("import_certificate", "root_key_uri"),
        ],
        "required_by": {"signed_certificate_path": "sign_request", "import_passphrase": "import_key"},
        "required_together": [("import_certificate", "import_key")],
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        folder = self.authority_folder(arguments["authority"])
        suffix = "XXXXXX" if self.check_mode else secrets.token_hex(3)
        files = {option: self._given(option, arguments[option]) for option in GIVEN}
        common_name, now = f"Anchorage authority {suffix}", datetime.now(timezone.utc)
        task = authority_task(folder, arguments, passphrases_of(arguments), common_name, files, now)
        public = publication_folder(arguments["publish"], folder)
        plan = task.plan()
        check_passphrases(plan.provisioning, task.passphrases)
        if self.check_mode:
            checked = self._checked(task, plan)
            return checked.result(checked.provisioning.authority, task.now, self.diff_mode)
        create_folder(folder)
        self.authority_folder(arguments["authority"], makes=True)
        with changing(folder):
            # Once more, since another run may have done it all meanwhile.
            plan = task.plan()
            publish = partial(publish_root, task.passphrases, public, task.now) if public else None
            authority, done = task.carry_out(plan, publish)
            return {**plan.result(authority, task.now, self.diff_mode), **done}

    def _given(self, option: str, value: str | None) -> Given | None:
        """What an option gives, as text or as the path of a file; None where it was left out. Raises PkiError."""
        if value is None:
            return None
        if PEM in value:
            return Given(option, value.encode(errors="surrogateescape"))
        path, content = self.controller_file(option, value, LARGEST_FILE)
        return Given(f"{option} {path}", content)

    def _checked(self, task: AuthorityTask, plan: TaskPlan) -> TaskPlan:
        """The plan as an earlier task of the run leaves it, which made the authority or in check mode planned it."""
        if not needs_planned(plan.provisioning):
            return plan
        run_folder = Path(constants.DEFAULT_LOCAL_TMP)
        planned = planned_folder(task.folder, run_folder)
        if not planned.exists():
            make_planned(plan.provisioning, task.passphrases, run_folder, task.now, self._ledger_url is None)
            return plan
        self._stand_in = planned, task.folder
        task = task.on_planned(planned, plan.provisioning.policy.subject.common_name)
        again = task.plan()
        check_passphrases(again.provisioning, task.passphrases)
        return replace(again, provisioning=replace(again.provisioning, folder=plan.provisioning.folder))
