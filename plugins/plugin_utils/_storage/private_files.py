# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The authority's files: made for their owner alone, complete or not at all; refused where others could meddle."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError

# Seconds to wait for another run: making RSA-4096 keys takes that long on a small machine.
LOCK_PATIENCE = 20.0
LARGEST_FILE = 1024 * 1024
# What a folder is called until it is complete.
UNFINISHED = ".new-"


def create_folder(path: Path) -> None:
    """Make ``path`` for its owner alone, with the folders above it, where they are missing. Raises PkiError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise PkiError(f"The folder {path} cannot be made: {error.strerror}. Check the option authority.") from error


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
    for parent in path.resolve().parents:
        if stat.S_IMODE(parent.stat().st_mode) & (stat.S_IWOTH | stat.S_ISVTX) == stat.S_IWOTH:
            raise PkiError(
                f"Every user may write to {parent}, and so put another folder in the place of the authority's. "
                "Close it, or choose another folder with the option authority."
            )
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise PkiError(
            f"The authority's folder {path} is open to other users (mode {stat.S_IMODE(status.st_mode):04o}). "
            f"Make sure that nobody took its keys, then close it: chmod 700 {path}"
        )


def read_private(path: Path) -> bytes:
    """The content of the private file ``path``. Raises PkiError where it is missing or open to other users."""
    try:
        with open(path, "rb", opener=_open_no_link) as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise PkiError(
                    f"{path} is open to other users (mode {mode:04o}). Make sure that nobody took the key, then: "
                    f"chmod 600 {path}"
                )
            return file.read(LARGEST_FILE)
    except OSError as error:
        raise PkiError(
            f"{path} cannot be read: {error.strerror}. Restore the authority's folder from a backup."
        ) from error


def _open_no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW)


def read_public(path: Path) -> bytes:
    """The content of the file ``path`` of the authority. Raises PkiError where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(LARGEST_FILE)
    except OSError as error:
        raise PkiError(
            f"{path} cannot be read: {error.strerror}. Restore the authority's folder from a backup."
        ) from error


def write_private(path: Path, content: bytes) -> None:
    """Create the file ``path``, mode 0600 from its first moment on, and have it on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def replace_private(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path``: a reader sees the former file or this one. Raises PkiError, the former file kept."""
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write_private(staged, content)
        staged.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):  # it may not be there, or the folder may be closed; the first error is the one to tell
            staged.unlink()
        raise PkiError(f"{path} cannot be written: {error.strerror}. It stays as it was.") from error


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
            "goes on from there."
        ) from error


def remove_unfinished(folder: Path) -> None:
    """Remove what :func:`create_complete_folder` left anywhere below ``folder`` when it was killed. Raises PkiError."""
    try:
        for staged in list(folder.rglob(f"{UNFINISHED}*")):
            shutil.rmtree(staged)
    except OSError as error:
        raise PkiError(f"{folder} cannot be tidied: {error.strerror}. Mend that and run again.") from error


def sync_folder(path: Path) -> None:
    """Have a folder's entries on the disk, so that a file renamed into it survives a power cut. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def exclusive_lock(path: Path, patience: float = LOCK_PATIENCE) -> Iterator[None]:
    """Hold the lock file ``path`` while the block runs. Raises PkiError after ``patience`` seconds of waiting."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise PkiError(f"The lock {path} cannot be opened: {error.strerror}. Check the option authority.") from error
    try:
        _acquire(descriptor, path, patience)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise PkiError(
                    f"Another run has been changing the authority in {path.parent} for {patience:.0f} seconds. "
                    "Wait until it has ended and run again."
                ) from error
            time.sleep(0.05)
