# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where Ansible's modules find a program: as get_bin_path() of ansible.module_utils, which a look does not have."""

from __future__ import annotations

import os
import stat

_SYSTEM_FOLDERS = ("/sbin", "/usr/sbin", "/usr/local/sbin")


def program_path(name: str) -> str | None:
    """The path of a program, looked for in the task's PATH and the folders of the system's programs; None for none."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    paths = [os.path.join(folder, name) for folder in [*folders, *_SYSTEM_FOLDERS] if folder]
    return next((path for path in paths if _is_program(path)), None)


def _is_program(path: str) -> bool:
    """Whether anybody may run the file, as Ansible has it."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not stat.S_ISDIR(mode) and bool(mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH))
