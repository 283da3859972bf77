# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that everybody on a host may read and only their owner may write, such as anchors: written whole, or not."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import replace_file
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import FOLDER_MODE, Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import read_regular

_PUBLIC = Attributes(0o644)


def write_public(path: Path, content: bytes, undo: ExitStack) -> None:
    """Create or replace ``path`` in one step, readable by everybody; ``undo`` learns how to put back what was there.

    Raises HostError where others may write to the folder, or where it takes no file; the former file is then untouched.
    """
    with _folder_for(path) as folder:
        undo.callback(_put_back, path, read_regular(path.name, folder))
        replace_file(folder, path.name, content, _PUBLIC)


def write_file(path: Path, content: bytes, attributes: Attributes) -> None:
    """Create or replace ``path`` in one step. Raises HostError as :func:`write_public` does."""
    with _folder_for(path) as folder:
        replace_file(folder, path.name, content, attributes)


@contextmanager
def _folder_for(path: Path) -> Iterator[int]:
    """The folder to write ``path`` in, made where it is missing. Raises HostError, also for what fails in it."""
    make_folders(path.parent)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        require_own_folder(path.parent)
        yield folder
    except OSError as error:
        raise HostError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        os.close(folder)


def require_own_folder(folder: Path) -> None:
    """Raise HostError where all users may write to the folder. One that is missing will be made."""
    if folder.exists() and folder.stat().st_mode & stat.S_IWOTH:
        raise HostError(f"{folder} is writable by all users, who could plant anchors: run chmod o-w on it first.")


def make_folders(folder: Path) -> None:
    """Make a folder and those above it where they are missing, for everybody to read whatever the umask."""
    umask = os.umask(0o777 & ~FOLDER_MODE)  # a run that is killed between mkdir and chmod would leave a closed folder
    try:
        for missing in reversed([each for each in (folder, *folder.parents) if not each.exists()]):
            missing.mkdir(FOLDER_MODE)
    finally:
        os.umask(umask)


def _put_back(path: Path, former: bytes | None) -> None:
    if former is None:
        path.unlink(missing_ok=True)
    else:
        write_public(path, former, ExitStack())
