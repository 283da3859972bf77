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

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import read_file

MARK = ".withdrawn"


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
