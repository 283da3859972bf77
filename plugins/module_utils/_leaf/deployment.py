# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deployment: all leaves of a task together, or everything exactly as it was.

Lock, stage, journal, swap, activate; then either settle (the new generations stay) or roll back (they go). A run that
is killed in between leaves a complete state and, from the swap on, the journal from which the next run rolls back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import replace
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.interruption import watched_interruptions
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import created_folder
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activated_changes import settle_record, stage_record
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activation import activate, check_commands
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activation_commands import TimeLimit
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination, check_names
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination_changes import exclusive_lock
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.error_texts import explain
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.errors import translated_errors
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generation_changes import prune, publish
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.host_keys import remove_pending_key
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal import Swap, unsettled
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal_changes import remove_journals, write_journal
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import Delivery, DeployedGeneration, Deployment
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointer_changes import set_pointing
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.repair import repair_generation
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.rollback import clear_staging, recover, roll_back
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.staging import (
    StagedLeaf,
    StageFiles,
    stage_leaf,
    stage_leaf_files,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.staple_source import check_staples
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.staple_source_changes import (
    provide_staples,
    restore_staples,
    retire_staples,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.withdrawn_changes import (
    clear_mark,
    make_unstapled,
    settle_mark,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import LAYOUT, Layout

# The system's errors, and Python's own about a value that no system call takes, such as one with a null character.
ROLLED_BACK_ERRORS = (HostError, OSError, ValueError, OverflowError)


def deploy(
    destination: Destination,
    deliveries: Sequence[Delivery],
    activation: Activation,
    layout: Layout = LAYOUT,
    stage: StageFiles = stage_leaf_files,
) -> Deployment:
    """Deploy all ``deliveries`` and have the server use them; ``stage`` makes new generations of them.

    Raises HostError after everything is as it was, or with a sentence that says what is not.
    """
    names = [delivery.name for delivery in deliveries]
    check_names(names)
    check_commands(activation)
    check_staples(destination, [delivery.name for delivery in deliveries if delivery.staple], layout)
    with translated_errors(destination.path), created_folder(destination.path) as root:  # noqa: SIM117 Python 3.9
        with exclusive_lock(root, destination.path, destination.lock_timeout), watched_interruptions() as interruption:
            recovered = recover(root, destination, names)
            staged, journal = _stage(root, destination, deliveries, activation, recovered, interruption, stage)
            try:
                provided = provide_staples(destination, staged, layout)
                swapped = _swap(destination, staged)
                limit = TimeLimit(activation.timeout, interruption)
                outcome = activate(activation, {leaf.swap.name: leaf.shown for leaf in staged}, limit)
            except ROLLED_BACK_ERRORS as error:
                # First: the probes of a rollback look at the former staples, too.
                left = restore_staples(destination, staged, layout)
                failure = roll_back(root, destination, staged, journal, activation, error, bool(recovered))
                raise HostError(f"{failure}{left}") from error
            _settle(root, destination, staged, journal)
            retired = retire_staples(destination, staged, layout)
            warnings = _prune(destination, staged)
    generations = [
        DeployedGeneration(leaf.swap.name, leaf.swap.generation, leaf.shown.leaf, leaf.shown.staple) for leaf in staged
    ]
    changed = swapped or provided or retired or bool(recovered) or outcome.reloaded
    return Deployment(changed, outcome, tuple(generations), tuple(warnings))


def _stage(
    root: int,
    destination: Destination,
    deliveries: Sequence[Delivery],
    activation: Activation,
    recovered: dict[str, list[Swap]],
    interruption: Callable[[], str],
    stage: StageFiles,
) -> tuple[list[StagedLeaf], str]:
    """Stage every leaf and write the journal, or leave nothing behind. Raises HostError."""
    try:
        staged = []
        for delivery in deliveries:
            with created_folder(destination.folder(delivery.name)) as folder:
                leaf = stage_leaf(folder, destination, delivery, stage)
                stage_record(folder, destination.server, activation, leaf.swap.generation, leaf.shown)
                staged.append(leaf)
        if reason := interruption():
            raise HostError(f"The run was stopped: {reason}.")
        journal = _write_journal(root, staged, recovered)
    except ROLLED_BACK_ERRORS as error:
        for delivery in deliveries:
            clear_staging(root, destination, delivery.name)
        raise HostError(f"{explain(error, destination.path)} Nothing was changed.") from error
    return staged, journal


def _write_journal(root: int, staged: list[StagedLeaf], recovered: dict[str, list[Swap]]) -> str:
    """Write this run's journal, which takes the place of the recovered ones."""
    swaps = [leaf.swap for leaf in staged]
    names = {swap.name for swap in swaps}
    # The pointers of a recovered activation's other leaves are set back already; their server does not know yet.
    swaps += [replace(swap, generation=swap.former) for swap in unsettled(recovered).values() if swap.name not in names]
    journal = write_journal(root, swaps)
    remove_journals(root, [file_name for file_name in recovered if file_name != journal])
    return journal


def _swap(destination: Destination, staged: list[StagedLeaf]) -> bool:
    """Publish all new generations, then set the pointers to all of them; whether anything changed."""
    changed = False
    for leaf in staged:
        with created_folder(destination.folder(leaf.swap.name)) as folder:
            if leaf.swap.generation != leaf.swap.former:
                publish(folder, leaf.swap.generation)
                changed = True
            if leaf.drifted:
                repair_generation(folder, destination, leaf.swap.generation, leaf.drifted)
                changed = True
            if leaf.withdrawn:
                make_unstapled(folder, leaf.swap.generation)
    for leaf in staged:
        with created_folder(destination.folder(leaf.swap.name)) as folder:
            changed |= set_pointing(folder, leaf.after)
    return changed


def _settle(root: int, destination: Destination, staged: list[StagedLeaf], journal: str) -> None:
    """The new generations stay. A pending key goes first: left over, it would become the next leaf's key too."""
    for leaf in staged:
        with created_folder(destination.folder(leaf.swap.name)) as folder:
            if leaf.uses_pending_key:
                remove_pending_key(folder)
            settle_record(folder)
            settle_mark(folder, leaf.swap.generation)
    remove_journals(root, [journal])


def _prune(destination: Destination, staged: list[StagedLeaf]) -> list[str]:
    """Remove old generations. Returns a warning for what could not be removed, which is no failure."""
    warnings = []
    for leaf in staged:
        try:
            with created_folder(destination.folder(leaf.swap.name)) as folder:
                clear_mark(folder, leaf.swap.generation)
                prune(folder, leaf.swap.generation)
        except OSError as error:
            warnings.append(f"An old generation could not be removed: {explain(error, destination.path)}")
    return warnings
