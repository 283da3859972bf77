# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.trust_anchor: the controller chooses the anchor, the host trusts it and proves it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._trust_action import ANCHOR_SPEC, TrustAction
from ansible_collections.anchorage.pki.plugins.plugin_utils.anchors import identify_anchor, parse_anchor
from ansible_collections.anchorage.pki.plugins.plugin_utils.errors import AuthorityMissingError


class ActionModule(TrustAction):
    """Installs an anchor in the stores of a host, or removes it."""

    ARGUMENT_SPEC = {**ANCHOR_SPEC, "state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        present = arguments["state"] == "present"
        try:
            text, source = self.anchor_text(arguments)
        except AuthorityMissingError as error:
            if not (self.check_mode and present):
                raise
            return {"changed": True, "anchor": {}, "stores": [], "msg": f"Its root would be trusted. {error}"}
        if present:
            return self.ask_host("install", parse_anchor(text, source, datetime.now(timezone.utc)), task_vars)
        return self.ask_host("remove", identify_anchor(text, source), task_vars)
