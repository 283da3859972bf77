# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run at a time changes what a host trusts."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError

LOCK_FILE = "/var/run/anchorage-trust.lock"


@contextmanager
def exclusive(path: str, timeout: float) -> Iterator[None]:
    """Be the only run that changes stores on this host. Raises HostError after ``timeout`` seconds."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HostError(f"The lock {path} cannot be taken: {error.strerror}.") from error
    try:
        deadline = time.monotonic() + timeout
        while not _locked(descriptor):
            if time.monotonic() >= deadline:
                raise HostError(f"Another run is changing what this host trusts (it holds {path}). Try again later.")
            time.sleep(0.2)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
