# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Huge pages for what a process has in memory: a fork copies one entry for each, and not five hundred."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

#: Memory of the process alone, to read and write, that no file stands behind.
ANONYMOUS = re.compile(r"(\w+)-(\w+) rw-p \w+ 00:00 0\s*(?:\[heap\])?$", re.MULTILINE)
SIZE = 2 * 1024 * 1024  # bytes, on all processors but a few
MADV_COLLAPSE = 25  # Linux 6.1


def use_huge_pages() -> None:
    """Move the memory that the process has by now into huge pages, where the kernel can do that.

    Once: to do it again, for what was written to while a child lived and is in small pages since, takes longer than it
    saves.
    """
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8")
    except FileNotFoundError:
        return  # as on a Mac
    madvise = ctypes.CDLL(None).madvise
    for begin, end in ANONYMOUS.findall(maps):
        for address in range(-(-int(begin, 16) // SIZE) * SIZE, int(end, 16) - SIZE + 1, SIZE):
            madvise(ctypes.c_void_p(address), ctypes.c_size_t(SIZE), MADV_COLLAPSE)
