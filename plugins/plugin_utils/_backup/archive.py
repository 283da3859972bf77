# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a backup has of an authority's folder: all its files but those that only a running process needs, as a tar
archive. They are in memory alone, since keys are among them."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import LEDGER
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger_urls import LEDGER_URL
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import (
    UNFINISHED,
    read_public,
    sync_folder,
    write_private,
)

# Of the folder itself: locks, the ledger with the files that SQLite and migrations keep beside it, of which a
# consistent copy is taken instead, and what no reader takes for a part of the authority.
_LEFT_OUT = ("lock", "publication-lock", LEDGER, LEDGER_URL, UNFINISHED, ".")


def read_files(folder: Path) -> dict[str, bytes]:
    """The files of an authority by their paths in the folder, but for the ledger. Raises PkiError, also for what is
    neither a file nor a folder: a backup would lack what a link leads to."""
    return {str(path.relative_to(folder)): read_public(path) for path in sorted(_files(folder))}


def _files(folder: Path) -> Iterator[Path]:
    try:
        for name in os.listdir(folder):
            if not name.startswith(_LEFT_OUT):
                yield from _below(folder / name)
    except OSError as error:
        raise PkiError(f"{folder} cannot be read: {error.strerror}.") from error


def _below(path: Path) -> Iterator[Path]:
    if path.is_symlink() or not (path.is_file() or path.is_dir()):
        raise PkiError(
            f"{path} is neither a file nor a folder, so that no backup can have it. Put there what it is for."
        )
    if path.is_file():
        yield path
    else:
        for name in os.listdir(path):
            if not name.startswith(UNFINISHED):
                yield from _below(path / name)


def pack(files: Mapping[str, bytes], now: datetime) -> bytes:
    """The archive of these files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(content), 0o600, int(now.timestamp())
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def unpack(packed: bytes, path: str) -> dict[str, bytes]:
    """The files of an archive, which is in the backup at ``path``. Raises PkiError for one that holds anything else."""
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as archive:
            return {_checked(member, path): _content(archive, member) for member in archive}
    except tarfile.TarError as error:
        raise PkiError(f"{path}: the backup holds no archive ({error}).") from error


def _checked(member: tarfile.TarInfo, path: str) -> str:
    name = PurePosixPath(member.name)
    if not member.isfile() or name.is_absolute() or not name.parts or ".." in name.parts:
        raise PkiError(f"{path}: the backup holds {member.name!r}, which no backup of an authority has.")
    return str(name)


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return file.read() if file else b""


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files below ``folder``, for its owner alone. Raises OSError."""
    for name, content in files.items():
        path = folder / name
        for parent in reversed(path.relative_to(folder).parents):
            (folder / parent).mkdir(mode=0o700, exist_ok=True)
        write_private(path, content)
        sync_folder(path.parent)
