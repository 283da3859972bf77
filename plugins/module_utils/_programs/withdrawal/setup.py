# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Setting up the withdrawal of staples on a host, and removing it again with the last leaf that needs it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import replace
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes, opened_folder
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import INSTALLED, UNAVAILABLE
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import REPAIR, Delivery, Deployment, Removal
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import LAYOUT, WITHDRAWALS, Layout
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation_changes import (
    exclusive_installation,
    install_program,
    install_units,
    remove_entry,
    remove_unused_program,
    write_entry,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdraw import set_timer
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.certbot import missing_hook
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.certbot_changes import (
    install_hook,
    remove_hook,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.drift import (
    Withdrawal,
    former_recipe,
    is_armed,
    with_recipe,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.recipes import (
    Recipe,
    read_recipe,
    recipe_name,
    recipe_names,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.service import service_unit
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.standing import (
    ERRORS,
    standing,
    withdrawable_staple,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.timer import disarm
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.units import SERVICE

_RECIPE_ATTRIBUTES = Attributes(0o600)


def set_up(deployment: Deployment, deliveries: Sequence[Delivery], withdrawal: Withdrawal) -> Deployment:
    """After a ``deployment``, set up the withdrawal of what was deployed, or remove what is no longer wanted of it.

    What was deployed stays where that fails: the next run finds that the withdrawal is not set up.
    """
    state = withdrawal.state
    if state == UNAVAILABLE:
        return replace(deployment, withdrawal=state)
    destination = withdrawal.destination
    stapled = [each for each in deliveries if state == INSTALLED and _has_staple(destination, each.name)]
    unstapled = [each.name for each in deliveries if each not in stapled]
    try:
        changed = _remove(destination.path, unstapled, withdrawal.layout)
        changed |= bool(stapled) and _install(stapled, withdrawal)
    except (HostError, OSError) as error:
        notice = f"The withdrawal of staples in {destination.path} was not set up; the next run tries again: {error}"
        return replace(deployment, withdrawal=UNAVAILABLE, notices=(*deployment.notices, notice))
    unhooked = filter(None, [missing_hook(withdrawal.recipe(each.name, None)) for each in stapled])
    notices = (*deployment.notices, *unhooked)
    return replace(deployment, withdrawal=state, changed=deployment.changed or changed, notices=notices)


def prepare(deliveries: Sequence[Delivery], withdrawal: Withdrawal) -> None:
    """Before a deployment, have what withdraws the staples that it brings, whose certificates are not ours: they may be
    replaced as soon as anything names a staple.

    Where that fails, :func:`set_up` says so afterwards.
    """
    stapled = [each for each in deliveries if each.staple]
    if stapled and withdrawal.state == INSTALLED:
        with suppress(HostError, OSError):
            _install(stapled, withdrawal)


def retract(deliveries: Sequence[Delivery], withdrawal: Withdrawal) -> None:
    """After a deployment that failed, remove what :func:`prepare` set up for leaves that have no staple. Raises
    HostError, OSError."""
    destination = withdrawal.destination
    names = [each.name for each in deliveries if not _has_staple(destination, each.name)]
    _remove(destination.path, names, withdrawal.layout)


def _has_staple(destination: Destination, name: str) -> bool:
    """Whether the leaf, which is not damaged, has a staple that may be withdrawn. Raises HostError, OSError."""
    with opened_folder(destination.folder(name)) as folder:
        return folder is not None and withdrawable_staple(folder, destination.staples_only)[2] is not None


def _install(deliveries: Sequence[Delivery], withdrawal: Withdrawal) -> bool:
    """Have all that the withdrawal of these leaves' staples needs; whether anything changed. Raises HostError, OSError.

    With a new generation, ways of activation are forgotten that no task uses any more.
    """
    layout = withdrawal.layout
    with exclusive_installation(layout):
        formers = [former_recipe(each.name, withdrawal) if each.action == REPAIR else None for each in deliveries]
        recipes = [withdrawal.recipe(each.name, former) for each, former in zip(deliveries, formers)]
        changed = install_program(layout)
        changed |= install_units(service_unit(layout), layout)
        for recipe in recipes:
            file_name = recipe_name(recipe.destination, recipe.name)
            changed |= write_entry(WITHDRAWALS, file_name, _content(recipe), _RECIPE_ATTRIBUTES, layout)
            changed |= install_hook(recipe, layout)
        if not all(_is_timed(recipe, layout) for recipe in recipes):
            set_timer(time.time(), layout)
            changed = True
    return changed


def _content(recipe: Recipe) -> bytes:
    """The recipe as :func:`read_recipe` reads it."""
    entries = dict(vars(recipe))
    if not recipe.certificate:  # as recipes of leaves have always been
        del entries["certificate"]
    return json.dumps(entries).encode("ascii")


def _is_timed(recipe: Recipe, layout: Layout) -> bool:
    """Whether the timer is set no later than the recipe's staple needs. Raises HostError, OSError."""
    try:
        due = standing(recipe).due
    except ERRORS:  # what is wrong with the leaf is said elsewhere
        due = None
    return is_armed(due, layout)


def _remove(destination: str, names: Sequence[str], layout: Layout) -> bool:
    """Remove the recipes of these leaves, and all that was installed with the last recipe; whether anything changed.

    Raises HostError, OSError.
    """
    if os.geteuid() != 0:
        return False
    present = with_recipe(destination, names, layout)
    # A run that was killed may have left units without a recipe.
    if not present and (recipe_names(layout) or not os.path.lexists(os.path.join(layout.units, SERVICE))):
        return False
    with exclusive_installation(layout):
        for name in present:
            with suppress(HostError):  # a damaged recipe says nothing of hooks
                remove_hook(read_recipe(recipe_name(destination, name), layout), layout)
            remove_entry(WITHDRAWALS, recipe_name(destination, name), layout)
        if not recipe_names(layout):
            disarm(layout)
            remove_unused_program(layout)
    return True


def take_down(removal: Removal, destination: str, check_mode: bool, layout: Layout = LAYOUT) -> Removal:
    """After a ``removal`` of leaves, remove the withdrawal of their staples. Raises HostError, OSError."""
    names = [leaf.name for leaf in removal.certificates]
    present = with_recipe(destination, names, layout)
    if not check_mode:
        _remove(destination, names, layout)
    leaves = tuple(replace(leaf, removed=leaf.removed or leaf.name in present) for leaf in removal.certificates)
    return replace(removal, certificates=leaves, changed=removal.changed or bool(present))
