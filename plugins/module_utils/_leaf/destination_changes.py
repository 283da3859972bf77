# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Being the only run that changes anything in the destination, which is made with that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import (
    LOCK_FILE,
    LOCK_TIMEOUT,
    take_destination_lock,
)


@contextmanager
def exclusive_lock(folder: int, path: str, timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
    """Be the only run that changes anything in the destination. Raises HostError after ``timeout`` seconds."""
    descriptor = take_destination_lock(folder, path, timeout)
    try:
        if os.fstat(descriptor).st_nlink == 0:
            raise HostError(f"Another run has just removed everything in {path}. Run the task again.")
        try:
            yield
        finally:
            if os.listdir(folder) == [LOCK_FILE]:  # nothing was deployed
                os.unlink(LOCK_FILE, dir_fd=folder)
    finally:
        os.close(descriptor)
