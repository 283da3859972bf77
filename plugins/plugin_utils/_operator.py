# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who runs this."""

from __future__ import annotations

import getpass
import os


def operator() -> str:
    """The name of the user who runs this, or a number where there is none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in a container; OSError from Python 3.13 on
        return f"user id {os.getuid()}"
