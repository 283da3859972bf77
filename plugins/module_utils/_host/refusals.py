# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a folder or a file was not opened: the links that are followed all the same, and for all else why not, in
sentences that say what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import TYPE_CHECKING
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.regular_files import NotRegularFile, TooLarge
from ansible_collections.anchorage.pki.plugins.module_utils._host.system_links import (
    PRIVATE,
    common_name,
    is_system_link,
)

if TYPE_CHECKING:
    from typing import NoReturn


def follow_or_refuse(parent: int, name: str, path: str, step: Callable[[int, str], int], error: OSError) -> int:
    """A descriptor of the folder ``name`` in ``parent``, at ``path``, which the system did not open: each ``step`` goes
    on where one of macOS' own links leads.

    Raises HostError, and ``error`` where there is no sentence for it.
    """
    if is_system_link(parent, name, path):
        private = step(parent, PRIVATE)
        try:
            return step(private, name)
        finally:
            os.close(private)
    _refuse_folder(path, error)
    raise error


def _refuse_folder(path: str, error: OSError) -> None:
    """Raise HostError where there is a sentence for the system's refusal ``error`` to open the folder ``path``."""
    if os.path.islink(path):
        real = common_name(os.path.realpath(path))
        raise HostError(
            f"{path} is a symbolic link, and a link on the way to a private key is not followed: "
            f"give the path without it ({real}), or remove the link."
        ) from error
    if error.errno == errno.ENOTDIR:
        raise HostError(f"{path} is not a folder: move it, or choose another destination.") from error


def refuse_foreign_folder(path: str) -> NoReturn:
    """Raise HostError for a folder in which others than root may write."""
    raise HostError(
        f"Other users than root may write in {path}, so root keeps no private key in it or below it: "
        "choose another destination, or run the task as the owner of that folder (become_user)."
    )


def refuse_file(name: str, largest: int, error: OSError) -> None:
    """Raise HostError where there is a sentence for the refusal ``error`` to read the file ``name``, of at most
    ``largest`` bytes."""
    if isinstance(error, NotRegularFile):
        raise HostError(f"{name} is not a regular file") from error
    if isinstance(error, TooLarge):
        raise HostError(f"{name} is larger than {largest} bytes") from error
    if error.errno == errno.ELOOP:
        raise HostError(f"{name} is a symbolic link, not a file") from error
