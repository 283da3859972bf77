# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.show: lines for people, as they are. It runs on the controller alone."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Prints lines, which Ansible's own debug module prints as a list in JSON."""

    ARGUMENT_SPEC = {"lines": {"type": "list", "elements": "str", "required": True}}

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        lines = self.validate_argument_spec(self.ARGUMENT_SPEC)[1]["lines"]
        self._display.display("\n".join(["", *lines]))
        return {"changed": False, "lines": lines}
