# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.ledger_move. It runs on the controller alone."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._action import AUTHORITY_SPEC, PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import LEDGER, authority_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger_urls import check_url
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.moving import (
    move_to_folder,
    move_to_server,
    plan_to_folder,
    plan_to_server,
)

SERVER, FOLDER = "server", "folder"


class ActionModule(PkiAction):
    """Moves a ledger to a PostgreSQL server that controllers share, and back."""

    _requires_connection = False

    ARGUMENT_SPEC = {**AUTHORITY_SPEC, "to": {"type": "str", "choices": [SERVER, FOLDER], "required": True}}
    CONDITIONS = {"required_if": [("to", SERVER, ("ledger_url",))]}

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        folder, given = authority_folder(arguments["authority"], os.environ), arguments["ledger_url"]
        url = None if given is None else check_url(given, "ledger_url")
        if arguments["to"] == SERVER and url is not None:
            place, changed = url, plan_to_server(folder, url)
            if changed and not self.check_mode:
                move_to_server(folder, url)
        else:
            place, changed = str(folder / LEDGER), plan_to_folder(folder, url)
            if changed and not self.check_mode:
                move_to_folder(folder, f"{folder} on {os.uname().nodename}")
        words = "is at"
        if changed:
            words = "would be moved to" if self.check_mode else "was moved to"
        return {"changed": changed, "ledger": place, "lines": [f"{folder}: the ledger {words} {place}"]}
