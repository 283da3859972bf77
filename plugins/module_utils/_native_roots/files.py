# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roots in files and folders, gathered without being caught by what else may lie there.

No pipe is waited for, no device is opened, nothing is read without a limit, and each file is read once, whatever the
number of its names.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from typing import Any, NamedTuple

from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem import read_pem

LARGEST_FILE = 16 * 1024 * 1024
_CHUNK = 64 * 1024

#: Worth another try. Whatever else the system says, it will say again. (No ESTALE on Windows.)
_TRANSIENT = {errno.EIO, errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT, getattr(errno, "ESTALE", errno.EIO)}
# OpenSSL's names of links to a certificate: they come after the names that tell a person something.
_HASH_NAME = re.compile(r"[0-9a-f]{8}\.r?\d+")


class Problem(NamedTuple):
    """What could not be read, why, and whether it may be readable in a moment."""

    path: str
    message: str
    transient: bool = False


class Gathering:
    """What was found so far: the roots by their DER with the places they were found at, in order."""

    def __init__(self) -> None:
        self.roots: dict[bytes, list[str]] = {}
        self.places: list[dict[str, Any]] = []
        self.problems: list[Problem] = []
        self.seen: set[tuple[int, int]] = set()

    def add(self, der: bytes, source: str) -> None:
        """Add a root that was found at ``source``."""
        sources = self.roots.setdefault(der, [])
        if source not in sources:
            sources.append(source)

    def probe(self, path: str, kind: str) -> dict[str, Any]:
        """The entry of a place that is looked at, to be filled in: nothing is there until something was read."""
        place = {"path": printable(path), "kind": kind, "state": "missing", "files": 0, "certificates": 0, "skipped": 0}
        self.places.append(place)
        return place

    def fail(self, place: dict[str, Any], error: OSError, required: bool) -> None:
        """Record that a place could not be read, which is no error where it is missing and not ``required``."""
        missing = isinstance(error, FileNotFoundError)
        place["state"] = "missing" if missing else "unreadable"
        if required or not missing:
            self.add_error(place["path"], error)

    def add_error(self, path: str, error: OSError) -> None:
        """Record what the system said about ``path``."""
        self.problems.append(Problem(printable(path), error.strerror or str(error), error.errno in _TRANSIENT))


def printable(path: str) -> str:
    """The path with what is no UTF-8 in it replaced, since results have to be text."""
    return path.encode("utf-8", "replace").decode("utf-8")


def gather_file(path: str, gathering: Gathering, required: bool) -> None:
    """Add the roots in the file ``path``. One that is missing is an error where it is ``required``."""
    place = gathering.probe(path, "file")
    try:
        status = os.stat(path)
        if _is_null_device(status):
            place["state"] = "read"
            return
        if not stat.S_ISREG(status.st_mode):
            code = errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.EINVAL
            raise OSError(code, "it is a folder" if code == errno.EISDIR else "it is no regular file")
        _add_file(path, status, gathering, place)
    except OSError as error:
        gathering.fail(place, error, required)
    else:
        place["state"] = "read"


def gather_folder(path: str, gathering: Gathering, required: bool) -> None:
    """Add the roots in every regular file of the folder ``path``, links followed, folders in it left alone.

    A folder that is missing is an error where it is ``required``.
    """
    place = gathering.probe(path, "folder")
    try:
        names = sorted(os.listdir(path), key=lambda name: (_HASH_NAME.fullmatch(name) is not None, name))
    except OSError as error:
        gathering.fail(place, error, required)
        return
    place["state"] = "read"
    for name in names:
        file = os.path.join(path, name)
        try:
            status = os.stat(file)
            if stat.S_ISREG(status.st_mode):
                _add_file(file, status, gathering, place)
        except FileNotFoundError:
            pass  # a link to nothing, or gone by now
        except OSError as error:
            gathering.add_error(file, error)


def _add_file(path: str, status: os.stat_result, gathering: Gathering, place: dict[str, Any]) -> None:
    """Add the roots in a regular file, unless it was read under another name. Raises OSError."""
    identity = (status.st_dev, status.st_ino)
    if identity in gathering.seen:
        return
    content = read_pem(_read(path, status.st_size))
    gathering.seen.add(identity)
    source = printable(path)
    for der in content.certificates:
        gathering.add(der, source)
    gathering.problems.extend(Problem(source, message) for message in content.problems)
    place["files"] += 1
    place["certificates"] += len(content.certificates)
    place["skipped"] += content.skipped


def _read(path: str, expected: int) -> bytes:
    # Non-blocking, since the file may have become a pipe since it was looked at.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
    try:
        chunks = [os.read(descriptor, min(expected, LARGEST_FILE) + 1)]
        size = len(chunks[0])
        while chunks[-1]:
            if size > LARGEST_FILE:
                raise OSError(errno.EFBIG, f"it is larger than {LARGEST_FILE} bytes")
            chunks.append(os.read(descriptor, _CHUNK))
            size += len(chunks[-1])
    finally:
        os.close(descriptor)
    return b"".join(chunks)


def _is_null_device(status: os.stat_result) -> bool:
    """Whether this is /dev/null, with which users say that they want no roots at all."""
    return stat.S_ISCHR(status.st_mode) and os.stat(os.devnull).st_rdev == status.st_rdev
