# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Installing and removing what the programs of this folder need on a host."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import run
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.programs import find_command
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import (
    created_folder,
    remove,
    replace_file,
    sync,
)
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes, opened_folder
from ansible_collections.anchorage.pki.plugins.module_utils._programs.bundle import bundle
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import (
    ENTRY_FOLDERS,
    LAYOUT,
    NAME,
    PROGRAM_ATTRIBUTES,
    UNIT_ATTRIBUTES,
    Layout,
    entry_names,
    read_installed,
    systemd_runs,
)

_SYSTEMCTL_SECONDS = 60.0


@contextmanager
def exclusive_installation(layout: Layout = LAYOUT) -> Iterator[None]:
    """Be the only run that installs or removes anything of this. The kernel releases the lock with its holder."""
    with opened_folder(layout.units) as units:
        if units is None:
            raise HostError(f"{layout.units} is missing, in which systemd looks for units.")
        fcntl.flock(units, fcntl.LOCK_EX)
        yield


def write_entry(folder: str, name: str, content: bytes, attributes: Attributes, layout: Layout = LAYOUT) -> bool:
    """Have this entry; whether anything changed. Raises HostError, OSError."""
    return write_file(os.path.join(layout.settings, folder), name, content, attributes)


def remove_entry(folder: str, name: str, layout: Layout = LAYOUT) -> bool:
    """Remove the entry, and its folder where that was the last one; whether anything changed. Raises OSError."""
    path = os.path.join(layout.settings, folder)
    changed = remove_file(path, name)
    _remove_empty_folder(path)
    return changed


def install_program(layout: Layout = LAYOUT) -> bool:
    """Have the file; whether anything changed. Raises HostError, OSError."""
    return write_file(layout.programs, NAME, bundle(), PROGRAM_ATTRIBUTES)


def remove_unused_program(layout: Layout = LAYOUT) -> bool:
    """Remove the file unless some leaf still has an entry; whether anything changed. Raises HostError, OSError."""
    if any(entry_names(folder, layout) for folder in ENTRY_FOLDERS):
        return False
    changed = remove_file(layout.programs, NAME)
    for path in (layout.programs, layout.settings):
        _remove_empty_folder(path)
    return changed


def install_units(units: Mapping[str, str], layout: Layout = LAYOUT) -> bool:
    """Have systemd know these units; whether anything changed. Raises HostError, OSError."""
    written = [write_file(layout.units, name, text.encode(), UNIT_ATTRIBUTES) for name, text in units.items()]
    if any(written):
        systemctl(["daemon-reload"], layout)
    return any(written)


def remove_units(names: list[str], layout: Layout = LAYOUT) -> bool:
    """Stop and disable these units and remove their files; whether anything changed. Raises HostError, OSError."""
    present = [name for name in names if os.path.lexists(os.path.join(layout.units, name))]
    if not present:
        return False
    running = systemd_runs(layout)
    if running:
        systemctl(["disable", "--now", *present], layout)
    for name in present:
        remove_file(layout.units, name)
    if running:
        systemctl(["daemon-reload"], layout)
    return True


def systemctl(arguments: list[str], layout: Layout = LAYOUT) -> None:
    """Run systemctl with these arguments. Raises HostError with the last line of its output where that fails."""
    program = find_command("systemctl", layout.search_path) or "systemctl"
    outcome = run([program, *arguments], _SYSTEMCTL_SECONDS, search_path=layout.search_path)
    if outcome.status != 0:
        raise HostError(f"systemctl {' '.join(arguments)} failed: {outcome.last_line}")


def write_file(folder: str, name: str, content: bytes, attributes: Attributes) -> bool:
    """Have this file; whether anything changed. Raises HostError, OSError."""
    if read_installed(folder, name, attributes) == content:
        return False
    with created_folder(folder) as descriptor:
        replace_file(descriptor, name, content, attributes)
    return True


def remove_file(folder: str, name: str) -> bool:
    """Remove the file where it is there; whether it was. Raises HostError, OSError."""
    with opened_folder(folder) as descriptor:
        if descriptor is None or name not in os.listdir(descriptor):
            return False
        remove(descriptor, name)
        sync(descriptor)
    return True


def _remove_empty_folder(path: str) -> None:
    with suppress(OSError), opened_folder(os.path.dirname(path)) as parent:
        if parent is not None:
            os.rmdir(os.path.basename(path), dir_fd=parent)
