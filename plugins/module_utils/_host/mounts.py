# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file systems that are mounted, as Linux lists them: proc_pid_mountinfo(5)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple

TABLE = "/proc/self/mountinfo"
_SEPARATOR = b"-"  # ends the optional fields
_FIRST_OPTIONAL_FIELD = 6
_ESCAPED = rb"\\([0-7]{3})"


class Mount(NamedTuple):
    """A mount point and the type of the file system mounted there."""

    point: str
    file_system: str


def read_mounts(table: str | os.PathLike[str] = TABLE) -> list[Mount]:
    """All mounts in the order of mounting; none where the system has no such table. Raises OSError."""
    try:
        with open(table, "rb") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return []
    return [_parse(line) for line in lines]


def file_system_of(path: str, mounts: Iterable[Mount]) -> str:
    """The type of the file system that the absolute ``path`` is on, "" where no mount covers it."""
    longest, file_system = "", ""
    for point, kind in mounts:
        covers = path == point or path.startswith(f"{point.rstrip('/')}/")
        if covers and len(point) >= len(longest):  # of several mounts at one point, the last one is on top
            longest, file_system = point, kind
    return file_system


def _parse(line: bytes) -> Mount:
    fields = line.split(b" ")
    # Blanks, line ends and backslashes in a path are written as octal numbers.
    point = fields[4]
    if b"\\" in point:
        point = re.sub(_ESCAPED, lambda match: bytes([int(match[1], 8)]), point)
    file_system = fields[fields.index(_SEPARATOR, _FIRST_OPTIONAL_FIELD) + 1]
    return Mount(os.fsdecode(point), os.fsdecode(file_system))
