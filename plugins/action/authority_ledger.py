# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.authority_ledger. It runs on the controller alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._action import AUTHORITY_SPEC, PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger, open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import with_warnings
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.arguments import (
    EXPORT,
    FORGET,
    LIST,
    PRUNE,
    STEPS,
    check_arguments,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.care import KEEP_DAYS, forget, prune
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.export import (
    CSV,
    JSON_LINES,
    LARGEST_FILE,
    exported,
    merged,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.results import (
    export_result,
    forget_result,
    list_result,
    prune_result,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.selection import (
    STATES,
    Listed,
    Selection,
    selected,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._operator import operator
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.report_files import differs, write_report


class ActionModule(PkiAction):
    """Lists, exports, prunes and forgets what an authority's ledger knows."""

    _requires_connection = False

    ARGUMENT_SPEC = {
        **AUTHORITY_SPEC,
        "step": {"type": "str", "choices": list(STEPS), "default": LIST},
        "host": {"type": "str"},
        "name": {"type": "str"},
        "state": {"type": "str", "choices": list(STATES)},
        "ends_within_days": {"type": "int"},
        "search": {"type": "str"},
        "merge": {"type": "list", "elements": "str", "default": []},
        "file": {"type": "path"},
        "format": {"type": "str", "choices": [JSON_LINES, CSV], "default": JSON_LINES},
        "keep_days": {"type": "int", "default": KEEP_DAYS},
        "reason": {"type": "str"},
    }
    CONDITIONS = {"required_if": [("step", EXPORT, ("file",)), ("step", FORGET, ("host", "reason"))]}

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        check_arguments(arguments)
        step, now = arguments["step"], datetime.now(timezone.utc)
        if arguments["merge"]:
            files = dict(self.controller_file("merge", name, LARGEST_FILE) for name in arguments["merge"])
            return list_result(selected(merged(files), _selection(arguments), now), [], now)
        authority = self.authority(arguments["authority"], task_vars)
        writes = step in (PRUNE, FORGET) and not self.check_mode
        with open_ledger(authority.ledger_path, read_only=not writes) as ledger:
            if step == PRUNE:
                result = prune_result(prune(authority, ledger, arguments["keep_days"], now, self.check_mode))
            elif step == FORGET:
                result = self._forget(ledger, arguments, task_vars, now)
            else:
                result = self._read(authority, ledger, arguments, now)
        return result if self.diff_mode else {key: value for key, value in result.items() if key != "diff"}

    def _forget(
        self, ledger: Ledger, arguments: dict[str, Any], task_vars: Mapping[str, Any], now: datetime
    ) -> dict[str, Any]:
        host, reason, inventory = arguments["host"], arguments["reason"], task_vars["groups"]["all"]
        leaves = forget(ledger, host, reason, operator(), inventory, now, self.check_mode)
        result, warnings = forget_result(host, reason, leaves)
        return with_warnings(result, warnings)

    def _read(self, authority: Authority, ledger: Ledger, arguments: dict[str, Any], now: datetime) -> dict[str, Any]:
        name = authority.policy.subject.common_name
        every = [Listed(name, entry) for entry in ledger.entries.all()]
        if arguments["step"] == LIST:
            return list_result(selected(every, _selection(arguments), now), ledger.entries.forgotten(), now)
        path, content = Path(arguments["file"]), exported(every, arguments["format"])
        changed = differs(path, content)
        if changed and not self.check_mode:
            write_report(path, content)
        return export_result(path, len(every), changed)


def _selection(arguments: Mapping[str, Any]) -> Selection:
    days = arguments["ends_within_days"]
    return Selection(
        arguments["host"] or "",
        arguments["name"] or "",
        arguments["state"] or "",
        None if days is None else timedelta(days=days),
        arguments["search"] or "",
    )
