# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding the programs of a host, without the means to run them: a look at a host has no time to import those."""

from __future__ import annotations

import os

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def find_command(name: str, search_path: str | None = None) -> str | None:
    """The path of a program of the host, looked for in ``search_path``, by default in ``SEARCH_PATH``."""
    folders = [""] if os.path.isabs(name) else (search_path or SEARCH_PATH).split(os.pathsep)
    paths = [os.path.join(folder, name) for folder in folders]
    return next((path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)), None)
