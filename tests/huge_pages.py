# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Huge pages for what a process has in memory: a fork copies one entry for each, and not five hundred."""

from __future__ import annotations

import ctypes
import os
import re
from pathlib import Path

#: Memory of the process alone, to read and write, that no file stands behind.
ANONYMOUS = re.compile(r"(\w+)-(\w+) rw-p \w+ 00:00 0\s*(?:\[heap\])?$", re.MULTILINE)
SIZE = 2 * 1024 * 1024  # bytes, on all processors but a few
MADV_COLLAPSE = 25  # Linux 6.1
#: After so many forks it pays to collapse again: what was written to while a child lived is in small pages.
FORKS = 6


class HugePages:
    """The memory that the process has by now in huge pages, where the kernel can do that; and again after forks."""

    def __init__(self) -> None:
        try:
            maps = Path("/proc/self/maps").read_text(encoding="utf-8")
        except FileNotFoundError:
            maps = ""  # as on a Mac
        self._addresses = [
            address
            for begin, end in ANONYMOUS.findall(maps)
            for address in range(-(-int(begin, 16) // SIZE) * SIZE, int(end, 16) - SIZE + 1, SIZE)
        ]
        self._forks = 0
        os.register_at_fork(after_in_parent=self._count)
        self._collapse()

    def renew(self) -> None:
        """Make up for the forks since the last time, where there were many."""
        if self._forks >= FORKS:
            self._collapse()

    def _count(self) -> None:
        self._forks += 1

    def _collapse(self) -> None:
        madvise = ctypes.CDLL(None).madvise
        for address in self._addresses:
            madvise(ctypes.c_void_p(address), ctypes.c_size_t(SIZE), MADV_COLLAPSE)
        self._forks = 0
