# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The removal of leaves from a host: all that was created for them, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import replace
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import remove, staged_name
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import opened_folder, opened_subfolder
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activated import RECORD
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activated_changes import STAGED_RECORD
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import (
    LOCK_FILE,
    Destination,
    check_names,
    existing_lock,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.errors import translated_errors
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import SOURCE
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generation_changes import STAGING
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import generation_number, unstapled_number
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.host_keys import PENDING_FILES
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal import read_journals
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal_changes import remove_journals
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import Removal, RemovedLeaf
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointer_changes import own_pointers
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import CURRENT, POINTER_NAMES
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.withdrawn import MARK
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.withdrawn_changes import STAGED_FOLDER
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import LAYOUT, Layout
from ansible_collections.anchorage.pki.plugins.module_utils._programs.responder import release

# The folder above the default destination, on many systems created for it alone; on others, packages use it too.
SYSTEM_FOLDER = "/etc/pki"

_STAGED = map(staged_name, (CURRENT, MARK, SOURCE, *POINTER_NAMES, *PENDING_FILES.values()))
_TEMPORARY = {STAGING, STAGED_FOLDER, *PENDING_FILES.values(), *_STAGED}
_RECORDS = {RECORD, STAGED_RECORD, MARK, SOURCE}


def remove_leaves(
    destination: Destination,
    names: Sequence[str],
    check_mode: bool,
    system_folder: str = SYSTEM_FOLDER,
    layout: Layout = LAYOUT,
) -> Removal:
    """Remove the leaves ``names``, then what was made for all leaves once there is none left. Raises HostError."""
    check_names(names)
    with translated_errors(destination.path):
        files = _remove_files(destination, names, check_mode, system_folder)
        released = release([destination.folder(name) for name in names], layout, check_mode)
    certificates = tuple(
        RemovedLeaf(leaf.name, leaf.removed or destination.folder(leaf.name) in released) for leaf in files.certificates
    )
    return replace(files, changed=files.changed or bool(released), certificates=certificates)


def _remove_files(destination: Destination, names: Sequence[str], check_mode: bool, system_folder: str) -> Removal:
    """Remove what is in the destination."""
    with opened_folder(destination.path, foreign=True) as root:
        if root is None:
            return Removal(False, tuple(RemovedLeaf(name, False) for name in names))
        with existing_lock(root, destination.path, not check_mode, destination.lock_timeout):
            present = set(os.listdir(root))
            kept = {name: _remove_leaf(root, name, check_mode) for name in names if name in present}
            removed = {name for name, (found, _foreign) in kept.items() if found}
            gone = {name for name, (_found, foreign) in kept.items() if not foreign}
            journals, empty = _leftovers(root, present, present - gone)
            if not check_mode:
                remove_journals(root, journals)
                if empty:
                    remove(root, LOCK_FILE)
                    _remove_folder(destination.path, system_folder)
    return Removal(
        changed=bool(removed or journals or empty),
        certificates=tuple(RemovedLeaf(name, name in removed) for name in names),
        notices=tuple(
            f"{destination.folder(name)} was kept, since others created files in it: {', '.join(foreign)}."
            for name, (_found, foreign) in kept.items()
            if foreign
        ),
    )


def _remove_leaf(root: int, name: str, check_mode: bool) -> tuple[bool, list[str]]:
    """Whether there was anything to remove, and the names of what is somebody else's, for which the folder stays."""
    with opened_subfolder(root, name) as folder:
        entries = sorted(os.listdir(folder))
        generations = [entry for entry in entries if generation_number(entry) or unstapled_number(entry)]
        ours = _TEMPORARY.union(_RECORDS, own_pointers(folder), generations)
        foreign = [entry for entry in entries if entry not in ours]
        if not check_mode:
            for entry in ours.intersection(entries):
                remove(folder, entry)
    if not foreign and not check_mode:
        os.rmdir(name, dir_fd=root)
    return not foreign or foreign != entries, foreign


def _leftovers(root: int, present: set[str], left: set[str]) -> tuple[list[str], bool]:
    """The journals of leaves that are all gone, and whether nothing of the destination is needed any more.

    ``present`` is what was in it, ``left`` what the removal of the leaves leaves there.
    """
    journals = [name for name, swaps in read_journals(root).items() if left.isdisjoint(swap.name for swap in swaps)]
    # An empty folder in which nothing of ours was is somebody's own.
    return journals, bool(present) and left <= {LOCK_FILE, *journals}


def _remove_folder(path: str, system_folder: str) -> None:
    """Remove the empty destination. One that cannot be removed stays: a mount point, or a folder given to this user."""
    above = os.path.dirname(path)
    with opened_folder(above, foreign=True) as folder, suppress(OSError):
        os.rmdir(os.path.basename(path), dir_fd=folder)
        if above == system_folder:
            os.rmdir(above)  # refused by the system where anything is in it
