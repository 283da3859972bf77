# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rollback: everything as it was before an activation that failed, or that an earlier run did not complete."""

from __future__ import annotations

import os

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import remove
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import opened_folder
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activated_changes import STAGED_RECORD
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activation import ReloadedError, reactivate
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activation_commands import TimeLimit
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.error_texts import explain
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generation_changes import STAGING
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal import Swap, read_journals, unsettled
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal_changes import remove_journals
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointer_changes import set_pointing, used_files
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.staging import StagedLeaf


def recover(root: int, destination: Destination, names: list[str]) -> dict[str, list[Swap]]:
    """Set the pointers of these leaves back where an interrupted run left them unsettled. Raises HostError, OSError.

    Returns its journals. They have to stay until a server was made to use what is deployed.
    """
    journals = {
        file_name: swaps
        for file_name, swaps in read_journals(root).items()
        if any(swap.name in names for swap in swaps)
    }
    swaps = list(unsettled(journals).values())
    _reset_pointers(destination, swaps)
    _remove_new_generations(root, destination, swaps)
    return journals


def roll_back(
    root: int,
    destination: Destination,
    staged: list[StagedLeaf],
    journal: str,
    activation: Activation,
    cause: Exception,
    recovered: bool,
) -> HostError:
    """Undo a failed activation, and return the error that says its ``cause`` and what is served now.

    The journal stays where it is in doubt what a server serves: then the next run sees that there is work left.
    """
    failure = _failure(cause, destination)
    swaps = [leaf.swap for leaf in staged]
    former = {leaf.swap.name: leaf.shown_before for leaf in staged if leaf.shown_before is not None}
    noticed = isinstance(cause, ReloadedError)
    try:
        _reset_pointers(destination, swaps)
        finding, certain = reactivate(activation, former, noticed, TimeLimit(activation.timeout))
        _remove_new_generations(root, destination, swaps)
        if not former or (certain and (noticed or not recovered)):
            remove_journals(root, [journal])
    except (HostError, OSError) as error:
        second = explain(error, destination.path)
        return HostError(f"{failure} Rolling back failed too: {second} The next run of the task completes it.")
    return HostError(f"{failure} Rolled back: {_states(swaps)}. {finding}".strip())


def _failure(cause: Exception, destination: Destination) -> str:
    """What failed, in whole sentences, with what to look at first where a server does not serve a leaf."""
    failure = explain(cause, destination.path)
    # The last words of a command's output may lack a full stop.
    failure = failure if failure.endswith((".", "!", "?")) else f"{failure}."
    name = cause.not_served if isinstance(cause, ReloadedError) else ""
    return f"{failure} {used_files(destination, name)}" if name else failure


def _states(swaps: list[Swap]) -> str:
    generations = {swap.name: f"generation {swap.former}" if swap.former else "no generation" for swap in swaps}
    return ", ".join(f"{name} is at {generation} as before" for name, generation in generations.items())


def _reset_pointers(destination: Destination, swaps: list[Swap]) -> None:
    for swap in swaps:
        with opened_folder(destination.folder(swap.name)) as folder:
            if folder is not None:
                set_pointing(folder, swap.before)


def _remove_new_generations(root: int, destination: Destination, swaps: list[Swap]) -> None:
    """Remove the generations that nothing names any more."""
    for swap in swaps:
        with opened_folder(destination.folder(swap.name)) as folder:
            if folder is not None and swap.generation != swap.former:
                remove(folder, f"v{swap.generation}")
        clear_staging(root, destination, swap.name)


def clear_staging(root: int, destination: Destination, name: str) -> None:
    """Remove what was staged for a leaf, and its own folder where that leaves it empty. Raises OSError."""
    with opened_folder(destination.folder(name)) as folder:
        if folder is None:
            return
        remove(folder, STAGING)
        remove(folder, STAGED_RECORD)
        if not os.listdir(folder):
            os.rmdir(name, dir_fd=root)
