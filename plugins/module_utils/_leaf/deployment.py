# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The second round trip: all leaves of a task deployed as one, or left exactly as they were.

Lock, stage, journal, swap, activate; then either settle (the new generations stay) or roll back (they go). A run that
is killed in between leaves a complete state and, from the swap on, the journal from which the next run rolls back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.interruption import watched_interruptions
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import created_folder
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activation import Activation, activate, check_commands
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activation_commands import TimeLimit
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import (
    Destination,
    check_names,
    exclusive_lock,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generation_health import mend_generation
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import prune, publish
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.host_keys import remove_pending_key
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal import (
    Swap,
    remove_journals,
    unsettled,
    write_journal,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import set_pointing
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.rollback import clear_staging, recover, roll_back
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.staging import Prepared, Request, prepare
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.system_errors import sentence, translated_errors

# The system's errors, and Python's own about a value that no system call takes, such as one with a null character.
UNDONE_BY = (HostError, OSError, ValueError, OverflowError)


def deploy(destination: Destination, requests: list[Request], activation: Activation) -> dict[str, Any]:
    """Deploy all ``requests`` and have the server take them up.

    Returns changed, certificates (name, generation, leaf_sha256, staple_sha256), activation and warnings. Raises
    HostError after everything is as it was, or with a sentence that says what is not.
    """
    names = [request.name for request in requests]
    check_names(names)
    check_commands(activation)
    with translated_errors(destination.path), created_folder(destination.path) as root:  # noqa: SIM117 Python 3.9
        with exclusive_lock(root, destination.path), watched_interruptions() as interruption:
            recovered = recover(root, destination, names)
            prepared, journal = _prepare(root, destination, requests, recovered, interruption)
            try:
                swapped = _swap(destination, prepared)
                limit = TimeLimit(activation.timeout, interruption)
                outcome = activate(activation, {item.swap.name: item.shown for item in prepared}, limit)
            except UNDONE_BY as error:
                raise roll_back(root, destination, prepared, journal, activation, error, bool(recovered)) from error
            _settle(root, destination, prepared, journal)
            warnings = _prune(destination, prepared)
    return {
        "changed": swapped or bool(recovered),
        "certificates": [_result(item) for item in prepared],
        "activation": outcome,
        "warnings": warnings,
    }


def _result(item: Prepared) -> dict[str, Any]:
    return {
        "name": item.swap.name,
        "generation": item.swap.generation,
        "leaf_sha256": item.shown.leaf,
        "staple_sha256": item.shown.staple,
    }


def _prepare(
    root: int,
    destination: Destination,
    requests: list[Request],
    recovered: dict[str, list[Swap]],
    interruption: Callable[[], str],
) -> tuple[list[Prepared], str]:
    """Stage every leaf and write the journal, or leave nothing behind. Raises HostError."""
    try:
        prepared = []
        for request in requests:
            with created_folder(destination.folder(request.name)) as folder:
                prepared.append(prepare(folder, destination, request))
        if reason := interruption():
            raise HostError(f"The run was cut off: {reason}.")
        journal = _write_journal(root, prepared, recovered)
    except UNDONE_BY as error:
        for request in requests:
            clear_staging(root, destination, request.name)
        raise HostError(f"{sentence(error, destination.path)} Nothing was changed.") from error
    return prepared, journal


def _write_journal(root: int, prepared: list[Prepared], recovered: dict[str, list[Swap]]) -> str:
    """Write this run's journal, which takes the place of the recovered ones."""
    swaps = [item.swap for item in prepared]
    names = {swap.name for swap in swaps}
    # The other leaves of a recovered activation are pointed back already; what is left is to tell their server.
    swaps += [replace(swap, generation=swap.former) for swap in unsettled(recovered).values() if swap.name not in names]
    journal = write_journal(root, swaps)
    remove_journals(root, [file_name for file_name in recovered if file_name != journal])
    return journal


def _swap(destination: Destination, prepared: list[Prepared]) -> bool:
    """Publish all new generations, then name them all; whether anything changed."""
    changed = False
    for item in prepared:
        with created_folder(destination.folder(item.swap.name)) as folder:
            if item.swap.generation != item.swap.former:
                publish(folder, item.swap.generation)
                changed = True
            if item.drifted:
                mend_generation(folder, destination, item.swap.generation, item.drifted)
                changed = True
    for item in prepared:
        with created_folder(destination.folder(item.swap.name)) as folder:
            changed |= set_pointing(folder, item.after)
    return changed


def _settle(root: int, destination: Destination, prepared: list[Prepared], journal: str) -> None:
    """The new generations stay. A pending key goes first: left over, it would become the next leaf's key too."""
    for item in prepared:
        if item.uses_pending_key:
            with created_folder(destination.folder(item.swap.name)) as folder:
                remove_pending_key(folder)
    remove_journals(root, [journal])


def _prune(destination: Destination, prepared: list[Prepared]) -> list[str]:
    """Remove old generations; what could not be removed is worth a warning, not a failure."""
    warnings = []
    for item in prepared:
        try:
            with created_folder(destination.folder(item.swap.name)) as folder:
                prune(folder, item.swap.generation)
        except OSError as error:
            warnings.append(f"An old generation could not be removed: {sentence(error, destination.path)}")
    return warnings
