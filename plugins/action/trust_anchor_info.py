# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.trust_anchor_info: the same anchor, the same look at the host, and no change."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import INSPECT
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust_action import ANCHOR_SPEC, NOTHING, TrustAction


class ActionModule(TrustAction):
    """Tells which stores of a host trust an anchor."""

    ARGUMENT_SPEC = ANCHOR_SPEC

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        chosen = self.chosen(INSPECT, arguments, task_vars, datetime.now(timezone.utc))
        return self.ask_host(INSPECT, chosen, arguments, task_vars) if chosen.anchors else dict(NOTHING)
