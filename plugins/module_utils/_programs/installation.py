# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the programs of this folder need on a host: their file, systemd units, and an entry for each leaf.

Entries lie below /etc, which root alone can write, and never in a leaf's folder, which may be a user's own. The file is
there for all programs; it goes with the last entry of the last one.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from contextlib import suppress

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass, field
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.programs import find_command
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes, opened_folder, read_file

FOLDER = "/usr/local/lib/anchorage"
NAME = "staples.pyz"
# The folders of entries, one for each program.
WITHDRAWALS = "withdraw.d"
RESPONDER_PLACES = "respond.d"
ENTRY_FOLDERS = (WITHDRAWALS, RESPONDER_PLACES)

PROGRAM_ATTRIBUTES = Attributes(0o755)
UNIT_ATTRIBUTES = Attributes(0o644)


@dataclass(frozen=True)
class Layout:
    """Where things are on a host. ``running`` exists where systemd is the init system, see sd_booted(3); in ``stamps``
    it keeps when its persistent timers last elapsed. ``digests`` are what a look expects of files, see digests.py."""

    settings: str = "/etc/anchorage"
    programs: str = FOLDER
    units: str = "/etc/systemd/system"
    running: str = "/run/systemd/system"
    stamps: str = "/var/lib/systemd/timers"
    search_path: str | None = None
    digests: Mapping[str, str] = field(default_factory=dict)


LAYOUT = Layout()


def missing_requirement(layout: Layout = LAYOUT) -> str:
    """What keeps units from being installed here, as the end of a sentence; "" for nothing."""
    if os.geteuid() != 0:
        return "the task does not run as root (become: true)"
    return _unsafe_folder(layout) if systemd_runs(layout) else "systemd does not run on this host"


def _unsafe_folder(layout: Layout) -> str:
    """Which of the folders from which root is to run something others may change."""
    for path in (layout.programs, layout.settings, layout.units):
        try:
            with opened_folder(path):
                pass
        except (HostError, OSError):
            return f"on the way to {path} is a folder in which others than root may write, or a link"
    return ""


def systemd_runs(layout: Layout) -> bool:
    """Whether systemd is the init system, and can be told something."""
    return os.path.isdir(layout.running) and find_command("systemctl", layout.search_path) is not None


def entry_name(leaf_folder: str) -> str:
    """The name of a leaf's entry: one for each folder, whatever characters are in its path."""
    return f"{hashlib.sha256(os.fsencode(leaf_folder)).hexdigest()[:32]}.json"


def read_entry(folder: str, name: str, layout: Layout = LAYOUT) -> bytes | None:
    """The entry ``name`` of one of the entry folders, None for none. Raises HostError, OSError."""
    with opened_folder(os.path.join(layout.settings, folder)) as entries:
        return None if entries is None else read_file(entries, name)


def entry_names(folder: str, layout: Layout = LAYOUT) -> list[str]:
    """The names of all entries of a folder."""
    with opened_folder(os.path.join(layout.settings, folder)) as entries:
        return [] if entries is None else sorted(name for name in os.listdir(entries) if name.endswith(".json"))


def is_program_installed(layout: Layout = LAYOUT) -> bool:
    """Whether the file is there as the layout says."""
    content, beginning = read_installed(layout.programs, NAME, PROGRAM_ATTRIBUTES) or b"", first_line()
    archive = content[len(beginning) :]
    return content.startswith(beginning) and _sha256(archive) == layout.digests.get(NAME)


def is_unit_installed(name: str, layout: Layout) -> bool:
    """Whether the file of the unit is there as the layout says."""
    content = read_installed(layout.units, name, UNIT_ATTRIBUTES)
    return content is not None and _sha256(content) == layout.digests.get(name)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def first_line() -> bytes:
    """How the file begins. Isolated: neither its user's environment nor the current folder decides what it runs."""
    return f"#!{interpreter()} -I\n".encode()


def interpreter(executable: str = sys.executable, system: str = "/usr/bin/python3") -> str:
    """The Python that runs the file: the ``executable`` that is at work, by the name that stays when the system is
    upgraded where that is its."""
    return system if os.path.realpath(system) == os.path.realpath(executable) else executable


def read_installed(folder: str, name: str, attributes: Attributes) -> bytes | None:
    """The content of the file, None where it is missing, no file, or of another mode or owner. Raises HostError
    and OSError for its folder."""
    with opened_folder(folder) as descriptor:
        if descriptor is None:
            return None
        with suppress(HostError, FileNotFoundError):
            content = read_file(descriptor, name)
            fits = attributes.fit(os.stat(name, dir_fd=descriptor, follow_symlinks=False))
            return content if fits else None
    return None
