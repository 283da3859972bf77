# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.authority_backup. It runs on the controller alone."""

from __future__ import annotations

import os
from contextlib import nullcontext
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._action import AUTHORITY_SPEC, PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import authority_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.locks import changing
from ansible_collections.anchorage.pki.plugins.plugin_utils._backup.results import (
    backup_result,
    entered_result,
    lines_of_backup,
    pending_lines,
    restore_result,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._backup.transaction import back_up, restore
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.restored import (
    LARGEST_LIST,
    check_complete,
    enter,
    last_lists,
    new_entries,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import check_passphrase


class ActionModule(PkiAction):
    """Backs an authority up, and restores it."""

    _requires_connection = False

    ARGUMENT_SPEC = {
        **AUTHORITY_SPEC,
        "step": {"type": "str", "choices": ["back_up", "restore", "enter_lists"], "required": True},
        "file": {"type": "path"},
        "backup_passphrase": {"type": "str", "no_log": True},
        "lists": {"type": "list", "elements": "str", "default": []},
        "without_lists": {"type": "bool", "default": False},
    }
    CONDITIONS = {
        "required_if": [
            ("step", "back_up", ("file", "backup_passphrase")),
            ("step", "restore", ("file", "backup_passphrase")),
        ]
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        step, now = arguments["step"], datetime.now(timezone.utc)
        if step != "enter_lists" and (arguments["lists"] or arguments["without_lists"]):
            raise PkiError("lists, without_lists: go with step=enter_lists. Leave them out.")
        if step == "enter_lists":
            result = self._enter_lists(arguments, task_vars, now)
        else:
            result = (self._back_up if step == "back_up" else self._restore)(arguments, task_vars, now)
        return result if self.diff_mode else {key: value for key, value in result.items() if key != "diff"}

    def _back_up(self, arguments: dict[str, Any], task_vars: dict[str, Any], now: datetime) -> dict[str, Any]:
        passphrase, target = arguments["backup_passphrase"], Path(arguments["file"])
        check_passphrase(passphrase, "backup_passphrase", way_out="")
        folder = self.authority(arguments["authority"], task_vars).folder
        result = backup_result(target, back_up(folder, target, passphrase, now, self.check_mode), now)
        return {**result, "lines": lines_of_backup(result)}

    def _restore(self, arguments: dict[str, Any], _task_vars: dict[str, Any], now: datetime) -> dict[str, Any]:
        if arguments["ledger_url"] is not None:
            raise PkiError(
                "ledger_url: a backup is restored with a ledger in the folder. Leave the option out, and move the "
                "ledger by the playbook anchorage.pki.move_ledger afterwards."
            )
        folder = authority_folder(arguments["authority"], os.environ)
        backup = restore(folder, Path(arguments["file"]), arguments["backup_passphrase"], now, self.check_mode)
        return restore_result(folder, arguments["file"], backup, self.check_mode)

    def _enter_lists(self, arguments: dict[str, Any], task_vars: dict[str, Any], now: datetime) -> dict[str, Any]:
        folder = self.authority_folder(arguments["authority"])
        files = dict(self.controller_file("lists", name, LARGEST_LIST) for name in arguments["lists"])
        with nullcontext() if self.check_mode else changing(folder):
            authority = self.authority(arguments["authority"], task_vars)
            with open_ledger(authority.ledger_path, read_only=self.check_mode) as ledger:
                pending, lists = ledger.restores.pending(), last_lists(files, authority, ledger, now)
                found, said = new_entries(lists, ledger), bool(lists) or arguments["without_lists"]
                if said and not arguments["without_lists"]:
                    check_complete(lists, authority, ledger, now)
                if said and not self.check_mode:
                    with ledger.transaction():
                        enter(lists, found, ledger, now)
        return {
            "changed": bool(found.serials) or (pending is not None and said),
            **entered_result(found),
            "lines": pending_lines(None if said else pending, found),
        }
