# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that withdraws staples before they end, while no controller is at work.

All that it decides follows from what is on the disk, so that it may be killed at any point: its next run, or the next
deployment, completes what it began. It ends by setting its timer for the next staple.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping

from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import LAYOUT, WITHDRAWALS, Layout
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation_changes import exclusive_installation
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.leaf import attend
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.recipes import (
    read_recipe,
    recipe_names,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.standing import ERRORS, standing
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.timer import arm
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.units import TRY_AGAIN, WAIT

# Seconds until another attempt: where a run of Ansible is at work, or where something is wrong and may pass before the
# staple ends; where it is wrong still; and to look whether all is well where nothing is due. A timer that elapses
# before this program has ended starts nothing.
_SOON, _LATER, _IDLE, _SOONEST = 60, 600, 7 * 86400, 10
# Seconds that a run of Ansible takes which is inside a reload and its rollback.
_RUN = 90
# Seconds after which a certificate that is not ours is looked at again: not every one that renews it says so.
_REPLACED = 3600


def main() -> int:
    """Run as ``staples.pyz withdraw``. Returns the exit status.

    With ``--wait`` by what renews certificates, before it has a server use them: a staple of the former one must not be
    shown with the new one.
    """
    return withdraw_staples(time.time, LAYOUT, _RUN if sys.argv[2:] == [WAIT] else 0)


def withdraw_staples(clock: Callable[[], float], layout: Layout, timeout: float = 0) -> int:
    """Withdraw every staple that is due, and set the timer for the next one. Returns the exit status.

    A run of Ansible that is at work is waited for, up to ``timeout`` seconds; after that, there is another attempt.
    """
    attempts: dict[str, float] = {}
    failed = False
    try:
        for file_name in recipe_names(layout):
            try:
                if not attend(read_recipe(file_name, layout), clock(), layout, timeout):
                    attempts[file_name] = clock() + _SOON
            except ERRORS as error:
                attempts[file_name], failed = _next_attempt(file_name, clock(), layout), True
                _report(f"{os.path.join(layout.settings, WITHDRAWALS, file_name)}: {error}")
        with exclusive_installation(layout):
            set_timer(clock(), layout, attempts)
    except ERRORS as error:
        _report(f"The timer was not set: {error}")
        return TRY_AGAIN
    return 1 if failed else 0


def _next_attempt(file_name: str, now: float, layout: Layout) -> float:
    """When to try again what failed for a recipe's leaf."""
    try:
        recipe = read_recipe(file_name, layout)
        end = None if recipe is None else standing(recipe).end
    except ERRORS:
        end = None
    return now + (_SOON if end is not None and now < end else _LATER)


def _report(message: str) -> None:
    # systemd enters it in its journal.
    sys.stderr.write(f"{message}\n")


def set_timer(now: float, layout: Layout, attempts: Mapping[str, float] | None = None) -> None:
    """Set the timer for the next staple that ends, with ``attempts`` at other times by a recipe's file name.

    To be called while nobody else installs anything. Raises HostError, OSError.
    """
    names = recipe_names(layout)
    moments = [(attempts or {}).get(name) or _next_moment(name, now, layout) for name in names]
    first = min((moment for moment in moments if moment is not None), default=now + _IDLE)
    if names:
        arm(max(first, now + _SOONEST), layout)


def _next_moment(file_name: str, now: float, layout: Layout) -> float | None:
    """When the recipe's leaf needs attention, None where it needs none."""
    try:
        recipe = read_recipe(file_name, layout)
        due = None if recipe is None else standing(recipe).due
    except ERRORS:
        return 0  # the program says what is wrong, and when it tries again
    return due if recipe is None or due is None or not recipe.certificate else min(due, now + _REPLACED)
