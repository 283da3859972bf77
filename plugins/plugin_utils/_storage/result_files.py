# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that a user names for what a task found: replaced at once, for their owner alone."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import replace_private


def check_result_path(path: Path, option: str) -> None:
    """Raise PkiError, which names the ``option``, where there is something else than a file: a link may be another
    user's, and a device would be gone."""
    if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
        raise PkiError(f"{option}: {path} is not a regular file. Name one, or a path at which there is nothing.")


def write_result(path: Path, content: bytes, option: str) -> None:
    """Replace the file that the ``option`` names. Raises PkiError."""
    path = Path(os.path.abspath(path))
    check_result_path(path, option)
    try:
        # No lock keeps runs apart here.
        replace_private(path, content, staged=f".{path.name}.{secrets.token_hex(8)}")
    except PkiError as error:
        raise PkiError(f"{option}: {error}") from error


def differs(path: Path, content: bytes, option: str) -> bool:
    """Whether the file has another content, or others may read it. Raises PkiError."""
    path = Path(os.path.abspath(path))
    check_result_path(path, option)
    try:
        return path.read_bytes() != content or stat.S_IMODE(path.stat().st_mode) != 0o600
    except FileNotFoundError:
        return True
    except OSError as error:
        raise PkiError(f"{option}: {path} cannot be read: {error.strerror}.") from error
