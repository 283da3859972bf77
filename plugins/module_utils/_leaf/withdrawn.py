# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A staple that was withdrawn before its end, since its server would serve it for ever: the mark and the files of that.

The generation itself stays whole. Whatever reads files finds the same ones, without the staple, in a folder of hard
links beside it. The mark counts for the generation that it names and for no other one: with the next generation it is
void, and where that one is rolled back it counts again.
"""

from __future__ import annotations

import json
import os

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import (
    opened_subfolder,
    read_file,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import FILES, STAPLE_FILES
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import unstapled_name

MARK = ".withdrawn"
KEPT_FILES = tuple(name for name in FILES if name not in STAPLE_FILES)


class Mark(NamedTuple):
    """Of which generation the staple was withdrawn and when (ISO 8601, UTC). It is ``settled`` once servers know."""

    generation: int
    time: str
    settled: bool


def read_mark(folder: int, generation: int) -> Mark | None:
    """The mark in a leaf's ``folder``, None where it is missing, damaged or not of ``generation``. Raises OSError."""
    try:
        entries = json.loads(read_file(folder, MARK) or b"{}")
        mark = Mark(int(entries["generation"]), str(entries["time"]), entries["settled"] is True)
    except (HostError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return mark if mark.generation == generation else None


def is_linked(whole: int, unstapled: int, name: str) -> bool:
    """Whether the file ``name`` of both folders is the same one. Raises OSError."""
    try:
        twins = [os.stat(name, dir_fd=each, follow_symlinks=False) for each in (whole, unstapled)]
    except FileNotFoundError:
        return False
    return os.path.samestat(*twins)


def withdrawal_drift(folder: int, mark: Mark | None) -> list[str]:
    """What of a withdrawal is not as it should be, a sentence each. Raises OSError."""
    if mark is None:
        return []
    drift = [] if mark.settled else ["the withdrawal of its staple did not complete"]
    if not _is_whole(folder, mark.generation):
        drift.append(f"{unstapled_name(mark.generation)} is not the generation without its staple")
    return drift


def _is_whole(folder: int, number: int) -> bool:
    try:
        with opened_subfolder(folder, f"v{number}") as whole, opened_subfolder(folder, unstapled_name(number)) as found:
            wanted = [each for each in KEPT_FILES if each in os.listdir(whole)]
            return sorted(os.listdir(found)) == sorted(wanted) and all(is_linked(whole, found, each) for each in wanted)
    except (FileNotFoundError, NotADirectoryError):
        return False
