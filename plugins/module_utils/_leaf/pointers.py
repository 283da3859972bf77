# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What names the deployed generation: the link ``current``, and the pointer files that a server includes.

A pointer file holds absolute paths inside one ``v<N>`` and is replaced by one rename, so that a server which reloads
at any instant reads files of one generation. The link alone cannot promise that: each file is opened by its path, and
the link may change in between.
"""

from __future__ import annotations

import errno
import os
import re
import stat

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass, field
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import read_file
from ansible_collections.anchorage.pki.plugins.module_utils._leaf import generations
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.servers import SERVERS, Named

CURRENT = "current"
_GENERATION_IN_PATH = re.compile(r"/(v[0-9]+)/")
POINTER_FILES = tuple(file for server in SERVERS.values() for file in server.pointer_files)
POINTER_NAMES = tuple(file.name for file in POINTER_FILES)


@dataclass(frozen=True)
class Pointing:
    """What names a generation in a leaf's folder: the target of ``current`` and the pointer files, by their name."""

    current: str | None = None
    files: dict[str, str] = field(default_factory=dict)


def wanted_pointing(
    destination: Destination, name: str, number: int, stapled: bool, withdrawn: bool = False
) -> Pointing:
    """What has to name generation ``number`` of the leaf ``name``, whose staple may have been withdrawn."""
    server = SERVERS[destination.server]
    generation = destination.generation(name, number)
    staple = f"{generation}/{server.staple_file}" if stapled and server.staple_file and not withdrawn else ""
    named = Named(generation, staple, destination.responder_port)
    current = generations.unstapled_name(number) if withdrawn else f"v{number}"
    return Pointing(current, {file.name: file.render(named) for file in destination.pointer_files})


def read_pointing(folder: int) -> Pointing:
    """What names a generation now. A pointer file that is no plain text file counts as none.

    Raises HostError where somebody keeps a folder of their own in the place of either, which nothing here may remove.
    """
    for name in (CURRENT, *POINTER_NAMES):
        if _is_folder(folder, name):
            raise HostError(
                f"{name} in the leaf's folder is a folder that this collection did not create. Move it elsewhere first."
            )
    files = {file.name: text for file in POINTER_FILES if (text := _read_text(folder, file.name)) is not None}
    return Pointing(_read_current(folder), files)


def _is_folder(folder: int, name: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def _read_text(folder: int, name: str) -> str | None:
    try:
        content = read_file(folder, name)
    except HostError:
        return None
    return None if content is None else content.decode("utf-8", "surrogateescape")


def _read_current(folder: int) -> str | None:
    try:
        return os.readlink(CURRENT, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.EINVAL:  # not a link
            return None
        raise


def named_folders(pointing: Pointing) -> list[str]:
    """The names of the generations' folders that pointer files name, in order."""
    return [name for text in pointing.files.values() for name in _GENERATION_IN_PATH.findall(text)]


def deployed_generation(folder: int) -> int:
    """The number of the generation that is deployed, 0 for none.

    That is the one ``current`` names; where somebody removed or changed the link, the one a pointer file names; and
    else the latest.
    """
    present = read_pointing(folder)
    existing = generations.generation_numbers(folder)
    current, named = present.current or "", named_folders(present)
    for number in (generations.unstapled_number(current), *map(generations.generation_number, [current, *named])):
        if number in existing:
            return number
    return existing[-1] if existing else 0
