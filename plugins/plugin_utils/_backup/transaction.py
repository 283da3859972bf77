# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backup of an authority's folder, and its restore: both are checked as a whole in a folder of their own before
anything is told or moved."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.regular_files import open_regular_file, read_all
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    CERTIFICATE,
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
from ansible_collections.anchorage.pki.plugins.plugin_utils._backup.encryption import (
    MAGIC,
    Header,
    decrypt,
    encrypt,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import (
    UNFINISHED,
    check_creatable,
    check_folder,
    create_folder,
    exclusive_lock,
    read_public,
    remove_unfinished,
    replace_private,
    sync_folder,
)

# What a restored authority is called, whole and checked, while it is moved into its folder. It goes last, so that
# where it is without a policy beside it, what else is there came from it.
_MOVING = f"{UNFINISHED}restored"


@dataclass(frozen=True)
class Backup:
    """A backup: what is readable of it, how large its file is, how many files of the authority it has, in which folders
    of certificates there was no key, and whether it had been restored before, so that nothing was done."""

    header: Header
    size: int
    files: int
    without_key: tuple[Path, ...] = ()
    was_restored: bool = False


def back_up(folder: Path, target: Path, passphrase: str, now: datetime, check_mode: bool = False) -> Backup | None:
    """Write the backup of the authority in ``folder`` to ``target``, once it was restored from that very content; the
    former file stays until then. Raises PkiError. In check mode None, once the authority was checked."""
    _check_target(folder, target)
    if check_mode:
        _check_authority(folder, now)
        return None
    with changing(folder):
        remove_unfinished(folder)
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
        replace_private(target, content)
    return Backup(header, len(content), len(files), _folders_without_key(folder))


def restore(folder: Path, source: Path, passphrase: str, now: datetime, check_mode: bool = False) -> Backup:
    """Restore the authority from its backup ``source`` in ``folder``, which has to be empty or missing, and have the
    ledger say so. What a restore left that was cut off is replaced; one that was done is not done again. Raises
    PkiError."""
    content = _read(source)
    header, packed = decrypt(content, passphrase, str(source))
    files = unpack(packed, str(source))
    backup = Backup(header, len(content), len(files))
    if _was_restored(folder, header, files):
        if not check_mode:
            with exclusive_lock(folder / LOCK):
                remove_unfinished(folder)
        return replace(backup, was_restored=True)
    _check_empty(folder, files)
    if check_mode:
        check_creatable(folder)
        return backup
    create_folder(folder)
    check_folder(folder)
    with exclusive_lock(folder / LOCK):
        _check_empty(folder, files)
        _clear_away(folder, files)
        with _staged(folder, files, str(source), now) as staged:
            # As when it was made: a copy is in no write-ahead mode.
            with open_ledger(staged / LEDGER, create=True) as ledger, ledger.transaction():
                ledger.restores.enter(header.created_at, now)
            _move(staged, folder)
    return replace(backup, without_key=_folders_without_key(folder))


def _check_target(folder: Path, target: Path) -> None:
    if not target.is_absolute():
        raise PkiError(f"file: {str(target)!r} is a relative path. Begin it with / or ~.")
    if target.resolve().is_relative_to(folder.resolve()):
        raise PkiError(f"file: {target} is in the authority's folder, and would be lost with it. Name another one.")
    if os.path.isdir(target) or not os.path.isdir(target.parent):
        raise PkiError(f"file: {target} is a folder, or is in none. Name a file in a folder that is there.")
    if os.path.lexists(target) and not stat.S_ISREG(target.lstat().st_mode):
        raise PkiError(f"file: {target} is not a regular file. Name one, or a path at which there is nothing.")


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
        if private.exists():
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


def _was_restored(folder: Path, header: Header, files: Mapping[str, bytes]) -> bool:
    """Whether the authority in ``folder`` is the one that was restored from this very backup."""
    roots = [name for name in files if name.startswith("root/") and name.endswith(f"/{CERTIFICATE}")]
    try:
        read_authority(folder)
        is_the_same = any((folder / name).is_file() and read_public(folder / name) == files[name] for name in roots)
        with open_ledger(folder / LEDGER, read_only=True) as ledger:
            restores = ledger.restores.all()
    except PkiError:  # none, or one that is damaged and to be moved away
        return False
    return is_the_same and bool(restores) and restores[-1].backed_up_at == header.created_at


def _check_empty(folder: Path, files: Mapping[str, bytes]) -> None:
    """Raise PkiError where something is in ``folder`` but what a restore of these files left that was cut off."""
    try:
        names = set(os.listdir(folder)) if folder.is_dir() else set()
    except OSError as error:
        raise PkiError(f"{folder} cannot be read: {error.strerror}. Check the option authority.") from error
    if POLICY in names:
        raise PkiError(
            f"There is an authority in {folder}, and nothing was restored. Move it away, or name another folder with "
            "the option authority. To enter what was revoked since it was restored, leave the backup out."
        )
    moved = _moved(names, files) if _MOVING in names else set()
    if any(name != LOCK and not name.startswith(UNFINISHED) for name in names - moved):
        raise PkiError(f"{folder} is not empty, and nothing was restored. Move away what is there.")


def _moved(names: Iterable[str], files: Mapping[str, bytes]) -> set[str]:
    """What of these names in the folder a restore of these files moves there, with what SQLite and migrations keep
    beside the ledger."""
    of_backup = {name.partition("/")[0] for name in files}
    return {name for name in names if name in of_backup or name.startswith(LEDGER)}


def _clear_away(folder: Path, files: Mapping[str, bytes]) -> None:
    """Remove what a restore left that was cut off, and what tells so at last. Raises PkiError."""
    try:
        for name in _moved(os.listdir(folder), files):
            path = folder / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    except OSError as error:
        raise PkiError(f"{folder} cannot be cleaned up: {error.strerror}. Fix that and run again.") from error
    remove_unfinished(folder)


def _move(staged: Path, folder: Path) -> None:
    """Move what is in ``staged`` to the folder above, the policy last: without it, nobody takes that for an
    authority."""
    try:
        moving = staged.rename(folder / _MOVING)
        sync_folder(folder)
        for entry in sorted(moving.iterdir(), key=lambda entry: entry.name == POLICY):
            if entry.name == POLICY:
                sync_folder(folder)
            os.rename(entry, folder / entry.name)
        sync_folder(folder)
        moving.rmdir()
    except OSError as error:
        raise PkiError(f"{folder} cannot be written: {error.strerror}. Fix that, and run again.") from error


def _read(source: Path) -> bytes:
    """The file of a backup; nothing of one that is none, which may have no end. Raises PkiError."""
    try:
        descriptor, size = open_regular_file(source, None, follow_links=True)
        try:
            return read_all(descriptor, size) if os.pread(descriptor, len(MAGIC), 0) == MAGIC else b""
        finally:
            os.close(descriptor)
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
