# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders and files by descriptor: no symbolic link is followed, and no file ever has a looser mode than its final one.

The only exception are macOS' own links, which system_links.py knows.

As root, every folder on the way must be writable by root alone: whoever may write to a folder may replace what is in
it between two of our system calls. Descriptors and O_NOFOLLOW are described in open(2) and openat(2).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.regular_files import read_regular_file

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
        descriptor = walk(path, foreign)
    except FileNotFoundError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def enter(parent: int, name: str) -> int:
    """A descriptor of the folder ``name`` in ``parent`` that is good for passing through. Raises OSError."""
    return os.open(name, _PASS_FOLDER, dir_fd=parent)


def walk(path: str, foreign: bool = False, step: Callable[[int, str], int] = enter) -> int:
    """A descriptor of the folder at the absolute ``path``, reached folder by folder, each ``step`` as by :func:`enter`.

    Raises HostError, FileNotFoundError.
    """
    if not os.path.isabs(path) or os.path.normpath(path) != path:
        raise HostError(f"destination: {path} must be an absolute path without . and .. and without a final slash.")
    walked = "/"
    current = os.open(walked, _PASS_FOLDER)
    try:
        for part in filter(None, path.split("/")):
            _refuse_foreign(current, walked, foreign)
            walked = os.path.join(walked, part)
            following = _entered(current, part, walked, step)
            os.close(current)
            current = following
        _refuse_foreign(current, walked, foreign)
        return os.open(".", _READ_FOLDER, dir_fd=current)
    finally:
        os.close(current)


def _entered(parent: int, name: str, path: str, step: Callable[[int, str], int]) -> int:
    try:
        return step(parent, name)
    except FileNotFoundError:  # which is no refusal
        raise
    except OSError as error:
        # Here, as further down, for looks, which are refused nothing.
        from ansible_collections.anchorage.pki.plugins.module_utils._host.refusals import follow_or_refuse

        return follow_or_refuse(parent, name, path, step, error)


def _refuse_foreign(descriptor: int, path: str, accepted: bool) -> None:
    if accepted or os.geteuid() != 0:
        return
    status = os.fstat(descriptor)
    writable_by_group = status.st_mode & stat.S_IWGRP and status.st_gid != 0
    if status.st_uid != 0 or status.st_mode & stat.S_IWOTH or writable_by_group:
        from ansible_collections.anchorage.pki.plugins.module_utils._host.refusals import refuse_foreign_folder

        refuse_foreign_folder(path)


@contextmanager
def opened_subfolder(parent: int, name: str) -> Iterator[int]:
    """A descriptor of the folder ``name`` in ``parent``. Raises OSError where it is missing, a link or a file."""
    descriptor = os.open(name, _READ_FOLDER, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read_file(folder: int, name: str) -> bytes | None:
    """The content of the regular file ``name``, or None where it is missing. Raises HostError for no file, OSError."""
    try:
        return read_regular_file(name, LARGEST_FILE, folder, follow_links=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        from ansible_collections.anchorage.pki.plugins.module_utils._host.refusals import refuse_file

        refuse_file(name, LARGEST_FILE, error)
        raise
