# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backup of an authority's folder, and its restore: both are checked as a whole in a folder of their own before
anything is told or moved."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    LEDGER,
    LOCK,
    POLICY,
    Standing,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.copying import copy_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.locks import changing
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._backup.archive import (
    pack,
    read_files,
    unpack,
    write_files,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._backup.encryption import Header, decrypt, encrypt
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import (
    UNFINISHED,
    check_creatable,
    check_folder,
    create_folder,
    exclusive_lock,
    remove_unfinished,
    replace_private,
    sync_folder,
)


@dataclass(frozen=True)
class Backup:
    """A backup: what is readable of it, how large its file is, how many files of the authority it has, and in which
    folders of certificates there was no key."""

    header: Header
    size: int
    files: int
    without_key: tuple[Path, ...] = ()


def back_up(folder: Path, target: Path, passphrase: str, now: datetime, check_mode: bool = False) -> Backup | None:
    """Write the backup of the authority in ``folder`` to ``target``, once it was restored from that very content; the
    former file stays until then. Raises PkiError. In check mode None, once the authority was checked."""
    _check_target(folder, target)
    if check_mode:
        _check_authority(folder, now)
        return None
    with changing(folder):
        _check_authority(folder, now)
        with _private_folder(folder) as private:
            copy_ledger(folder / LEDGER, private / LEDGER)
            # The policy comes last, as in a restore.
            files = {**read_files(folder), LEDGER: (private / LEDGER).read_bytes()}
        files[POLICY] = files.pop(POLICY)
        content = encrypt(pack(files, now), passphrase, now)
        with _restored(folder, content, passphrase, str(target), now) as (header, staged):
            if {**read_files(staged), LEDGER: (staged / LEDGER).read_bytes()} != files:
                raise PkiError(f"{target}: the backup does not hold what it was made of. Nothing was written.")
    replace_private(target, content, f".{target.name}.new")
    return Backup(header, len(content), len(files), _folders_without_key(folder))


def restore(folder: Path, source: Path, passphrase: str, now: datetime, check_mode: bool = False) -> Backup:
    """Restore the authority from its backup ``source`` in ``folder``, which has to be empty or missing, and have the
    ledger say so. Raises PkiError."""
    content = _read(source)
    header, packed = decrypt(content, passphrase, str(source))
    files = unpack(packed, str(source))
    _check_empty(folder)
    if check_mode:
        check_creatable(folder)
        return Backup(header, len(content), len(files))
    create_folder(folder)
    check_folder(folder)
    with exclusive_lock(folder / LOCK):
        _check_empty(folder)
        remove_unfinished(folder)
        with _staged(folder, files, str(source), now) as staged:
            # As when it was made: a copy is in no write-ahead mode.
            with open_ledger(staged / LEDGER, create=True) as ledger, ledger.transaction():
                ledger.restores.enter(header.created_at, now)
            _move(staged, folder)
    return Backup(header, len(content), len(files), _folders_without_key(folder))


def _check_target(folder: Path, target: Path) -> None:
    if not target.is_absolute():
        raise PkiError(f"file: {str(target)!r} is a relative path. Begin it with / or ~.")
    if target.resolve().is_relative_to(folder.resolve()):
        raise PkiError(f"file: {target} is in the authority's folder, and would be lost with it. Name another one.")
    if target.is_dir() or not target.parent.is_dir():
        raise PkiError(f"file: {target} is a folder, or is in none. Name a file in a folder that is there.")


def _check_authority(folder: Path, now: datetime) -> None:
    """Raise PkiError where the authority in ``folder`` is not whole: also what the ledger knows has to be there."""
    plan_provisioning(folder, {}, "", now)
    with open_ledger(folder / LEDGER, read_only=True) as ledger:
        damage = ledger.damage()
    if damage:
        raise PkiError(f"The ledger {folder / LEDGER} is damaged ({damage}). Restore an earlier backup.")


@contextmanager
def _private_folder(folder: Path) -> Iterator[Path]:
    """A folder in that of the authority, which is removed in the end; where the process is killed, by its next run."""
    try:
        private = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
    except OSError as error:
        raise PkiError(f"No folder can be made in {folder}: {error.strerror}. Nothing was changed.") from error
    try:
        yield private
    finally:
        shutil.rmtree(private)


@contextmanager
def _restored(folder: Path, content: bytes, passphrase: str, path: str, now: datetime) -> Iterator[tuple[Header, Path]]:
    """What the file of a backup restores."""
    header, packed = decrypt(content, passphrase, path)
    with _staged(folder, unpack(packed, path), path, now) as staged:
        yield header, staged


@contextmanager
def _staged(folder: Path, files: Mapping[str, bytes], path: str, now: datetime) -> Iterator[Path]:
    """An authority of these files, checked as a whole, in a private folder. Raises PkiError."""
    with _private_folder(folder) as staged:
        try:
            write_files(staged, files)
        except OSError as error:
            raise PkiError(f"{path} cannot be restored in {folder}: {error.strerror}. Nothing was changed.") from error
        _check_authority(staged, now)
        yield staged


def _check_empty(folder: Path) -> None:
    try:
        names = set(os.listdir(folder)) if folder.is_dir() else set()
    except OSError as error:
        raise PkiError(f"{folder} cannot be read: {error.strerror}. Check the option authority.") from error
    if POLICY in names:
        raise PkiError(
            f"There is an authority in {folder}, and nothing was restored. Move it away, or name another folder with "
            "the option authority."
        )
    if any(name != LOCK and not name.startswith(UNFINISHED) for name in names):
        raise PkiError(
            f"{folder} is not empty, as after a restore that was cut off, and nothing was restored. Move away what is "
            "there."
        )


def _move(staged: Path, folder: Path) -> None:
    """Move what is in ``staged`` to the folder above, the policy last: without it, nobody takes that for an
    authority."""
    try:
        for entry in sorted(staged.iterdir(), key=lambda entry: entry.name == POLICY):
            if entry.name == POLICY:
                sync_folder(folder)
            os.rename(entry, folder / entry.name)
        sync_folder(folder)
    except OSError as error:
        raise PkiError(f"{folder} cannot be written: {error.strerror}. Empty it, and run again.") from error


def _read(source: Path) -> bytes:
    try:
        return source.read_bytes()
    except OSError as error:
        raise PkiError(f"file: {source} cannot be read: {error.strerror}.") from error


def _folders_without_key(folder: Path) -> tuple[Path, ...]:
    """The folders of those certificates whose keys are kept elsewhere, or were lost. The root of another authority has
    its key there."""
    authority = read_authority(folder)
    epochs = [epoch for epoch in authority.epochs if epoch.standing is not Standing.RETIRED]
    roots = [epoch.root for epoch in epochs if epoch.root in authority.own_roots]
    holders = [*roots, *(issuer for epoch in epochs for issuer in epoch.issuers)]
    return tuple(one.folder for one in holders if not any(one.folder.glob("key.*")))
