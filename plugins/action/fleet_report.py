# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.fleet_report: the state of the hosts of the play, written on the controller alone."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._action import PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.export import LARGEST_FILE, merged
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.selection import Listed
from ansible_collections.anchorage.pki.plugins.plugin_utils._report.fleet import FleetReport, HostLooks, fleet_report
from ansible_collections.anchorage.pki.plugins.plugin_utils._report.page import page
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.report_files import write_report


class ActionModule(PkiAction):
    """Writes what the doctor's looks at hosts found."""

    _requires_connection = False

    ARGUMENT_SPEC = {
        "page": {"type": "path"},
        "file": {"type": "path"},
        "ledgers": {"type": "list", "elements": "str", "default": []},
    }
    CONDITIONS = {"required_one_of": [["page", "file"]]}

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        exported = merged(dict(self.controller_file("ledgers", name, LARGEST_FILE) for name in arguments["ledgers"]))
        report, written = self._report(task_vars, datetime.now(timezone.utc), exported), []
        for option, render in (("page", page), ("file", _as_json)):
            if arguments[option] and not self.check_mode:
                try:
                    write_report(Path(arguments[option]), render(report))
                except PkiError as error:
                    raise PkiError(f"{option}: {error}") from error
                written.append(os.path.abspath(arguments[option]))
        self._display.display("\n".join(["", *(f"The report is in {path}." for path in written)]))
        return {"changed": False, "written": written}

    def _report(self, task_vars: Mapping[str, Any], now: datetime, exported: Sequence[Listed]) -> FleetReport:
        variables = {host: task_vars["hostvars"].raw_get(host) for host in task_vars["ansible_play_hosts_all"]}
        looks = {host: _looks(of_host) for host, of_host in variables.items()}
        authorities = (of_host.get("anchorage_authority_found") for of_host in variables.values())
        authority: Mapping[str, Any] = next((one for one in authorities if one and "exists" in one), {})
        # ansible-core keeps warnings as objects of its own, which are texts for templates alone.
        warnings = self._templar.template(list(authority.get("warnings", [])))
        return fleet_report(looks, {**authority, "warnings": warnings}, now, exported)


def _as_json(report: FleetReport) -> str:
    return f"{json.dumps(report.document, indent=2)}\n"


def _looks(variables: Mapping[str, Any]) -> HostLooks:
    leaves = variables.get("leaf_certificate_result", {})
    return HostLooks(
        variables.get("anchorage_trust", {}),
        None if leaves.get("skipped") else leaves,
        variables.get("ocsp_staple_result", {}),
    )
