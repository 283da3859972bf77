# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading regular files, and nothing else, up to a limit: no pipe is waited for, no device read, no endless file."""

from __future__ import annotations

import errno
import os
import stat

_CHUNK = 64 * 1024
# Non-blocking, since opening a pipe would wait for a writer for ever. Windows has none of the last three.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0)


class NotRegularFile(OSError):
    """The path leads to a folder, a pipe, a device or the like."""


class TooLarge(OSError):
    """The file is larger than the limit."""


def read_regular_file(
    path: str | os.PathLike[str], largest: int, folder: int | None = None, follow_links: bool = True
) -> bytes:
    """The content of the regular file ``path`` (in ``folder``), of at most ``largest`` bytes.

    Raises OSError: NotRegularFile, TooLarge, and with ELOOP for a symbolic link that is not to be followed.
    """
    descriptor, size = open_regular_file(path, folder, follow_links)
    try:
        return _read(descriptor, size, largest)
    finally:
        os.close(descriptor)


def read_all(descriptor: int, largest: int) -> bytes:
    """What is left to read, of at most ``largest`` bytes. Raises OSError, TooLarge."""
    return _read(descriptor, os.fstat(descriptor).st_size, largest)


def require_regular(status: os.stat_result) -> None:
    """Raise NotRegularFile unless it is the status of a regular file."""
    if stat.S_ISREG(status.st_mode):
        return
    if stat.S_ISDIR(status.st_mode):
        raise NotRegularFile(errno.EISDIR, "it is a folder")
    raise NotRegularFile(errno.EINVAL, "it is not a regular file")


def open_regular_file(path: str | os.PathLike[str], folder: int | None, follow_links: bool) -> tuple[int, int]:
    """A descriptor of the regular file ``path`` for reading, and its size. Raises OSError as :func:`read_regular_file`
    does. No context manager, which takes its time with hundreds of files."""
    descriptor = os.open(path, _FLAGS if follow_links else _FLAGS | os.O_NOFOLLOW, dir_fd=folder)
    try:
        status = os.fstat(descriptor)
        require_regular(status)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor, status.st_size


def _read(descriptor: int, expected: int, largest: int) -> bytes:
    """Everything, in one read where the file has its ``expected`` size, as those in /proc, of size 0, never have."""
    chunks = [os.read(descriptor, min(expected, largest) + 1)]
    size = len(chunks[0])
    if 0 < size == expected <= largest:
        return chunks[0]
    while chunks[-1]:
        if size > largest:
            raise TooLarge(errno.EFBIG, f"it is larger than {largest} bytes")
        chunks.append(os.read(descriptor, _CHUNK))
        size += len(chunks[-1])
    return b"".join(chunks)
