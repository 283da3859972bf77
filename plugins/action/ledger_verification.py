# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.ledger_verification: the ledger held against what a host has."""

from __future__ import annotations

import posixpath
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import RESPONDER_PORT
from ansible_collections.anchorage.pki.plugins.plugin_utils._action import AUTHORITY_SPEC, PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.host import CallHost
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.results import verification_result
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.verification import verify_host
from ansible_collections.anchorage.pki.plugins.plugin_utils._look.programs import LEAVES

# What the host half takes, and a look that only asks which leaves there are does without.
_NO_SERVER = {
    "owner": None,
    "group": None,
    "mode": "0600",
    "server": "none",
    "responder_port": RESPONDER_PORT,
    "withdrawal": "off",
}


class ActionModule(PkiAction):
    """Tells where a host has other leaves than the ledger says."""

    ARGUMENT_SPEC = {**AUTHORITY_SPEC, "destination": {"type": "str", "default": "/etc/pki/anchorage"}}

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        authority = self.authority(arguments["authority"], task_vars)

        def call_of(destination: str) -> CallHost:
            return self.caller(LEAVES, "leaf_deployment", {"destination": destination, **_NO_SERVER}, task_vars)

        with open_ledger(authority.ledger_path, read_only=True) as ledger:
            host, destination = self.host_of(task_vars), posixpath.normpath(arguments["destination"])
            return verification_result(host, verify_host(host, destination, call_of, authority, ledger))
