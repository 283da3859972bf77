# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What names the deployed generation: the link ``current``, and the pointer file that a server includes.

The pointer file holds absolute paths inside one ``v<N>`` and is replaced by one rename, so that a server which reloads
at any instant reads files of one generation. The link alone cannot promise that: each file is opened by its path, and
the link may change in between.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import (
    Attributes,
    read_file,
    remove,
    replace_file,
    replace_link,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import (
    FULL_CHAIN,
    PRIVATE_KEY,
    STAPLE,
    generation_number,
    generation_numbers,
)

CURRENT = "current"
# How every pointer file begins.
HEADER = "# Written by Ansible (anchorage.pki.leaf_certificate)."
_POINTER_ATTRIBUTES = Attributes(0o644)
_GENERATION_IN_PATH = re.compile(r"/(v[0-9]+)/")


def _nginx(generation: str, stapled: bool) -> str:
    """The directives of ngx_http_ssl_module; nginx reads ssl_stapling_file as DER."""
    lines = [
        f"{HEADER} Include it in a server block; do not edit it.",
        f'ssl_certificate "{generation}/{FULL_CHAIN}";',
        f'ssl_certificate_key "{generation}/{PRIVATE_KEY}";',
    ]
    if stapled:
        lines += ["ssl_stapling on;", f'ssl_stapling_file "{generation}/{STAPLE}";']
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class _PointerFile:
    name: str
    render: Callable[[str, bool], str]


# One row for each server that can include a pointer file; V(none) has no row.
_POINTER_FILES = {"nginx": _PointerFile("nginx.conf", _nginx)}
POINTER_NAMES = tuple(row.name for row in _POINTER_FILES.values())


@dataclass(frozen=True)
class Pointing:
    """What names a generation in a leaf's folder: the target of ``current`` and the pointer files, by their name."""

    current: str | None = None
    files: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"current": self.current, "files": self.files}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Pointing:
        """Raises KeyError or TypeError for what :meth:`to_json` never made."""
        return cls(value["current"], dict(value["files"]))


def wanted_pointing(destination: Destination, name: str, number: int, stapled: bool) -> Pointing:
    """What has to name generation ``number`` of the leaf ``name``."""
    files = {}
    if destination.server in _POINTER_FILES:
        row = _POINTER_FILES[destination.server]
        files[row.name] = row.render(destination.generation(name, number), stapled)
    return Pointing(f"v{number}", files)


def read_pointing(folder: int) -> Pointing:
    """What names a generation now. A pointer file that is no plain text file counts as none.

    Raises HostError where somebody keeps a folder of their own in the place of either, which nothing here may remove.
    """
    for name in (CURRENT, *POINTER_NAMES):
        if _is_folder(folder, name):
            raise HostError(
                f"{name} in the leaf's folder is a folder that this collection did not make. Move it away first."
            )
    files = {row.name: text for row in _POINTER_FILES.values() if (text := _read_text(folder, row.name)) is not None}
    return Pointing(_read_current(folder), files)


def own_pointers(folder: int) -> list[str]:
    """The names of all that names a generation now and was made here. Raises HostError as :func:`read_pointing`."""
    present = read_pointing(folder)
    files = [name for name, text in present.files.items() if text.startswith(HEADER)]
    return [CURRENT, *files] if present.current is not None else files


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


def set_pointing(folder: int, wanted: Pointing) -> bool:
    """Make ``wanted`` true, each part by one rename, and tell whether anything changed. Raises OSError."""
    present = read_pointing(folder)
    if present == wanted:
        return False
    for row in _POINTER_FILES.values():
        text = wanted.files.get(row.name)
        if text is None:
            # With server none, a file of that name is the user's own unless it says that it is ours.
            if present.files.get(row.name, HEADER).startswith(HEADER):
                remove(folder, row.name)
        elif text != present.files.get(row.name):
            replace_file(folder, row.name, text.encode("utf-8", "surrogateescape"), _POINTER_ATTRIBUTES)
    if wanted.current is None:
        remove(folder, CURRENT)
    elif wanted.current != present.current:
        replace_link(folder, CURRENT, wanted.current)
    os.fsync(folder)
    return True


def deployed_generation(folder: int) -> int:
    """The number of the generation that is deployed, 0 for none.

    That is the one ``current`` names; where somebody removed or changed the link, the one a pointer file names; and
    else the latest.
    """
    present = read_pointing(folder)
    existing = generation_numbers(folder)
    named = [
        present.current or "",
        *(name for text in present.files.values() for name in _GENERATION_IN_PATH.findall(text)),
    ]
    for number in map(generation_number, named):
        if number in existing:
            return number
    return existing[-1] if existing else 0


def pointing_drift(folder: int, wanted: Pointing) -> list[str]:
    """One sentence for each part of ``wanted`` that is not so."""
    present = read_pointing(folder)
    drift = []
    if present.current != wanted.current:
        drift.append(f"{CURRENT} names {present.current or 'nothing'}, not {wanted.current}")
    for row in _POINTER_FILES.values():
        if present.files.get(row.name) == wanted.files.get(row.name):
            continue
        if row.name not in wanted.files:
            if not present.files[row.name].startswith(HEADER):
                continue  # the user's own
            drift.append(f"{row.name} remains from another choice of server")
        elif row.name not in present.files:
            drift.append(f"{row.name} is missing")
        else:
            drift.append(f"{row.name} was changed")
    return drift
