# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The authority's files: made for their owner alone, complete or not at all; refused where others could tamper."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.lock import LockTimeout, take_lock
from ansible_collections.anchorage.pki.plugins.module_utils._host.regular_files import (
    open_regular_file,
    read_all,
    read_regular_file,
)
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import create_file, replace_file, sync
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError

# Seconds to wait for another run: making RSA-4096 keys takes that long on a small machine.
LOCK_TIMEOUT = 20.0
LARGEST_FILE = 1024 * 1024
PRIVATE = Attributes(0o600)
# What a folder is called until it is complete.
UNFINISHED = ".new-"


def check_creatable(path: Path) -> None:
    """Raise PkiError where :func:`create_folder` would fail for ``path``; makes nothing."""
    _check_parents(path)
    above = next(parent for parent in (path, *path.parents) if os.path.lexists(parent))
    if not os.path.isdir(above):
        raise _not_made(path, errno.EEXIST if above in (path, path.parent) else errno.ENOTDIR)
    if not os.access(above, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise _not_made(path, errno.EROFS if os.statvfs(above).f_flag & os.ST_RDONLY else errno.EACCES)


def create_folder(path: Path) -> None:
    """Make ``path`` for its owner alone, with the folders above it, where they are missing. Raises PkiError."""
    _check_parents(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise _not_made(path, error.errno or 0) from error


def _not_made(path: Path, number: int) -> PkiError:
    return PkiError(f"The folder {path} cannot be made: {os.strerror(number)}. Check the option authority.")


def _check_parents(path: Path) -> None:
    """Raise PkiError where others could put another folder in the place of ``path``."""
    for parent in path.resolve().parents:
        mode = parent.stat().st_mode if os.path.exists(parent) else 0
        if mode & (stat.S_IWOTH | stat.S_ISVTX) == stat.S_IWOTH:
            raise PkiError(
                f"Every user may write to {parent}, and so put another folder in the place of the authority's. "
                "Close it, or choose another folder with the option authority."
            )


def check_folder(path: Path) -> None:
    """Raise PkiError unless ``path`` is a folder of the user who runs, closed to everybody else."""
    status = path.stat()
    if not stat.S_ISDIR(status.st_mode):
        raise PkiError(f"{path} is not a folder. Check the option authority.")
    if status.st_uid != os.geteuid():
        raise PkiError(
            f"The authority's folder {path} belongs to user {status.st_uid}, not to you ({os.geteuid()}). "
            "Run as its owner, or choose another folder with the option authority."
        )
    _check_parents(path)
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise PkiError(
            f"The authority's folder {path} is open to other users (mode {stat.S_IMODE(status.st_mode):04o}). "
            f"Make sure that nobody took its keys, then close it: chmod 700 {path}"
        )


def read_private(path: Path) -> bytes:
    """The content of the private file ``path``. Raises PkiError where it is missing or open to other users."""
    try:
        return read_secret(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def read_secret(path: Path) -> bytes:
    """The content of the file ``path``, which need not be the authority's. Raises OSError where it cannot be read,
    PkiError where it is open to other users."""
    with _opened(path) as descriptor:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if mode & 0o077:
            raise PkiError(
                f"{path} is open to other users (mode {mode:04o}). Make sure that nobody took the secret, then: "
                f"chmod 600 {path}"
            )
        return read_all(descriptor, LARGEST_FILE)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor, _size = open_regular_file(path, None, follow_links=False)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read_public(path: Path) -> bytes:
    """The content of the file ``path`` of the authority. Raises PkiError where it cannot be read."""
    try:
        return read_regular_file(path, LARGEST_FILE)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> PkiError:
    return PkiError(f"{path} cannot be read: {error.strerror}. Restore the authority's folder from a backup.")


def write_private(path: Path, content: bytes) -> None:
    """Create the file ``path``, mode 0600 from its first moment on, and have it on the disk. Raises OSError."""
    create_file(None, str(path), content, PRIVATE)


@contextmanager
def opened_path(folder: Path) -> Iterator[int]:
    """A descriptor of the folder at a path whose links may be followed. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def replace_private(path: Path, content: bytes, staged: str | None = None) -> None:
    """Put ``content`` at ``path``: a reader sees the former file or this one. Raises PkiError, the former file kept.

    Writers that no lock keeps apart each need a name of their own for the ``staged`` file.
    """
    try:
        with opened_path(path.parent) as folder:
            replace_file(folder, path.name, content, PRIVATE, staged)
    except OSError as error:
        raise PkiError(f"{path} cannot be written: {error.strerror}. It stays as it was.") from error


def remove_private(path: Path) -> None:
    """Remove the file ``path``, also where it is gone. Raises PkiError."""
    try:
        path.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise PkiError(f"{path} cannot be removed: {error.strerror}.") from error


def create_complete_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Make the folder ``path`` with all of ``files``, or nothing. Raises PkiError; never replaces a folder."""
    staged: Path | None = None
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        staged = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=path.parent))
        for name, content in files.items():
            write_private(staged / name, content)
        sync_folder(staged)
        staged.rename(path)  # fails where path exists and is not empty
        sync_folder(path.parent)
    except OSError as error:
        if staged is not None:
            shutil.rmtree(staged, ignore_errors=True)
        raise PkiError(
            f"{path} cannot be written: {error.strerror}. What the authority had before it stays, and the next run "
            "continues from there."
        ) from error


def remove_unfinished(folder: Path) -> None:
    """Remove what :func:`create_complete_folder` left anywhere below ``folder`` when it was killed. Raises PkiError."""
    try:
        for staged in list(folder.rglob(f"{UNFINISHED}*")):
            shutil.rmtree(staged)
    except OSError as error:
        raise PkiError(f"{folder} cannot be cleaned up: {error.strerror}. Fix that and run again.") from error


def sync_folder(path: Path) -> None:
    """Have a folder's entries on the disk, so that a file renamed into it survives a power cut. Raises OSError."""
    with opened_path(path) as folder:
        sync(folder)


@contextmanager
def exclusive_lock(path: Path, timeout: float = LOCK_TIMEOUT, doing: str = "changing the authority") -> Iterator[None]:
    """Hold the lock file ``path`` while the block runs. Raises PkiError after ``timeout`` seconds of waiting for
    another run, which is ``doing`` that."""
    try:
        descriptor = take_lock(path, timeout)
    except LockTimeout as error:
        raise PkiError(
            f"Another run has been {doing} in {path.parent} for {timeout:.0f} seconds. "
            "Wait until it has ended and run again."
        ) from error
    except OSError as error:
        raise PkiError(f"The lock {path} cannot be opened: {error.strerror}. Check the option authority.") from error
    try:
        yield
    finally:
        os.close(descriptor)
