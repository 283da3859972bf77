# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Giving files the SELinux type of new ones in their place."""

from __future__ import annotations

import os

from ansible_collections.anchorage.pki.plugins.module_utils._host.selinux import (
    ATTRIBUTE,
    label_of,
    misplaced_type,
    type_of,
)


def give_type(file: int, folder: int) -> None:
    """Give the open ``file`` the type of a new one in ``folder``, where it has another. Raises OSError."""
    if misplaced_type(file, folder):
        fields = label_of(file).split(":", 3)
        fields[2] = type_of(folder)
        os.setxattr(file, ATTRIBUTE, f"{':'.join(fields)}\0".encode())
