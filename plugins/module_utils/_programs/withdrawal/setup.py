# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Setting up the withdrawal of staples on a host, and removing it again with the last leaf that needs it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from ansible.module_utils.common.process import get_bin_path
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import opened_folder
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import (
    INSTALLED,
    NOT_NEEDED,
    REPAIR,
    UNAVAILABLE,
    Activation,
    Delivery,
    DeployedLeaf,
    Deployment,
    Inspection,
    Removal,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.servers import SERVERS
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import (
    LAYOUT,
    WITHDRAWALS,
    Layout,
    are_units_installed,
    exclusive_installation,
    install_program,
    install_units,
    is_program_installed,
    missing_requirement,
    remove_entry,
    remove_unused_program,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdraw import set_timer
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.leaf import (
    ERRORS,
    standing,
    withdrawable_staple,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.recipes import (
    Commands,
    Recipe,
    read_recipe,
    recipe_name,
    recipe_names,
    write_recipe,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.units import (
    SERVICE,
    armed_for,
    disarm,
    service_unit,
)

# Ways of activation that a recipe keeps.
_MOST_WAYS = 16
# Seconds that a timer which has elapsed may take to be set anew, when a host starts.
_REARMED = 3600
_MISSING = "the withdrawal of its staple is not set up"
_LEFT_OVER = "the withdrawal of its staple is set up, and no longer wanted"


@dataclass(frozen=True)
class Withdrawal:
    """What a task wants of it: whether staples are to be withdrawn, from where, and how servers are to be told."""

    destination: Destination
    activation: Activation
    wanted: bool
    layout: Layout = LAYOUT

    @property
    def state(self) -> str:
        """Whether a leaf with a staple has its withdrawal installed here, once this task is done."""
        if not self.wanted or not SERVERS[self.destination.server].serves_expired:
            return NOT_NEEDED
        return UNAVAILABLE if missing_requirement(self.layout) else INSTALLED

    @property
    def commands(self) -> tuple[Commands, ...]:
        """How this task activates leaves, with the programs' full paths: nobody can say what systemd's PATH will be."""
        activation = self.activation
        return ((_located(activation.test), _located(activation.reload)),) if activation.reload else ()

    def recipe(self, name: str, former: Recipe | None) -> Recipe:
        """The recipe of a leaf, with the other ways of activation that its ``former`` one has."""
        commands = former.commands if former else ()
        if not set(self.commands).issubset(commands):
            reloads = [reload for _test, reload in self.commands]
            others = [each for each in commands if each[1] not in reloads]
            commands = (*others, *self.commands)[-_MOST_WAYS:]
        return Recipe(self.destination.path, name, self.destination.server, commands)


def _located(command: Sequence[str]) -> tuple[str, ...]:
    with suppress(ValueError, IndexError):
        return (get_bin_path(command[0]), *command[1:])
    return tuple(command)


def with_drift(inspection: Inspection, withdrawal: Withdrawal) -> Inspection:
    """The ``inspection`` with what is wrong with the withdrawal of staples. Reads files, and starts no program.

    Raises HostError, OSError.
    """
    state = withdrawal.state
    shared = state == INSTALLED and _is_shared_part_installed(withdrawal.layout)
    leaves = [
        replace(leaf, drift=(*leaf.drift, *_drift(leaf, withdrawal, state, shared))) for leaf in inspection.certificates
    ]
    return replace(inspection, certificates=tuple(leaves), withdrawal=state)


def _is_shared_part_installed(layout: Layout) -> bool:
    return is_program_installed(layout) and are_units_installed(service_unit(layout), layout)


def _drift(leaf: DeployedLeaf, withdrawal: Withdrawal, state: str, shared: bool) -> list[str]:
    if not leaf.generation or leaf.damage or state == UNAVAILABLE:
        return []
    if leaf.unserved:  # it is activated again, which sets this up, too, and is what a user has to hear of
        return []
    if state == INSTALLED and _has_staple(withdrawal.destination, leaf.name):
        return [] if shared and _is_set_up(leaf.name, withdrawal) else [_MISSING]
    return [_LEFT_OVER] if _has_recipe(leaf.name, withdrawal) else []


def _has_recipe(name: str, withdrawal: Withdrawal) -> bool:
    return bool(_with_recipe(withdrawal.destination.path, [name], withdrawal.layout))


def _with_recipe(destination: str, names: Sequence[str], layout: Layout) -> list[str]:
    """Those of the leaves that have a recipe. No other user than root has any, nor could remove it."""
    if os.geteuid() != 0:
        return []
    present = recipe_names(layout)
    return [name for name in names if recipe_name(destination, name) in present]


def _is_set_up(name: str, withdrawal: Withdrawal) -> bool:
    """Whether the leaf has its recipe, and the timer is set no later than its staple needs."""
    former = _former_recipe(name, withdrawal)
    return former is not None and former == withdrawal.recipe(name, former) and _is_timed(former, withdrawal.layout)


def _former_recipe(name: str, withdrawal: Withdrawal) -> Recipe | None:
    """The recipe that the leaf has, None for none and for a damaged one."""
    with suppress(HostError):
        return read_recipe(recipe_name(withdrawal.destination.path, name), withdrawal.layout)
    return None


def _is_timed(recipe: Recipe, layout: Layout) -> bool:
    try:
        due = standing(recipe).due
    except ERRORS:  # what is wrong with the leaf is said elsewhere
        due = None
    armed, now = armed_for(layout), time.time()
    return armed is not None and armed > now - _REARMED and (due is None or armed <= max(due, now + _REARMED))


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
    return replace(deployment, withdrawal=state, changed=deployment.changed or changed)


def _has_staple(destination: Destination, name: str) -> bool:
    """Whether the leaf, which is not damaged, has a staple that may be withdrawn. Raises HostError, OSError."""
    with opened_folder(destination.folder(name)) as folder:
        return folder is not None and withdrawable_staple(folder)[1] is not None


def _install(deliveries: Sequence[Delivery], withdrawal: Withdrawal) -> bool:
    """Have all that the withdrawal of these leaves' staples needs; whether anything changed. Raises HostError, OSError.

    With a new generation, ways of activation are forgotten that no task uses any more.
    """
    layout = withdrawal.layout
    with exclusive_installation(layout):
        formers = [_former_recipe(each.name, withdrawal) if each.action == REPAIR else None for each in deliveries]
        recipes = [withdrawal.recipe(each.name, former) for each, former in zip(deliveries, formers)]
        changed = install_program(layout)
        changed |= install_units(service_unit(layout), layout)
        for recipe in recipes:
            changed |= write_recipe(recipe, layout)
        if not all(_is_timed(recipe, layout) for recipe in recipes):
            set_timer(time.time(), layout)
            changed = True
    return changed


def _remove(destination: str, names: Sequence[str], layout: Layout) -> bool:
    """Remove the recipes of these leaves, and all that was installed with the last recipe; whether anything changed.

    Raises HostError, OSError.
    """
    if os.geteuid() != 0:
        return False
    present = _with_recipe(destination, names, layout)
    # A run that was killed may have left units without a recipe.
    if not present and (recipe_names(layout) or not os.path.lexists(os.path.join(layout.units, SERVICE))):
        return False
    with exclusive_installation(layout):
        for name in present:
            remove_entry(WITHDRAWALS, recipe_name(destination, name), layout)
        if not recipe_names(layout):
            disarm(layout)
            remove_unused_program(layout)
    return True


def take_down(removal: Removal, destination: str, check_mode: bool, layout: Layout = LAYOUT) -> Removal:
    """After a ``removal`` of leaves, remove the withdrawal of their staples. Raises HostError, OSError."""
    names = [leaf.name for leaf in removal.certificates]
    present = _with_recipe(destination, names, layout)
    if not check_mode:
        _remove(destination, names, layout)
    leaves = tuple(replace(leaf, removed=leaf.removed or leaf.name in present) for leaf in removal.certificates)
    return replace(removal, certificates=leaves, changed=removal.changed or bool(present))
