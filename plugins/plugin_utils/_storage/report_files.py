# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files for people and programs that read what a run found."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import PRIVATE, replace_private


def write_report(path: Path, content: str) -> None:
    """Replace the file, for its owner alone. Raises PkiError, also where there is something else than a file: a link
    may be another user's, and a device would be gone."""
    path = _checked(path)
    # No lock keeps runs apart here.
    replace_private(path, content.encode(), staged=f".{path.name}.{secrets.token_hex(8)}")


def differs(path: Path, content: str) -> bool:
    """Whether the file is to be replaced: it is missing, has another content, or others may read it. Raises
    PkiError."""
    path = _checked(path)
    try:
        return stat.S_IMODE(path.stat().st_mode) != PRIVATE.mode or path.read_bytes() != content.encode()
    except FileNotFoundError:
        return True
    except OSError as error:
        raise PkiError(f"{path} cannot be read: {error.strerror}.") from error


def _checked(path: Path) -> Path:
    path = Path(os.path.abspath(path))
    if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
        raise PkiError(f"{path} is not a regular file. Name one, or a path at which there is nothing.")
    return path
