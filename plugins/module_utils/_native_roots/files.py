# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roots in files and folders, whatever else may be in them.

No pipe is waited for, no device is opened, nothing is read without a limit, and each file is read once, whatever the
number of its names.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ansible_collections.anchorage.pki.plugins.module_utils._host.regular_files import (
    read_regular_file,
    require_regular,
)
from ansible_collections.anchorage.pki.plugins.module_utils._host.text import encodable
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem import PemContent, read_pem

LARGEST_FILE = 16 * 1024 * 1024

#: Worth another attempt. Whatever else the system says, it will say again. (No ESTALE on Windows.)
_TRANSIENT = {errno.EIO, errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT, getattr(errno, "ESTALE", errno.EIO)}
# OpenSSL's links to a certificate. They come after the names that mean something to a person.
_HASH_NAME = re.compile(r"[0-9a-f]{8}\.r?\d+")


class Problem(NamedTuple):
    """What could not be read, why, whether it may be readable in a moment, and more ``facts`` for the report."""

    path: str
    message: str
    transient: bool = False
    facts: Mapping[str, Any] = MappingProxyType({})


class Gathering:
    """What was found so far: the DER of each root with the paths it was found at, in order.

    It is ``partial`` where a part of a store is missing that may trust other roots, or distrust some of these. It took
    so many ``attempts`` where they are made within.
    """

    def __init__(self, largest_file: int = LARGEST_FILE) -> None:
        self.largest_file = largest_file
        self.roots: dict[bytes, list[str]] = {}
        self.locations: list[dict[str, Any]] = []
        self.problems: list[Problem] = []
        self.seen: set[tuple[int, int]] = set()
        self.partial = False
        self.attempts = 1

    def add(self, der: bytes, source: str) -> None:
        """Add a root that was found at ``source``."""
        sources = self.roots.setdefault(der, [])
        if source not in sources:
            sources.append(source)

    def add_content(self, content: PemContent, source: str, location: dict[str, Any]) -> None:
        """Add what was read in PEM at ``source``, and count it in its location."""
        for der in content.certificates:
            self.add(der, source)
        self.problems.extend(Problem(source, message) for message in content.problems)
        location["certificates"] += len(content.certificates)
        location["skipped"] += content.skipped

    def probe(self, path: str, kind: str) -> dict[str, Any]:
        """The entry of a location that is about to be read; it counts as missing until it was."""
        location: dict[str, Any] = {"path": encodable(path), "kind": kind, "state": "missing"}
        location.update(files=0, certificates=0, skipped=0)
        self.locations.append(location)
        return location

    def fail(self, location: dict[str, Any], error: OSError, required: bool) -> None:
        """Record that a location could not be read, which is no error where it is missing and not ``required``."""
        missing = isinstance(error, FileNotFoundError)
        location["state"] = "missing" if missing else "unreadable"
        if required or not missing:
            self.add_error(location["path"], error)

    def add_error(self, path: str, error: OSError) -> None:
        """Record what the system said about ``path``."""
        self.problems.append(Problem(encodable(path), error.strerror or str(error), error.errno in _TRANSIENT))


def gather_file(path: str, gathering: Gathering, required: bool) -> None:
    """Add the roots in the file ``path``. One that is missing is an error where it is ``required``."""
    location = gathering.probe(path, "file")
    try:
        status = os.stat(path)
        if not _is_null_device(status):
            require_regular(status)
            _add_file(path, status, gathering, location)
    except OSError as error:
        gathering.fail(location, error, required)
    else:
        location["state"] = "read"


def gather_folder(path: str, gathering: Gathering, required: bool) -> None:
    """Add the roots in every regular file of the folder ``path``, links followed, folders in it ignored.

    A folder that is missing is an error where it is ``required``.
    """
    location = gathering.probe(path, "folder")
    try:
        names = sorted(os.listdir(path), key=lambda name: (_HASH_NAME.fullmatch(name) is not None, name))
    except OSError as error:
        gathering.fail(location, error, required)
        return
    location["state"] = "read"
    for name in names:
        file = os.path.join(path, name)
        try:
            status = os.stat(file)
            if stat.S_ISREG(status.st_mode):
                _add_file(file, status, gathering, location)
        except FileNotFoundError:
            pass  # a link to nothing, or deleted meanwhile
        except OSError as error:
            gathering.add_error(file, error)


def _add_file(path: str, status: os.stat_result, gathering: Gathering, location: dict[str, Any]) -> None:
    """Add the roots in a regular file, unless it was read under another name. Raises OSError."""
    identity = (status.st_dev, status.st_ino)
    if identity in gathering.seen:
        return
    content = read_pem(read_regular_file(path, gathering.largest_file))
    gathering.seen.add(identity)
    gathering.add_content(content, encodable(path), location)
    location["files"] += 1


def _is_null_device(status: os.stat_result) -> bool:
    """Whether this is /dev/null, with which users say that they want no roots at all."""
    return stat.S_ISCHR(status.st_mode) and os.stat(os.devnull).st_rdev == status.st_rdev
