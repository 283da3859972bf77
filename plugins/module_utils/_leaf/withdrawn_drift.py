# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a staple's withdrawal is not as it should be."""

from __future__ import annotations

import os

from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import opened_subfolder
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import FILES, STAPLE_FILES
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import unstapled_name
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.withdrawn import Mark

KEPT_FILES = tuple(name for name in FILES if name not in STAPLE_FILES)


def is_linked(whole: int, unstapled: int, name: str) -> bool:
    """Whether the file ``name`` of both folders is the same one. Raises OSError."""
    try:
        twins = [os.stat(name, dir_fd=each, follow_symlinks=False) for each in (whole, unstapled)]
    except FileNotFoundError:
        return False
    return os.path.samestat(*twins)


def withdrawal_drift(folder: int, mark: Mark) -> list[str]:
    """What of a withdrawal is not as it should be, a sentence each. Raises OSError."""
    drift = [] if mark.settled else ["the withdrawal of its staple did not complete"]
    if not _is_whole(folder, mark.generation):
        drift.append(f"{unstapled_name(mark.generation)} is not the generation without its staple")
    return drift


def _is_whole(folder: int, number: int) -> bool:
    try:
        with opened_subfolder(folder, f"v{number}") as whole, opened_subfolder(folder, unstapled_name(number)) as found:
            wanted = [each for each in KEPT_FILES if each in os.listdir(whole)]
            return sorted(os.listdir(found)) == sorted(wanted) and all(is_linked(whole, found, each) for each in wanted)
    except (FileNotFoundError, NotADirectoryError):
        return False
