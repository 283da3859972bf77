# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leaves taken off a host again: what was made here for them goes, and nothing else."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import (
    opened_folder,
    opened_subfolder,
    remove,
    staged_name,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import (
    LOCK_FILE,
    Destination,
    check_names,
    existing_lock,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import STAGING, generation_numbers
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.host_keys import PENDING_FILES
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal import read_journals, remove_journals
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import CURRENT, POINTER_NAMES, own_pointers
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.system_errors import translated_errors

# The folder above the default destination. On many systems it is there for that alone; on others, packages use it too.
SYSTEM_FOLDER = "/etc/pki"

_TEMPORARY = {STAGING, *PENDING_FILES.values(), *map(staged_name, (CURRENT, *POINTER_NAMES, *PENDING_FILES.values()))}


def remove_leaves(destination: Destination, names: list[str], check_mode: bool) -> dict[str, Any]:
    """Remove the leaves ``names``, then what was made for all leaves once there is none left.

    Returns changed, certificates (name, removed) and warnings. Raises HostError.
    """
    check_names(names)
    with translated_errors(destination.path), opened_folder(destination.path, foreign=True) as root:
        if root is None:
            return {"changed": False, "certificates": [_result(name, False) for name in names], "warnings": []}
        with existing_lock(root, destination.path, exclusive=not check_mode):
            present = set(os.listdir(root))
            kept = {name: _remove_leaf(root, name, check_mode) for name in names if name in present}
            removed = {name for name, (found, _foreign) in kept.items() if found}
            gone = {name for name, (_found, foreign) in kept.items() if not foreign}
            tidied = _tidy(root, destination.path, present, gone, check_mode)
    return {
        "changed": bool(removed) or tidied,
        "certificates": [_result(name, name in removed) for name in names],
        "warnings": [
            f"{destination.folder(name)} stays, since it holds what was not made here: {', '.join(foreign)}."
            for name, (_found, foreign) in kept.items()
            if foreign
        ],
    }


def _result(name: str, removed: bool) -> dict[str, Any]:
    return {"name": name, "removed": removed}


def _remove_leaf(root: int, name: str, check_mode: bool) -> tuple[bool, list[str]]:
    """Whether there was anything to remove, and the names of what is somebody else's, for which the folder stays."""
    with opened_subfolder(root, name) as folder:
        ours = _TEMPORARY.union(own_pointers(folder), (f"v{number}" for number in generation_numbers(folder)))
        entries = sorted(os.listdir(folder))
        foreign = [entry for entry in entries if entry not in ours]
        if not check_mode:
            for entry in ours.intersection(entries):
                remove(folder, entry)
    if not foreign and not check_mode:
        os.rmdir(name, dir_fd=root)
    return not foreign or foreign != entries, foreign


def _tidy(root: int, path: str, present: set[str], gone: set[str], check_mode: bool) -> bool:
    """Remove the journals of leaves that are all gone, and the destination where nothing is left; whether any is."""
    left = present - gone
    journals = [name for name, swaps in read_journals(root).items() if left.isdisjoint(swap.name for swap in swaps)]
    left.difference_update(journals)
    # An empty folder in which nothing of ours was is somebody's own.
    empty = left <= {LOCK_FILE} and bool(present)
    if not check_mode:
        remove_journals(root, journals)
        if empty:
            remove(root, LOCK_FILE)
            _remove_folder(path)
    return bool(journals) or empty


def _remove_folder(path: str) -> None:
    """Remove the empty destination. One that may not go stays: a mount point, or one that this user was given."""
    above = os.path.dirname(path)
    with opened_folder(above, foreign=True) as folder, suppress(OSError):
        os.rmdir(os.path.basename(path), dir_fd=folder)
        if above == SYSTEM_FOLDER:
            os.rmdir(above)  # refused by the system where anything is in it
