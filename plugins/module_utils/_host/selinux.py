# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SELinux types of files, by the extended attribute in which the kernel keeps them (xattr(7), selinux(8)).

A new file has the type of its folder, where no rule of the policy says otherwise; one that was moved there keeps its
own, by which the policy may keep a server from reading it. Without SELinux nothing has a type.
"""

from __future__ import annotations

import os

ATTRIBUTE = "security.selinux"


def type_of(file: int | str) -> str:
    """The type of an open file or folder or of a path, "" where it has none."""
    fields = label_of(file).split(":", 3)
    return fields[2] if len(fields) > 2 else ""


def misplaced_type(file: int | str, folder: int | str) -> str:
    """What is wrong with the type of ``file``, as the rest of a sentence; "" where it is that of a new file in
    ``folder``."""
    found, wanted = type_of(file), type_of(folder)
    if not found or not wanted or found == wanted:
        return ""
    return f"has the SELinux type {found}, where a new file gets {wanted}"


def label_of(file: int | str) -> str:
    """All that SELinux knows of it, "" for nothing: user, role, type and level, with a colon between."""
    try:
        return os.getxattr(file, ATTRIBUTE).decode(errors="replace").rstrip("\0")
    except (AttributeError, OSError):  # a platform without such attributes, a file without this one
        return ""
