# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run at a time changes what a host trusts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.lock import LockTimeout, take_lock

LOCK_FILE = "/var/run/anchorage-trust.lock"


@contextmanager
def exclusive(path: str, timeout: float) -> Iterator[None]:
    """Be the only run that changes stores on this host. Raises HostError after ``timeout`` seconds."""
    try:
        descriptor = take_lock(path, timeout)
    except LockTimeout as error:
        raise HostError(f"Another run is changing what this host trusts (it holds {path}). Try again later.") from error
    except OSError as error:
        raise HostError(f"The lock {path} cannot be taken: {error.strerror}.") from error
    try:
        yield
    finally:
        os.close(descriptor)
