# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The withdrawal of one leaf's staple, by what is on the disk."""

from __future__ import annotations

import sys
import time

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import remove
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import opened_folder
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import BusyError, existing_lock
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal import read_journals
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal_changes import forget_swaps
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointer_changes import set_pointing
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import wanted_pointing
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.withdrawn import MARK, Mark
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.withdrawn_changes import (
    make_unstapled,
    settle_mark,
    write_mark,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import Layout
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.commands import (
    reload_servers,
    run_tests,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.recipes import Recipe
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.standing import (
    Standing,
    place_of,
    standing,
    standing_in,
)


def attend(recipe: Recipe | None, now: float, layout: Layout, timeout: float = 0) -> bool:
    """Withdraw the staple of the recipe's leaf where that is due; False where another run is at work there for longer
    than ``timeout`` seconds.

    Raises any of ``ERRORS``.
    """
    due = None if recipe is None else standing(recipe).due
    if recipe is None or due is None or due > now:
        return True
    with opened_folder(recipe.destination) as root:
        try:
            if root is not None:
                with existing_lock(root, recipe.destination, exclusive=True, timeout=timeout):
                    _withdraw(root, recipe, now, layout)
        except BusyError:
            return False
    return True


def _withdraw(root: int, recipe: Recipe, now: float, layout: Layout) -> None:
    """Withdraw the staple, now that nobody else is at work. Raises any of ``ERRORS``."""
    journals = read_journals(root)
    with opened_folder(place_of(recipe).folder(recipe.name)) as folder:
        found = Standing(0, None, None) if folder is None else standing_in(folder, recipe.certificate)
        if journals and not (found.is_replaced or found.is_torn):
            raise HostError(
                f"an activation in {recipe.destination} was interrupted; the next run of the task settles it"
            )
        if folder is not None and found.due is not None and found.due <= now:  # no other run was faster
            _swap(folder, recipe, found, now, layout)
    # A run that settles it must not bring back what the former certificate's staple is named by.
    forget_swaps(root, journals, recipe.name)


def _swap(folder: int, recipe: Recipe, found: Standing, now: float, layout: Layout) -> None:
    """Have nothing name the staple any more, and servers notice. Raises any of ``ERRORS``.

    The mark comes first: what it stands for is then no longer taken for somebody's mistake.
    """
    number = found.generation
    if found.mark is None:
        write_mark(folder, Mark(number, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)), settled=False))
    make_unstapled(folder, number)
    set_pointing(folder, wanted_pointing(place_of(recipe), recipe.name, number, stapled=True, withdrawn=True))
    try:
        run_tests(recipe.commands, layout)
    except HostError:
        if not found.is_replaced:  # a staple of another certificate is nothing to go back to
            set_pointing(folder, wanted_pointing(place_of(recipe), recipe.name, number, stapled=True))
            remove(folder, MARK)
        raise
    reload_servers(recipe.commands, recipe.server, layout)
    settle_mark(folder, number)
    path = place_of(recipe).generation(recipe.name, number)
    reason = f", since {recipe.certificate} is another certificate now" if found.is_replaced else ""
    sys.stderr.write(f"Withdrew the staple of {path}{reason}.\n")
