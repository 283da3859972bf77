# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.run_report: what became of each host, shown and written, on the controller alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._run.report import (
    HostResults,
    run_report,
    unfinished_report,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._run.summary import run_summary
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.report_files import write_report


class ActionModule(ActionBase):
    """Reports a run, at its beginning or at its end."""

    ARGUMENT_SPEC = {
        "complete": {"type": "bool", "default": True},
        "file": {"type": "path"},
    }

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        arguments = self.validate_argument_spec(self.ARGUMENT_SPEC)[1]
        now = datetime.now(timezone.utc)
        report = _finished(task_vars or {}, now) if arguments["complete"] else unfinished_report(now)
        lines = run_summary(report, bool(self._task.check_mode)) if arguments["complete"] else []
        if lines:
            self._display.display("\n".join(["", *lines]))
        if arguments["file"] and not self._task.check_mode:
            try:
                write_report(Path(arguments["file"]), f"{json.dumps(report, indent=2)}\n")
            except PkiError as error:
                return {"failed": True, "changed": False, "msg": f"file: {error}"}
        return {"changed": False, "lines": lines}


def _finished(task_vars: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The report of the hosts of the play. They stay in it where they failed or were lost in a former play."""
    hosts, left = task_vars["ansible_play_hosts_all"], frozenset(task_vars["ansible_play_hosts"])
    results = {host: _results(task_vars["hostvars"].raw_get(host)) for host in hosts}
    return run_report(results, frozenset(hosts) - left, now)


def _results(variables: Mapping[str, Any]) -> HostResults:
    return HostResults(variables.get("trust_anchor_result"), variables.get("leaf_certificate_result"))
