# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders and files by descriptor: no symbolic link is followed, and no file ever has a looser mode than its final one.

As root, every folder on the way must be writable by root alone: whoever may write to a folder may replace what is in
it between two of our system calls. Descriptors and O_NOFOLLOW are described in open(2) and openat(2).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.regular_files import (
    NotRegularFile,
    TooLarge,
    read_regular_file,
)

FOLDER_MODE = 0o755
LARGEST_FILE = 1024 * 1024
UNCHANGED = -1  # what chown(2) takes for "leave this one as it is"

_READ_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Passing through a folder needs no permission to list it, where the system can tell the two apart.
_PASS_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Attributes(NamedTuple):
    """Mode and owner of a file; ``UNCHANGED`` leaves the user or group to whoever runs."""

    mode: int
    uid: int = UNCHANGED
    gid: int = UNCHANGED

    def fit(self, status: os.stat_result) -> bool:
        """Whether a file of ``status`` has this mode and owner."""
        return (
            stat.S_IMODE(status.st_mode) == self.mode
            and self.uid in (UNCHANGED, status.st_uid)
            and self.gid in (UNCHANGED, status.st_gid)
        )

    def apply(self, descriptor: int) -> None:
        """Give the open file this owner, then this mode: in that order nobody else may read it too early."""
        os.fchown(descriptor, self.uid, self.gid)
        os.fchmod(descriptor, self.mode)


@contextmanager
def opened_folder(path: str, foreign: bool = False) -> Iterator[int | None]:
    """A descriptor of the folder at the absolute ``path``; None where it is missing. Raises HostError.

    With ``foreign``, root accepts a folder that others may write to, which is enough for removing what is in it.
    """
    try:
        descriptor = _walk(path, create=False, foreign=foreign)
    except FileNotFoundError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def created_folder(path: str) -> Iterator[int]:
    """A descriptor of the folder at the absolute ``path``, made where it is missing. Raises HostError, OSError.

    Where the block raises, those folders that were made and are empty are removed again.
    """
    with ExitStack() as undoing:
        undoing.callback(_remove_empty, _missing_folders(path))
        descriptor = _walk(path, create=True)
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


def _walk(path: str, create: bool, foreign: bool = False) -> int:
    if not os.path.isabs(path) or os.path.normpath(path) != path:
        raise HostError(f"destination: {path} must be an absolute path without . and .. and without a final slash.")
    walked = "/"
    current = os.open(walked, _PASS_FOLDER)
    try:
        for part in filter(None, path.split("/")):
            if not foreign:
                _refuse_foreign(current, walked)
            walked = os.path.join(walked, part)
            following = _step(current, part, walked, create)
            os.close(current)
            current = following
        if not foreign:
            _refuse_foreign(current, walked)
        return os.open(".", _READ_FOLDER, dir_fd=current)
    finally:
        os.close(current)


def _step(parent: int, name: str, path: str, create: bool) -> int:
    with _named_refusals(path):
        try:
            return os.open(name, _PASS_FOLDER, dir_fd=parent)
        except FileNotFoundError:
            if not create:
                raise
            make_folder(parent, name)
            return os.open(name, _PASS_FOLDER, dir_fd=parent)


@contextmanager
def _named_refusals(path: str) -> Iterator[None]:
    """Turn the system's refusals to open the folder ``path`` into sentences."""
    try:
        yield
    except OSError as error:
        if os.path.islink(path):
            real = os.path.realpath(path)
            raise HostError(
                f"{path} is a symbolic link, and a link on the way to a private key is not followed: "
                f"give the path without it ({real}), or remove the link."
            ) from error
        if error.errno == errno.ENOTDIR:
            raise HostError(f"{path} is not a folder: move it, or choose another destination.") from error
        raise


def _refuse_foreign(descriptor: int, path: str) -> None:
    if os.geteuid() != 0:
        return
    status = os.fstat(descriptor)
    writable_by_group = status.st_mode & stat.S_IWGRP and status.st_gid != 0
    if status.st_uid != 0 or status.st_mode & stat.S_IWOTH or writable_by_group:
        raise HostError(
            f"Other users than root may write in {path}, so root keeps no private key in it or below it: "
            "choose another destination, or run the task as the owner of that folder (become_user)."
        )


def make_folder(parent: int, name: str) -> None:
    """Make the folder ``name`` with mode 0755, whatever the umask. Raises OSError."""
    os.mkdir(name, FOLDER_MODE, dir_fd=parent)
    with opened_subfolder(parent, name) as folder:
        os.fchmod(folder, FOLDER_MODE)
    with opened_subfolder(parent, ".") as readable_parent:  # ours may be good for passing through only
        os.fsync(readable_parent)


@contextmanager
def opened_subfolder(parent: int, name: str) -> Iterator[int]:
    """A descriptor of the folder ``name`` in ``parent``. Raises OSError where it is missing, a link or a file."""
    descriptor = os.open(name, _READ_FOLDER, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def opened_path(folder: str | os.PathLike[str]) -> Iterator[int]:
    """A descriptor of the folder at a path whose links may be followed. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


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
            os.fsync(file.fileno())


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
        os.fsync(folder)


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
    os.fsync(folder)


def read_file(folder: int, name: str) -> bytes | None:
    """The content of the regular file ``name``, or None where it is missing. Raises HostError for no file, OSError."""
    try:
        return read_regular_file(name, LARGEST_FILE, folder, follow_links=False)
    except FileNotFoundError:
        return None
    except NotRegularFile as error:
        raise HostError(f"{name} is not a regular file") from error
    except TooLarge as error:
        raise HostError(f"{name} is larger than {LARGEST_FILE} bytes") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise HostError(f"{name} is a symbolic link, not a file") from error
        raise


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
