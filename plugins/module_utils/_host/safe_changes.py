# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changing the host's files, as carefully as safe_files reads them: each change is complete or was never there."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import (
    FOLDER_MODE,
    Attributes,
    enter,
    opened_folder,
    opened_subfolder,
    walk,
)

# On macOS alone, where fsync(2) leaves what was written in the drive's own cache, see there.
_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)


def sync(descriptor: int, full_sync: int | None = _FULL_SYNC) -> None:
    """Have an open file, or an open folder's entries, survive a power cut. Raises OSError."""
    if full_sync is not None:
        with suppress(OSError):  # a file system that has no such thing
            fcntl.fcntl(descriptor, full_sync)
            return
    os.fsync(descriptor)


@contextmanager
def created_folder(path: str) -> Iterator[int]:
    """A descriptor of the folder at the absolute ``path``, made where it is missing. Raises HostError, OSError.

    Where the block raises, those folders that were made and are empty are removed again.
    """
    with ExitStack() as undoing:
        undoing.callback(_remove_empty, _missing_folders(path))
        descriptor = walk(path, step=_made)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
        undoing.pop_all()


def _missing_folders(path: str) -> list[str]:
    """Those of the folder at ``path`` and the ones above it that are missing, the deepest first."""
    missing = []
    while path and not os.path.lexists(path):
        missing.append(path)
        path = os.path.dirname(path)
    return missing


def _remove_empty(paths: list[str]) -> None:
    for path in paths:
        with suppress(OSError, HostError), opened_folder(os.path.dirname(path)) as parent:
            if parent is not None:
                os.rmdir(os.path.basename(path), dir_fd=parent)


def _made(parent: int, name: str) -> int:
    """The folder entered, made where it is missing. Raises OSError."""
    try:
        return enter(parent, name)
    except FileNotFoundError:
        make_folder(parent, name)
        return enter(parent, name)


def make_folder(parent: int, name: str) -> None:
    """Make the folder ``name`` with mode 0755, whatever the umask. Raises OSError."""
    os.mkdir(name, FOLDER_MODE, dir_fd=parent)
    with opened_subfolder(parent, name) as folder:
        os.fchmod(folder, FOLDER_MODE)
    with opened_subfolder(parent, ".") as readable_parent:  # ours may be good for passing through only
        sync(readable_parent)


def create_file(folder: int | None, name: str, content: bytes, attributes: Attributes, durable: bool = True) -> None:
    """Create the file ``name``, which must not exist, with its final mode and owner before content. Raises OSError.

    It is ``durable`` when it survives a power cut.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, 0o600, dir_fd=folder), "wb") as file:
        attributes.apply(file.fileno())
        file.write(content)
        file.flush()
        if durable:
            sync(file.fileno())


def staged_name(name: str) -> str:
    """What a new file is called until it takes the place of ``name``."""
    return f".{name}.new"


def replace_file(
    folder: int, name: str, content: bytes, attributes: Attributes, staged: str | None = None, durable: bool = True
) -> None:
    """Put ``content`` at ``name`` by one rename: a reader sees the former file or this one. Raises OSError.

    Writers that no lock keeps apart each need a name of their own for the ``staged`` file.
    """
    staged = staged or staged_name(name)
    remove(folder, staged)
    try:
        create_file(folder, staged, content, attributes, durable)
        os.rename(staged, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        remove(folder, staged)
        raise
    if durable:
        sync(folder)


def replace_link(folder: int, name: str, target: str) -> None:
    """Make ``name`` a symbolic link to ``target`` by one rename. Raises OSError."""
    staged = staged_name(name)
    remove(folder, staged)
    try:
        os.symlink(target, staged, dir_fd=folder)
        os.rename(staged, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        remove(folder, staged)
        raise
    sync(folder)


def remove(parent: int, name: str) -> None:
    """Remove the file, link or folder ``name`` with all that is in it, where it exists. Raises OSError."""
    with suppress(FileNotFoundError):
        if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=parent)
            return
        with opened_subfolder(parent, name) as folder:
            for entry in os.listdir(folder):
                remove(folder, entry)
        os.rmdir(name, dir_fd=parent)
