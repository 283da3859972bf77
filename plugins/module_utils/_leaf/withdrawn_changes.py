# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mark and the files of a staple that was withdrawn, made and removed."""

from __future__ import annotations

import json
import os

from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import (
    make_folder,
    remove,
    replace_file,
    sync,
)
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes, opened_subfolder
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import unstapled_name
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.withdrawn import MARK, Mark, read_mark
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.withdrawn_drift import KEPT_FILES, is_linked

STAGED_FOLDER = ".unstapled"
_RELINKED = ".relinked"
_ATTRIBUTES = Attributes(0o600)


def write_mark(folder: int, mark: Mark) -> None:
    """Leave the mark in a leaf's ``folder``. Raises OSError."""
    replace_file(folder, MARK, json.dumps(mark._asdict()).encode("ascii"), _ATTRIBUTES)


def settle_mark(folder: int, generation: int) -> None:
    """Servers know that the staple of ``generation`` was withdrawn, where it was. Raises OSError."""
    mark = read_mark(folder, generation)
    if mark is not None and not mark.settled:
        write_mark(folder, mark._replace(settled=True))


def clear_mark(folder: int, generation: int) -> None:
    """Remove a mark that is not of ``generation``. Raises OSError."""
    if read_mark(folder, generation) is None:
        remove(folder, MARK)


def make_unstapled(folder: int, number: int) -> None:
    """Make the folder of generation ``number`` without its staple, or make it whole again. Raises OSError."""
    name = unstapled_name(number)
    if name in os.listdir(folder):
        _link_files(folder, number, name)
        return
    remove(folder, STAGED_FOLDER)
    make_folder(folder, STAGED_FOLDER)
    _link_files(folder, number, STAGED_FOLDER)
    os.rename(STAGED_FOLDER, name, src_dir_fd=folder, dst_dir_fd=folder)
    sync(folder)


def _link_files(folder: int, number: int, name: str) -> None:
    """Each file is missing, or a link to the generation's own, at any instant."""
    with opened_subfolder(folder, f"v{number}") as whole, opened_subfolder(folder, name) as unstapled:
        wanted = [each for each in KEPT_FILES if each in os.listdir(whole)]
        for each in wanted:
            if not is_linked(whole, unstapled, each):
                remove(unstapled, _RELINKED)
                os.link(each, _RELINKED, src_dir_fd=whole, dst_dir_fd=unstapled, follow_symlinks=False)
                os.rename(_RELINKED, each, src_dir_fd=unstapled, dst_dir_fd=unstapled)
        for each in set(os.listdir(unstapled)).difference(wanted):
            remove(unstapled, each)
        sync(unstapled)
