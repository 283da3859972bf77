# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands of recipes: tests of a server's configuration, and reloads of servers that are running."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import find_command, run
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.servers import SERVERS
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import Layout
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.recipes import Commands

_SECONDS = 60
_STOPPED = ("inactive", "failed")


def run_tests(commands: Sequence[Commands], layout: Layout) -> None:
    """Test the configurations. Raises HostError where one is not as it should be."""
    for test, _reload in commands:
        if test:
            _run(test, layout)


def reload_servers(commands: Sequence[Commands], server: str, layout: Layout) -> None:
    """Reload those of that kind of ``server`` that run. Raises HostError, the first one, after all were tried."""
    failures = []
    for _test, reload in commands:
        try:
            if active := _of_active_units(reload, layout):
                _run(active, layout)
        except HostError as error:
            if not _is_stopped(server, layout):
                failures.append(error)
    if failures:
        raise failures[0]


def _is_stopped(server: str, layout: Layout) -> bool:
    """Whether the server is known by its unit, and stopped: then there is nothing to reload."""
    units = {control.unit for control in SERVERS[server].controls}
    return bool(units) and all(_state(unit, layout) in _STOPPED for unit in units)


def _of_active_units(command: Sequence[str], layout: Layout) -> Sequence[str]:
    """The ``command`` without the units that are stopped, where it is systemctl's: some of its reloads start a unit.
    Empty where nothing is left to reload."""
    if not command or os.path.basename(command[0]) != "systemctl":
        return command
    options = [word for word in command[1:] if word.startswith("-")]
    words = [word for word in command[1:] if not word.startswith("-")]
    active = [unit for unit in words[1:] if _state(unit, layout) not in _STOPPED]
    return [command[0], *options, *words[:1], *active] if active else []


def _state(unit: str, layout: Layout) -> str:
    """The state of the unit: a unit that is just starting may have read its files already."""
    systemctl = find_command("systemctl", layout.search_path) or "systemctl"
    return _run([systemctl, "show", "--property=ActiveState", "--value", "--", unit], layout).strip()


def _run(command: Sequence[str], layout: Layout) -> str:
    """What the command prints. Raises HostError where it fails."""
    outcome = run(command, _SECONDS, search_path=layout.search_path)
    if outcome.status:
        raise HostError(f"{' '.join(command)} failed: {outcome.last_line}")
    return outcome.stdout.decode(errors="replace")
