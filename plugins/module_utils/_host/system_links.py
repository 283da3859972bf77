# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The links of macOS from /etc, /tmp and /var to what is below /private: hier(7) there.

They are the only links that are followed on the way to a folder, and the names without /private the only ones by which
folders are known: a place of two names would be two places to servers' files and to the ledger.
"""

from __future__ import annotations

import os
import stat
import sys

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError

PRIVATE = "private"
_NAMES = ("etc", "tmp", "var")


def is_system_link(parent: int, name: str, path: str, root: str = "/", platform: str = sys.platform) -> bool:
    """Whether the entry ``name`` of the folder ``parent``, at ``path``, is one of the three links as Apple makes them:
    root's, in the folder ``root``, and leading below a folder that root alone can change. Raises OSError."""
    if platform != "darwin" or name not in _NAMES or path != os.path.join(root, name):
        return False
    link = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if not stat.S_ISLNK(link.st_mode) or link.st_uid != 0:
        return False
    private = os.stat(PRIVATE, dir_fd=parent, follow_symlinks=False)
    closed = private.st_uid == 0 and not private.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return closed and os.readlink(name, dir_fd=parent) in (f"{PRIVATE}/{name}", f"/{PRIVATE}/{name}")


def common_name(path: str, platform: str = sys.platform) -> str:
    """The ``path`` as it is without /private, where that is another name of the same place."""
    begin, *parts = path.split("/")
    if platform == "darwin" and not begin and parts[0] == PRIVATE and len(parts) > 1 and parts[1] in _NAMES:
        return "/".join(["", *parts[1:]])
    return path


def refuse_second_name(path: str, platform: str = sys.platform) -> None:
    """Raise HostError for a destination that has a name without /private."""
    if (name := common_name(path, platform)) != path:
        raise HostError(
            f"destination: {path} is {name} on a Mac. Write it so: servers' files and the authority's ledger know a "
            "place by one name."
        )
