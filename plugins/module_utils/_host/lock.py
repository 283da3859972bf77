# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The advisory lock of a lock file, by flock(2): the kernel releases it when its holder ends, however that happens."""

from __future__ import annotations

import fcntl
import os
import time

_PAUSE = 0.05  # seconds between two attempts; flock(2) has no time limit of its own


class LockTimeout(Exception):
    """Another process held the lock all the time. No OSError: those are about the lock file itself."""


def take_lock(
    path: str | os.PathLike[str],
    timeout: float | None,
    folder: int | None = None,
    shared: bool = False,
    create: bool = True,
) -> int:
    """A descriptor of the lock file ``path`` (in ``folder``) that holds the lock; closing it releases the lock.

    Waits at most ``timeout`` seconds, without a limit for None. With ``create``, a missing file is created, for its
    owner alone. A shared lock excludes exclusive ones only, and needs no permission to write the file.
    Raises LockTimeout, and OSError where the file is missing, a symbolic link or unusable.
    """
    flags = os.O_RDONLY if shared and not create else os.O_RDWR
    flags |= (os.O_CREAT if create else 0) | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600, dir_fd=folder)
    try:
        _acquire(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, timeout)
    except (LockTimeout, OSError):
        os.close(descriptor)
        raise
    return descriptor


def _acquire(descriptor: int, kind: int, timeout: float | None) -> None:
    if timeout is None:
        fcntl.flock(descriptor, kind)
        return
    deadline = time.monotonic() + timeout
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise LockTimeout(f"locked by another process for {timeout:g} seconds") from None
        time.sleep(_PAUSE)
