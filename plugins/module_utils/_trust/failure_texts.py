# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What went wrong in a store, in words."""

from __future__ import annotations

import os

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError, describe_os_error


def describe(error: Exception) -> str:
    """What went wrong in a store. An unexpected error is described by its kind and place, without what it may quote."""
    if isinstance(error, HostError):
        return str(error)
    if isinstance(error, OSError):
        return describe_os_error(error)
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    file, line = (os.path.basename(place.tb_frame.f_code.co_filename), place.tb_lineno) if place else ("", 0)
    return f"Internal error in {file}, line {line} ({type(error).__name__}); please report it."
