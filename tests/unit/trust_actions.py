# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The actions of an anchor, on a host in a scratch folder."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ansible_collections.anchorage.pki.plugins.action.trust_anchor import ActionModule
from ansible_collections.anchorage.pki.plugins.action.trust_anchor_info import ActionModule as LookModule
from ansible_collections.anchorage.pki.plugins.module_utils._trust import engine
from ansible_collections.anchorage.pki.plugins.module_utils._trust.answer import answer
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust_action import TrustAction
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ScratchHost


class OnScratchHost(TrustAction):
    """An action on a host of the test's own."""

    def __init__(self, host: ScratchHost, arguments: dict[str, Any], **mode: Any) -> None:
        self._task = SimpleNamespace(
            **{"args": arguments, "async_val": 0, "check_mode": False, "diff": False, "delegate_to": None, **mode}
        )
        self._host = host
        self._connection = SimpleNamespace(become=None)

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        arguments = self.validate_argument_spec(self.ARGUMENT_SPEC, **self.CONDITIONS)[1]
        return self.act(arguments, task_vars or {"inventory_hostname": "web1"})

    def keep_arguments_off_disk(self) -> None:
        """No disk is between this action and its host."""

    def look_at_host(self, _program: Any, _module: str, arguments: dict[str, Any], _task_vars: Any) -> dict[str, Any]:
        def work(request: Any, settings: Any) -> Any:
            return engine.apply(request, settings, self.check_mode, self._host.table)

        answered = answer(arguments, self._host.settings, work)
        assert answered is not None
        return answered


class Action(OnScratchHost, ActionModule):
    """The one that installs."""


class Look(OnScratchHost, LookModule):
    """The one that looks."""
