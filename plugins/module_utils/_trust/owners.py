# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose an installation is that may be a user's own, and who else could replace what is in it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.accounts import Account
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError


def owner_of(path: str) -> Account:
    """The owner of a file or folder, by numbers, as whom all is done in it. Raises OSError."""
    status = os.stat(path)
    return Account(f"user {status.st_uid}", status.st_uid, status.st_gid, "/")


def open_to_others(path: str, root: str) -> str:
    """The first folder or file on the way from ``root`` to ``path`` that others than root may replace; or ""."""
    ways = [way for way in (*reversed(Path(path).parents), Path(path)) if Path(root) in (way, *way.parents)]
    for way in ways:
        status = way.stat()
        by_group = status.st_mode & stat.S_IWGRP and status.st_gid != 0
        if status.st_uid != 0 or by_group or status.st_mode & stat.S_IWOTH:
            return str(way)
    return ""


def require_own(path: str, root: str) -> None:
    """Raise HostError where others than root may replace what root trusts at ``path``, or a folder on the way."""
    culprit = open_to_others(path, root)
    if culprit:
        raise HostError(
            f"Users other than root may write to {culprit}, and so replace what root trusts there: "
            "restrict it with chmod and chown first."
        )
