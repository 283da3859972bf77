# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read of files on a host, and whether everybody there may read them."""

from __future__ import annotations

import os
import stat

from ansible_collections.anchorage.pki.plugins.module_utils._host.regular_files import read_regular_file

LARGEST_FILE = 16 * 1024 * 1024


def read_regular(name: str, folder: int | None = None) -> bytes | None:
    """The content of a regular file, links followed; None where there is none, or one too large to be certificates."""
    try:
        return read_regular_file(name, LARGEST_FILE, folder)
    except OSError:
        return None


def closed_to_others(path: str, root: str) -> str:
    """What is closed to other users on the way from ``root`` to ``path``, links resolved; or ""."""
    real = os.path.realpath(path)
    root, way = os.path.normpath(root), os.path.dirname(real)
    ways = [way]
    while way not in (root, "/"):
        way = os.path.dirname(way)
        ways.append(way)
    for folder in reversed(ways if root in ways else []):
        if not os.stat(folder).st_mode & stat.S_IXOTH:
            return folder
    return "" if os.stat(real).st_mode & stat.S_IROTH else real
