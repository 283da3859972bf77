# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files on the controller that everybody may read, as certificates and requests are: a task is told where."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.regular_files import read_regular_file
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import replace_file, staged_name
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import opened_path

READABLE = Attributes(0o644)
LARGEST_FILE = 1024 * 1024


@dataclass(frozen=True)
class PublicFile:
    """A file that ``option`` names."""

    option: str
    path: Path

    def holds(self, content: bytes) -> bool:
        """Whether that is what is there. Raises PkiError where it cannot be read."""
        try:
            return read_regular_file(self.path, LARGEST_FILE) == content
        except FileNotFoundError:
            return False
        except OSError as error:
            raise PkiError(f"{self.option}: {self.path} cannot be read: {error.strerror}.") from error

    def check(self) -> None:
        """Raise PkiError where it could not be written, or a folder above it not be made; writes nothing."""
        self.holds(b"")
        effective = os.access in os.supports_effective_ids
        if not os.access(nearest(self.path.parent), os.W_OK | os.X_OK, effective_ids=effective):
            raise PkiError(f"{self.option}: {self.path} cannot be written: {os.strerror(errno.EACCES)}.")

    def write(self, content: bytes) -> None:
        """Put ``content`` there by one rename, unless it is there. Raises PkiError."""
        if self.holds(content):
            return
        try:
            with opened_path(self.path.parent) as folder:
                staged = f"{staged_name(self.path.name)}.{os.getpid()}"
                replace_file(folder, self.path.name, content, READABLE, staged)
        except OSError as error:
            raise PkiError(f"{self.option}: {self.path} cannot be written: {error.strerror}.") from error


def public_file(option: str, name: str | None) -> PublicFile | None:
    """The file that an option names, None where it names none. Raises PkiError for one that cannot be written."""
    if name is None:
        return None
    path = absolute_path(option, name)
    check_is_folder(option, path.parent)
    return PublicFile(option, path)


def check_is_folder(option: str, folder: Path) -> None:
    """Raise PkiError where there is no such folder."""
    if not os.path.isdir(folder):  # also where nobody may look
        raise PkiError(f"{option}: there is no folder {folder} on the controller. Make it, or name another.")


def nearest(folder: Path) -> Path:
    """The folder, or what is there of those above it."""
    return next(each for each in (folder, *folder.parents) if os.path.lexists(each))


def absolute_path(option: str, name: str) -> Path:
    """The path that an option names. Raises PkiError for a relative one, which begins wherever Ansible was started."""
    if not os.path.isabs(name):
        raise PkiError(f"{option}: {name!r} is a relative path. Begin it with / or ~, or with {{{{ playbook_dir }}}}.")
    return Path(name)
