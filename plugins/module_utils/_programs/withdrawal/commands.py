# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands of recipes: tests of a server's configuration, and reloads of servers that are running."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import run
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.programs import find_command
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.controls import CONTROLS
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import Layout
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.recipes import Commands

_SECONDS = 60
_STOPPED = ("inactive", "failed")
# The options of systemctl(1) that a reload may have and whose value is the next word.
_WITH_VALUE = ("-s", "--signal", "--kill-whom", "--kill-who", "--job-mode", "-H", "--host", "-M", "--machine")


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
    units = {control.unit for control in CONTROLS[server]}
    return bool(units) and all(_state(unit, layout) in _STOPPED for unit in units)


def _of_active_units(command: Sequence[str], layout: Layout) -> Sequence[str]:
    """The ``command`` without the units that are stopped, where it is systemctl's: some of its reloads start a unit.
    Empty where nothing is left to reload."""
    if not command or os.path.basename(command[0]) != "systemctl":
        return command
    options, words = _parted(command[1:])
    active = [unit for unit in words[1:] if _state(unit, layout, options) not in _STOPPED]
    return [command[0], *options, *words[:1], *active] if active else []


def _parted(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The options among the arguments of systemctl, with their values, and what else there is."""
    options: list[str] = []
    others: list[str] = []
    for former, word in zip(["", *words], words):
        (options if word.startswith("-") or former in _WITH_VALUE else others).append(word)
    return options, others


def _state(unit: str, layout: Layout, options: Sequence[str] = ()) -> str:
    """The state of the unit: one that is just starting may have read its files already. With the ``options`` of a
    command, as that one would find it, such as in a container or among a user's units."""
    systemctl = find_command("systemctl", layout.search_path) or "systemctl"
    question = ["show", "--property=ActiveState", "--value", *options, "--", unit]
    return _run([systemctl, *question], layout).strip()


def _run(command: Sequence[str], layout: Layout) -> str:
    """What the command prints. Raises HostError where it fails."""
    outcome = run(command, _SECONDS, search_path=layout.search_path)
    if outcome.status:
        raise HostError(f"{' '.join(command)} failed: {outcome.last_line}")
    return outcome.stdout.decode(errors="replace")
