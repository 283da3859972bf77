# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back: everything as it was before an activation that failed, or that an earlier run never ended."""

from __future__ import annotations

import os

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import opened_folder, remove
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activation import (
    Activation,
    ReloadedError,
    reactivate,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activation_commands import TimeLimit
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import STAGING
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal import (
    Swap,
    read_journals,
    remove_journals,
    unsettled,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import set_pointing
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.staging import Prepared
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.system_errors import sentence


def recover(root: int, destination: Destination, names: list[str]) -> dict[str, list[Swap]]:
    """Point back what a run that was cut off left unsettled of these leaves. Raises HostError, OSError.

    Returns its journals. They have to stay until a server was made to take up what is deployed.
    """
    journals = {
        file_name: swaps
        for file_name, swaps in read_journals(root).items()
        if any(swap.name in names for swap in swaps)
    }
    swaps = list(unsettled(journals).values())
    _point_back(destination, swaps)
    _drop_new_generations(root, destination, swaps)
    return journals


def roll_back(
    root: int,
    destination: Destination,
    prepared: list[Prepared],
    journal: str,
    activation: Activation,
    cause: Exception,
    recovered: bool,
) -> HostError:
    """Undo a failed activation, and return the error that tells its ``cause`` and what is served now.

    The journal stays where it is in doubt what a server serves: then the next run sees that there is work left.
    """
    told = sentence(cause, destination.path)
    swaps = [item.swap for item in prepared]
    former = {item.swap.name: item.shown_before for item in prepared if item.shown_before is not None}
    noticed = isinstance(cause, ReloadedError)
    try:
        _point_back(destination, swaps)
        finding, certain = reactivate(activation, former, noticed, TimeLimit(activation.timeout))
        _drop_new_generations(root, destination, swaps)
        if not former or (certain and (noticed or not recovered)):
            remove_journals(root, [journal])
    except (HostError, OSError) as error:
        trouble = sentence(error, destination.path)
        return HostError(f"{told} Rolling back failed too: {trouble} The next run of the task ends the rollback.")
    return HostError(f"{_ended(told)} Rolled back: {_states(swaps)}. {finding}".strip())


def _states(swaps: list[Swap]) -> str:
    return ", ".join(f"{swap.name} is at {_generation_name(swap.former)} as before" for swap in swaps)


def _generation_name(number: int) -> str:
    return f"generation {number}" if number else "no generation"


def _point_back(destination: Destination, swaps: list[Swap]) -> None:
    for swap in swaps:
        with opened_folder(destination.folder(swap.name)) as folder:
            if folder is not None:
                set_pointing(folder, swap.before)


def _drop_new_generations(root: int, destination: Destination, swaps: list[Swap]) -> None:
    """Remove the generations that nothing names any more."""
    for swap in swaps:
        with opened_folder(destination.folder(swap.name)) as folder:
            if folder is not None and swap.generation != swap.former:
                remove(folder, f"v{swap.generation}")
        clear_staging(root, destination, swap.name)


def clear_staging(root: int, destination: Destination, name: str) -> None:
    """Remove a leaf's staging folder, and the leaf's own folder where that leaves it empty. Raises OSError."""
    with opened_folder(destination.folder(name)) as folder:
        if folder is None:
            return
        remove(folder, STAGING)
        if not os.listdir(folder):
            os.rmdir(name, dir_fd=root)


def _ended(sentence: str) -> str:
    """A command's own last words may lack the final period that the next sentence needs."""
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
