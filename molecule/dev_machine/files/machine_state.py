# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Describe this machine's file system, a line for each file, so that two states of it can be held against each other.

Usage: ``machine_state.py CHECKOUT OUTPUT``. Left out is what changes by itself, and what the set-up of a checkout and
Ansible itself make.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

RESTLESS = {"/tmp", "/var/cache", "/var/lib/apt", "/var/lib/systemd", "/var/log", "/var/tmp"}  # noqa: S108 (not used)
ANSIBLE = {"/home/dev/.ansible", "/root/.ansible"}


def describe(path: Path) -> str:
    """Mode, owner and content."""
    status = path.lstat()
    line = f"{path} {stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid}"
    if path.is_symlink():
        return f"{line} -> {os.readlink(path)}"
    if path.is_file():
        return f"{line} SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()}"
    return line


def walk(left_out: set[str]) -> Iterator[Path]:
    """Everything on the root's file system."""
    device = os.stat("/").st_dev
    for folder, folders, files in os.walk("/"):
        paths = [Path(folder, name) for name in folders]
        kept = [
            path
            for path in paths
            if path.name != "__pycache__" and str(path) not in left_out and path.lstat().st_dev == device
        ]
        folders[:] = sorted(path.name for path in kept)
        yield from sorted([*kept, *(Path(folder, name) for name in files)])


def main() -> None:
    checkout, output = sys.argv[1:]
    paths = walk({*RESTLESS, *ANSIBLE, f"{checkout}/.venv", f"{checkout}/build"})
    Path(output).write_text("".join(f"{describe(path)}\n" for path in paths), encoding="utf-8")


if __name__ == "__main__":
    main()
