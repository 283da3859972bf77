# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The destination: the folder on a host below which every leaf has a folder of its own, and the lock over it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.lock import LockTimeout, take_lock
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes

# Seconds to wait for another run, which may be inside a reload and its rollback.
LOCK_PATIENCE = 90.0
LOCK_FILE = ".lock"

# 200 characters leave room for the names derived from it within the 255 bytes of a file name.
LEAF_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_UNQUOTABLE = re.compile(r"[\x00-\x1f\x7f\"\\$]")


@dataclass(frozen=True)
class Destination:
    """Where leaves are kept on this host, for which server, and who may read which of their files."""

    path: str
    server: str
    public: Attributes
    private: Attributes

    def __post_init__(self) -> None:
        if _UNQUOTABLE.search(self.path):
            raise HostError(
                f"destination: {self.path!r} holds a character that has a meaning in a server's configuration "
                "(a quotation mark, a backslash, a dollar sign or a control character). Choose another path."
            )

    def folder(self, name: str) -> str:
        """The path of the leaf's own folder."""
        return os.path.join(self.path, name)

    def generation(self, name: str, number: int) -> str:
        """The path of one generation of the leaf."""
        return os.path.join(self.path, name, f"v{number}")


def check_names(names: list[str]) -> None:
    """Raise HostError unless every name can be a folder's name and none comes twice."""
    for name in names:
        if not LEAF_NAME.fullmatch(name):
            raise HostError(
                f"name: {name!r} cannot name a folder. Use up to 200 letters, digits, dots, hyphens and underscores, "
                "beginning with a letter or a digit."
            )
        if names.count(name) > 1:
            raise HostError(f"name: {name} comes twice in one task. Every certificate needs a name of its own.")


@contextmanager
def exclusive_lock(folder: int, path: str, patience: float = LOCK_PATIENCE) -> Iterator[None]:
    """Be the only run that changes anything in the destination. Raises HostError after ``patience`` seconds."""
    descriptor = _take_lock(folder, path, patience)
    try:
        if os.fstat(descriptor).st_nlink == 0:
            raise HostError(f"Another run has just left nothing in {path}. Run the task again.")
        try:
            yield
        finally:
            if os.listdir(folder) == [LOCK_FILE]:  # nothing was deployed
                os.unlink(LOCK_FILE, dir_fd=folder)
    finally:
        os.close(descriptor)


@contextmanager
def existing_lock(folder: int, path: str, exclusive: bool = False, patience: float = LOCK_PATIENCE) -> Iterator[None]:
    """Look at the destination while nobody changes it, or with ``exclusive`` be the only run there; creates nothing.

    Raises HostError after ``patience`` seconds.
    """
    try:
        descriptor = _take_lock(folder, path, patience, shared=not exclusive, create=False)
    except FileNotFoundError:  # nothing was ever deployed here
        yield
        return
    try:
        yield
    finally:
        os.close(descriptor)


def _take_lock(folder: int, path: str, patience: float, shared: bool = False, create: bool = True) -> int:
    try:
        return take_lock(LOCK_FILE, patience, folder, shared, create)
    except LockTimeout as error:
        raise HostError(
            f"Another run has been working in {path} for {patience:.0f} seconds. Nothing was changed: "
            "wait until it has ended and run again."
        ) from error
