# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lock whose file goes with it: in the build of an image, where nothing empties /run, it would stay in a layer."""

from __future__ import annotations

import os
import time

from ansible_collections.anchorage.pki.plugins.module_utils._host.lock import take_lock


def take_passing_lock(path: str, timeout: float) -> int:
    """A descriptor of the lock file ``path`` that holds the lock, for :func:`release_passing_lock`.

    Whoever waited may get a lock on a file that its holder has removed, which excludes nobody: then it is taken again.
    Raises LockTimeout and OSError.
    """
    deadline = time.monotonic() + timeout
    while True:
        descriptor = take_lock(path, max(0, deadline - time.monotonic()))
        if _is_of(path, descriptor):
            return descriptor
        os.close(descriptor)


def release_passing_lock(path: str, descriptor: int) -> None:
    """Remove the file, while the lock is still held, and release it. Where somebody else removed the file, the one in
    its place is another run's."""
    if _is_of(path, descriptor):
        os.unlink(path)
    os.close(descriptor)


def _is_of(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False
