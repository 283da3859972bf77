# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of a child process, awaited without polling where the kernel can tell."""

from __future__ import annotations

import os
import select
from contextlib import suppress


def await_end(process: int, timeout: float) -> bool:
    """Wait at most ``timeout`` seconds for a child to end, where the kernel reports that; False where it cannot.

    The caller then has to poll, as Popen.wait() does every 50 milliseconds.
    """
    with suppress(AttributeError, OSError):  # FreeBSD, and Linux before 5.3
        descriptor = os.pidfd_open(process)
        try:
            ending = select.poll()
            ending.register(descriptor, select.POLLIN)
            ending.poll(timeout * 1000)
            return True
        finally:
            os.close(descriptor)
    return False
