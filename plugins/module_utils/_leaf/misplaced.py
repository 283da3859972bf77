# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files of a generation have another SELinux type than what is made in the leaf's folder anew."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from ansible_collections.anchorage.pki.plugins.module_utils._host.selinux import misplaced_type


def misplaced_files(folder: int, generation: int, files: Iterable[str]) -> list[str]:
    """What is misplaced of the ``generation`` in a leaf's ``folder``, a sentence each. Raises OSError."""
    told = [f"the folder {reason}" for reason in [misplaced_type(generation, folder)] if reason]
    for file_name in files:
        with suppress(FileNotFoundError), opened_file(generation, file_name) as file:
            told += [f"{file_name} {reason}" for reason in [misplaced_type(file, folder)] if reason]
    return told


@contextmanager
def opened_file(generation: int, file_name: str) -> Iterator[int]:
    """A descriptor of a generation's file. Raises OSError."""
    descriptor = os.open(file_name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=generation)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
