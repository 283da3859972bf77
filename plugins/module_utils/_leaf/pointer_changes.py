# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changing what names the generation in use: each part by one rename, for servers that reload at any instant."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import (
    remove,
    replace_file,
    replace_link,
    sync,
)
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import (
    CURRENT,
    POINTER_FILES,
    Pointing,
    read_pointing,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.servers import WRITTEN

_POINTER_ATTRIBUTES = Attributes(0o644)


def used_files(destination: Destination, name: str) -> str:
    """The question whether a server uses the leaf at all, for whoever wonders why it is not served."""
    pointers = destination.pointer_files
    if not pointers:
        return f"Does what listens there read its files from {destination.folder(name)}/{CURRENT}?"
    paths = " and ".join(f"{destination.folder(name)}/{file.name}" for file in pointers)
    return f"Does the configuration of what listens there include {paths}?"


def own_pointers(folder: int) -> list[str]:
    """The names of all that names a generation now and was made here. Raises HostError as :func:`read_pointing`."""
    present = read_pointing(folder)
    files = [name for name, text in present.files.items() if text.startswith(WRITTEN)]
    return [CURRENT, *files] if present.current is not None else files


def set_pointing(folder: int, wanted: Pointing) -> bool:
    """Make ``wanted`` true, each part by one rename; whether anything changed. Raises HostError, OSError."""
    present = read_pointing(folder)
    if present == wanted:
        return False
    for file in POINTER_FILES:
        text = wanted.files.get(file.name)
        if text is None:
            # With server none, a file of that name is the user's own unless it says that it is ours.
            if present.files.get(file.name, WRITTEN).startswith(WRITTEN):
                remove(folder, file.name)
        elif text != present.files.get(file.name):
            replace_file(folder, file.name, text.encode("utf-8", "surrogateescape"), _POINTER_ATTRIBUTES)
    if wanted.current is None:
        remove(folder, CURRENT)
    elif wanted.current != present.current:
        replace_link(folder, CURRENT, wanted.current)
    sync(folder)
    return True
