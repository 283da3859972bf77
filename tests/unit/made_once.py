# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scratch folders that begin alike: what real programs make in the first one is written again to each that follows."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class _Entry(NamedTuple):
    """A file, a folder or a link; and its content, or where it leads to."""

    mode: int
    owner: tuple[int, int]
    content: bytes


#: By what is in the folder: where the first one was, and its entries by their names in it.
_made: dict[str, tuple[Path, dict[Path, _Entry]]] = {}


def make_once(what: str, folder: Path, make: Callable[[], object]) -> None:
    """Have ``make`` fill the folder, unless it did that to another one for the same ``what``: then it gets the same,
    with its own path wherever there was that of the other one."""
    if what not in _made:
        make()
        _made[what] = (folder, {path.relative_to(folder): _entry(path) for path in sorted(folder.rglob("*"))})
        return
    first, entries = _made[what]
    paths = {folder / name: entry for name, entry in entries.items()}
    for path, entry in paths.items():
        _write(path, entry, entry.content.replace(bytes(first), bytes(folder)))
    for path, entry in reversed(paths.items()):  # a folder comes after what is in it, which it may be closed to
        if not stat.S_ISLNK(entry.mode):
            path.chmod(stat.S_IMODE(entry.mode))


def _entry(path: Path) -> _Entry:
    status = path.lstat()
    if path.is_symlink():
        content = os.fsencode(os.readlink(path))
    else:
        content = path.read_bytes() if path.is_file() else b""
    return _Entry(status.st_mode, (status.st_uid, status.st_gid), content)


def _write(path: Path, entry: _Entry, content: bytes) -> None:
    if stat.S_ISDIR(entry.mode):
        path.mkdir(exist_ok=True)
    elif stat.S_ISLNK(entry.mode):
        path.symlink_to(os.fsdecode(content))
    else:
        path.write_bytes(content)
    if entry.owner != (os.geteuid(), os.getegid()):
        os.chown(path, *entry.owner, follow_symlinks=False)
