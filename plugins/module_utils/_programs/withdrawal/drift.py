# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the withdrawal of staples is set up on a host as a task wants it, read from files alone."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass, field, replace
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.task_programs import program_path
from ansible_collections.anchorage.pki.plugins.module_utils._leaf import messages
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.servers import SERVERS
from ansible_collections.anchorage.pki.plugins.module_utils._programs import installation
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal import recipes, units

# Ways of activation that a recipe keeps.
_MOST_WAYS = 16
# Seconds that a timer which has elapsed may take to be set anew, when a host starts.
_REARMED = 3600
_MISSING = "the withdrawal of its staple is not set up"
_LEFT_OVER = "the withdrawal of its staple is set up, and no longer wanted"


@dataclass(frozen=True)
class Withdrawal:
    """What a task wants of it: whether staples are to be withdrawn, from where, and how servers are to be told.

    ``certificates`` are the paths of those that are not ours, by the names of their staples: servers forget no staple
    because its certificate was replaced.
    """

    destination: Destination
    activation: messages.Activation
    wanted: bool
    layout: installation.Layout = installation.LAYOUT
    certificates: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """Whether a leaf with a staple has its withdrawal installed here, once this task is done."""
        needed = self.certificates or SERVERS[self.destination.server].serves_expired
        if not self.wanted or not needed:
            return messages.NOT_NEEDED
        return messages.UNAVAILABLE if installation.missing_requirement(self.layout) else messages.INSTALLED

    @property
    def commands(self) -> tuple[recipes.Commands, ...]:
        """How this task activates leaves, with the programs' full paths: nobody can say what systemd's PATH will be."""
        activation = self.activation
        return ((_located(activation.test), _located(activation.reload)),) if activation.reload else ()

    def recipe(self, name: str, former: recipes.Recipe | None) -> recipes.Recipe:
        """The recipe of a leaf, with the other ways of activation that its ``former`` one has."""
        commands = former.commands if former else ()
        if not set(self.commands).issubset(commands):
            reloads = [reload for _test, reload in self.commands]
            others = [each for each in commands if each[1] not in reloads]
            commands = (*others, *self.commands)[-_MOST_WAYS:]
        place, certificate = self.destination, self.certificates.get(name, "")
        return recipes.Recipe(place.path, name, place.server, commands, certificate)


def _located(command: Sequence[str]) -> tuple[str, ...]:
    path = program_path(command[0]) if command else None
    return (path, *command[1:]) if path else tuple(command)


def with_drift(
    inspection: messages.Inspection, inquiries: Sequence[messages.Inquiry], withdrawal: Withdrawal
) -> messages.Inspection:
    """The ``inspection``, which answers these inquiries, with what is wrong with the withdrawal of staples.

    Reads files, and starts no program. Raises HostError, OSError.
    """
    state = withdrawal.state
    shared = state == messages.INSTALLED and _is_shared_part_installed(withdrawal.layout)
    leaves = [
        replace(leaf, drift=(*leaf.drift, *_drift(leaf, inquiry, withdrawal, state, shared)))
        for leaf, inquiry in zip(inspection.certificates, inquiries)
    ]
    return replace(inspection, certificates=tuple(leaves), withdrawal=state)


def _is_shared_part_installed(layout: installation.Layout) -> bool:
    return installation.is_program_installed(layout) and installation.is_unit_installed(units.SERVICE, layout)


def _drift(
    leaf: messages.DeployedLeaf, inquiry: messages.Inquiry, withdrawal: Withdrawal, state: str, shared: bool
) -> list[str]:
    # Another leaf than the controller has in mind is replaced, or asked about in the next run. One that is not served
    # is activated again, which is what a user has to hear of, and sets this up, too.
    if not inquiry.keep or inquiry.keep != leaf.leaf_sha256 or leaf.unserved or state == messages.UNAVAILABLE:
        return []
    if state == messages.INSTALLED and inquiry.withdraw_at and (leaf.staple_sha256 or leaf.withdrawn):
        due = None if leaf.withdrawn else inquiry.withdraw_at
        return [] if shared and _is_set_up(leaf.name, due, withdrawal) else [_MISSING]
    return [_LEFT_OVER] if with_recipe(withdrawal.destination.path, [leaf.name], withdrawal.layout) else []


def with_recipe(destination: str, names: Sequence[str], layout: installation.Layout) -> list[str]:
    """Those of the leaves that have a recipe. No other user than root has any, nor could remove it."""
    if os.geteuid() != 0:
        return []
    present = recipes.recipe_names(layout)
    return [name for name in names if recipes.recipe_name(destination, name) in present]


def _is_set_up(name: str, due: int | None, withdrawal: Withdrawal) -> bool:
    """Whether the leaf has its recipe, and the timer is set no later than its staple needs."""
    former = former_recipe(name, withdrawal)
    if former is None or former != withdrawal.recipe(name, former) or not is_armed(due, withdrawal.layout):
        return False
    if not former.certificate:
        return True
    # Here, for looks at leaves.
    from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.certbot import is_hooked

    return is_hooked(former, withdrawal.layout)


def former_recipe(name: str, withdrawal: Withdrawal) -> recipes.Recipe | None:
    """The recipe that the leaf has, None for none and for a damaged one."""
    with suppress(HostError):
        return recipes.read_recipe(recipes.recipe_name(withdrawal.destination.path, name), withdrawal.layout)
    return None


def is_armed(due: int | None, layout: installation.Layout) -> bool:
    """Whether the timer is set, and no later than for the moment ``due``. Raises HostError, OSError."""
    armed, now = units.armed_for(layout), time.time()
    return armed is not None and armed > now - _REARMED and (due is None or armed <= max(due, now + _REARMED))
