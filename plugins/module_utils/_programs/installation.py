# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the programs of this folder need on a host: their file, systemd units, and an entry for each leaf.

Entries lie below /etc, which root alone can write, and never in a leaf's folder, which may be a user's own. The file is
there for all programs; it goes with the last entry of the last one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import find_command, run
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import (
    Attributes,
    created_folder,
    opened_folder,
    read_file,
    remove,
    replace_file,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.bundle import FOLDER, NAME, bundle

# The folders of entries, one for each program.
WITHDRAWALS = "withdraw.d"
RESPONDER_PLACES = "respond.d"
_ENTRY_FOLDERS = (WITHDRAWALS, RESPONDER_PLACES)

_PROGRAM_ATTRIBUTES = Attributes(0o755)
_UNIT_ATTRIBUTES = Attributes(0o644)
_SYSTEMCTL_SECONDS = 60.0


@dataclass(frozen=True)
class Layout:
    """Where things are on a host. ``running`` exists where systemd is the init system, see sd_booted(3); in ``stamps``
    it keeps when its persistent timers last elapsed."""

    settings: str = "/etc/anchorage"
    programs: str = FOLDER
    units: str = "/etc/systemd/system"
    running: str = "/run/systemd/system"
    stamps: str = "/var/lib/systemd/timers"
    search_path: str | None = None


LAYOUT = Layout()


def missing_requirement(layout: Layout = LAYOUT) -> str:
    """What keeps units from being installed here, as the end of a sentence; "" for nothing."""
    if os.geteuid() != 0:
        return "the task does not run as root (become: true)"
    return _unsafe_folder(layout) if _systemd_runs(layout) else "systemd does not run on this host"


def _unsafe_folder(layout: Layout) -> str:
    """Which of the folders from which root is to run something others may change."""
    for path in (layout.programs, layout.settings, layout.units):
        try:
            with opened_folder(path):
                pass
        except (HostError, OSError):
            return f"on the way to {path} is a folder in which others than root may write, or a link"
    return ""


def _systemd_runs(layout: Layout) -> bool:
    return os.path.isdir(layout.running) and find_command("systemctl", layout.search_path) is not None


@contextmanager
def exclusive_installation(layout: Layout = LAYOUT) -> Iterator[None]:
    """Be the only run that installs or removes anything of this. The kernel releases the lock with its holder."""
    with opened_folder(layout.units) as units:
        if units is None:
            raise HostError(f"{layout.units} is missing, in which systemd looks for units.")
        fcntl.flock(units, fcntl.LOCK_EX)
        yield


def entry_name(leaf_folder: str) -> str:
    """The name of a leaf's entry: one for each folder, whatever characters are in its path."""
    return f"{hashlib.sha256(os.fsencode(leaf_folder)).hexdigest()[:32]}.json"


def read_entry(folder: str, name: str, layout: Layout = LAYOUT) -> bytes | None:
    """The entry ``name`` of one of the entry folders, None for none. Raises HostError, OSError."""
    with opened_folder(os.path.join(layout.settings, folder)) as entries:
        return None if entries is None else read_file(entries, name)


def write_entry(folder: str, name: str, content: bytes, attributes: Attributes, layout: Layout = LAYOUT) -> bool:
    """Have this entry; whether anything changed. Raises HostError, OSError."""
    return _write(os.path.join(layout.settings, folder), name, content, attributes)


def remove_entry(folder: str, name: str, layout: Layout = LAYOUT) -> bool:
    """Remove the entry, and its folder where that was the last one; whether anything changed. Raises OSError."""
    path = os.path.join(layout.settings, folder)
    changed = _remove(path, name)
    _remove_empty_folder(path)
    return changed


def entry_names(folder: str, layout: Layout = LAYOUT) -> list[str]:
    """The names of all entries of a folder."""
    with opened_folder(os.path.join(layout.settings, folder)) as entries:
        return [] if entries is None else sorted(name for name in os.listdir(entries) if name.endswith(".json"))


def is_program_installed(layout: Layout = LAYOUT) -> bool:
    """Whether the file is there as this version has it."""
    return _has(layout.programs, NAME, bundle(), _PROGRAM_ATTRIBUTES)


def install_program(layout: Layout = LAYOUT) -> bool:
    """Have the file; whether anything changed. Raises HostError, OSError."""
    return _write(layout.programs, NAME, bundle(), _PROGRAM_ATTRIBUTES)


def remove_unused_program(layout: Layout = LAYOUT) -> bool:
    """Remove the file unless some leaf still has an entry; whether anything changed. Raises HostError, OSError."""
    if any(entry_names(folder, layout) for folder in _ENTRY_FOLDERS):
        return False
    changed = _remove(layout.programs, NAME)
    for path in (layout.programs, layout.settings):
        _remove_empty_folder(path)
    return changed


def are_units_installed(units: Mapping[str, str], layout: Layout = LAYOUT) -> bool:
    """Whether these files of units, by their name, are there and no others in their place."""
    return all(_has(layout.units, name, text.encode(), _UNIT_ATTRIBUTES) for name, text in units.items())


def install_units(units: Mapping[str, str], layout: Layout = LAYOUT) -> bool:
    """Have systemd know these units; whether anything changed. Raises HostError, OSError."""
    written = [_write(layout.units, name, text.encode(), _UNIT_ATTRIBUTES) for name, text in units.items()]
    if any(written):
        systemctl(["daemon-reload"], layout)
    return any(written)


def remove_units(names: list[str], layout: Layout = LAYOUT) -> bool:
    """Stop and disable these units and remove their files; whether anything changed. Raises HostError, OSError."""
    present = [name for name in names if os.path.lexists(os.path.join(layout.units, name))]
    if not present:
        return False
    running = _systemd_runs(layout)
    if running:
        systemctl(["disable", "--now", *present], layout)
    for name in present:
        _remove(layout.units, name)
    if running:
        systemctl(["daemon-reload"], layout)
    return True


def systemctl(arguments: list[str], layout: Layout = LAYOUT) -> None:
    """Run systemctl with these arguments. Raises HostError with the last line of its output where that fails."""
    program = find_command("systemctl", layout.search_path) or "systemctl"
    outcome = run([program, *arguments], _SYSTEMCTL_SECONDS, search_path=layout.search_path)
    if outcome.status != 0:
        raise HostError(f"systemctl {' '.join(arguments)} failed: {outcome.last_line}")


def _has(folder: str, name: str, content: bytes, attributes: Attributes) -> bool:
    with opened_folder(folder) as descriptor:
        if descriptor is None:
            return False
        with suppress(HostError, FileNotFoundError):
            present = read_file(descriptor, name) == content
            return present and attributes.fit(os.stat(name, dir_fd=descriptor, follow_symlinks=False))
    return False


def _write(folder: str, name: str, content: bytes, attributes: Attributes) -> bool:
    if _has(folder, name, content, attributes):
        return False
    with created_folder(folder) as descriptor:
        replace_file(descriptor, name, content, attributes)
    return True


def _remove(folder: str, name: str) -> bool:
    with opened_folder(folder) as descriptor:
        if descriptor is None or name not in os.listdir(descriptor):
            return False
        remove(descriptor, name)
        os.fsync(descriptor)
    return True


def _remove_empty_folder(path: str) -> None:
    with suppress(OSError), opened_folder(os.path.dirname(path)) as parent:
        if parent is not None:
            os.rmdir(os.path.basename(path), dir_fd=parent)
