# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SELinux labels for tests, as files of a host with SELinux have them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

_ATTRIBUTE = "security.selinux"


def set_label(path: Path, label: str) -> None:
    """Give a file this label, as the kernel keeps it."""
    os.setxattr(path, _ATTRIBUTE, f"{label}\0".encode())


def label_of(path: Path) -> str:
    """The label of a file."""
    return os.getxattr(path, _ATTRIBUTE).decode().rstrip("\0")


def _can_label() -> bool:
    with tempfile.NamedTemporaryFile() as file:
        try:
            set_label(Path(file.name), "system_u:object_r:tmp_t:s0")
        except (AttributeError, OSError):
            return False
        return True


needs_labels = pytest.mark.skipif(not _can_label(), reason="this user may not label files, or SELinux forbids it")
