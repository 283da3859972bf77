# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of the operating system over the files of the destination, in words that say what to do."""

from __future__ import annotations

import errno
import os


def explain(error: Exception, path: str) -> str:
    """What happened to the destination at ``path`` and what to do about it; other errors' messages as they are."""
    if not isinstance(error, OSError):
        return str(error)
    reason = os.strerror(error.errno or 0)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The file system of {path} is full ({reason}). Free some space and run the task again."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"{path} is not accessible to the user who runs the task ({reason}: {error.filename}). "
            "Add become: true, or choose another destination."
        )
    return f"{path} cannot be used ({reason}: {error.filename}). Check the option destination."
