# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The repair of what a generation needs no new key, certificate or staple for: modes, owners, SELinux
types, and the staple's link."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import remove, sync
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import (
    Attributes,
    opened_subfolder,
    read_file,
)
from ansible_collections.anchorage.pki.plugins.module_utils._host.selinux_changes import give_type
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import COMBINED_STAPLE, STAPLE
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generation_health import FOLDER_ATTRIBUTES, is_linked
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import attributes_of
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.misplaced import opened_file

_RELINKED = ".relinked"


def repair_generation(folder: int, destination: Destination, number: int, files: Iterable[str]) -> None:
    """Give the undamaged generation of ``files`` its modes, owners, types and link again. Raises OSError."""
    with opened_subfolder(folder, f"v{number}") as generation:
        give_type(generation, folder)
        if not FOLDER_ATTRIBUTES.fit(os.fstat(generation)):
            FOLDER_ATTRIBUTES.apply(generation)
        if COMBINED_STAPLE in files and not is_linked(generation):
            _relink_staple(generation)
        for file_name in files:
            with opened_file(generation, file_name) as file:
                _repair_file(file, folder, attributes_of(file_name, destination))
        sync(generation)


def _relink_staple(generation: int) -> None:
    """Make both names of the staple links of one file; each is missing or complete at any instant."""
    source, copy = (STAPLE, COMBINED_STAPLE) if read_file(generation, STAPLE) is not None else (COMBINED_STAPLE, STAPLE)
    remove(generation, _RELINKED)
    os.link(source, _RELINKED, src_dir_fd=generation, dst_dir_fd=generation)
    os.rename(_RELINKED, copy, src_dir_fd=generation, dst_dir_fd=generation)


def _repair_file(file: int, folder: int, attributes: Attributes) -> None:
    if not attributes.fit(os.fstat(file)):
        attributes.apply(file)
    give_type(file, folder)
