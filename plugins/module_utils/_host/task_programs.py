# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding the programs that a task names, which a look at trust stores has no use for."""

from __future__ import annotations

import os
import stat

_SYSTEM_FOLDERS = ("/sbin", "/usr/sbin", "/usr/local/sbin")


def program_path(name: str) -> str | None:
    """The path of a program that a task names, looked for where Ansible's modules do, as get_bin_path() of
    ansible.module_utils has it: in the task's PATH, and in the folders of the system's programs."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    paths = [os.path.join(folder, name) for folder in [*folders, *_SYSTEM_FOLDERS] if folder]
    return next((path for path in paths if _may_be_run(path)), None)


def _may_be_run(path: str) -> bool:
    """Whether it is no folder, and somebody may run it."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not stat.S_ISDIR(mode) and bool(mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH))
