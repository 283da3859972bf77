# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The public files of an authority whose ledger controllers share: they are in the database with it, and each
controller has copies of them in the authority's folder, beside those private keys that are kept there.

What the database has counts. It is copied into the folder when a task begins. What a task makes in the folder is
entered by the transaction that enters the same certificates in the ledger. A certificate in the folder that the
database does not have was made by a run that was killed before: it is moved aside with its key, and never used.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import sql_shared as sql
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    CERTIFICATE,
    CROSS,
    INTERMEDIATES,
    LEDGER,
    LOCK,
    POLICY,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import KEY_URI, REQUEST
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger_urls import (
    LEDGER_URL,
    check_url,
    ledger_url,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.next_policy import NEXT_POLICY
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.postgresql import Session, session
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.postgresql_tables import check_tables, has_tables
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import (
    check_folder,
    create_complete_folder,
    create_folder,
    exclusive_lock,
    read_public,
    remove_private,
    replace_private,
)

#: What is public, in the order in which whoever reads the folder meanwhile can use it. Nothing else leaves a folder.
PUBLIC = (REQUEST, KEY_URI, INTERMEDIATES, CROSS, CERTIFICATE, NEXT_POLICY, POLICY)
#: Where certificates are whose folders are moved aside, those first that others depend on.
_FOLDERS = ("root", "issuing", "delegated")
ASIDE = "unrecorded-"


def public_files(folder: Path) -> dict[str, bytes]:
    """The public files in the authority's folder, by their paths from there."""
    numbered = [path for part in _FOLDERS for path in _below(folder / part)]
    paths = [path for path in (folder / POLICY, folder / NEXT_POLICY) if path.exists()] + numbered
    return {path.relative_to(folder).as_posix(): read_public(path) for path in paths}


def _below(folder: Path) -> Iterator[Path]:
    for numbered in sorted(folder.iterdir()) if folder.is_dir() else ():
        if numbered.name.isdecimal():
            yield from (numbered / name for name in PUBLIC if (numbered / name).exists())
            yield from _below(numbered / "responder")


def stored_files(shared: Session) -> dict[str, bytes]:
    """Those that the database has."""
    return {path: bytes(content) for path, content in shared.execute(sql.FILES)}


def join(folder: Path, url: str | None, makes: bool) -> str | None:
    """The URL of the ledger that the authority in ``folder`` goes with, None for a file there; ``url`` is what the
    option ledger_url gives. A folder that has no authority becomes that of the authority at the URL, if there is one,
    or one is to be made, as ``makes`` says. Raises PkiError."""
    if url is None:
        return ledger_url(folder)
    wanted = check_url(url, "ledger_url")
    # Before it is seen whether the folder goes with the ledger: a run that joins them at this moment makes its root
    # after that.
    there = public_files(folder)
    stored = ledger_url(folder)
    if wanted == stored:
        return stored
    if stored is not None:
        raise PkiError(
            f"ledger_url: the authority in {folder} has its ledger at {stored}, as {LEDGER_URL} there says, and not at "
            f"{wanted}. Where that is the same database by another name, delete {folder / LEDGER_URL}; otherwise leave "
            "the option out."
        )
    if (folder / LEDGER).exists():
        raise PkiError(
            f"ledger_url: the authority in {folder} has a ledger of its own. Move it to the server by the playbook "
            "anchorage.pki.move_ledger, or name another folder with the option authority."
        )
    with session(wanted) as shared:
        files = stored_files(shared) if has_tables(shared) else {}
    _check_same(folder, there, wanted, files)
    if not makes and not files:
        return None
    create_folder(folder)
    replace_private(folder / LEDGER_URL, f"{wanted}\n".encode(), f".{LEDGER_URL}.{secrets.token_hex(8)}")
    return wanted


def _check_same(folder: Path, there: Mapping[str, bytes], url: str, files: Mapping[str, bytes]) -> None:
    """Raise PkiError where the folder, with what is there, has a root that the database has not."""
    for path, content in there.items():
        if path.startswith("root/") and Path(path).name == CERTIFICATE and files.get(path) != content:
            raise PkiError(
                f"ledger_url: the authority in {folder} is not the one that has its ledger at {url}. Name another "
                "folder with the option authority, or the database of this one."
            )


def fetch(folder: Path, url: str) -> None:
    """Have the folder as the database has it. Raises PkiError."""
    with session(url) as shared:
        if not has_tables(shared):
            return
        check_tables(shared, read_only=True)
        if public_files(folder) == stored_files(shared):
            return
        check_folder(folder)
        # A run on this controller that is making certificates has entered them once it has ended.
        with exclusive_lock(folder / LOCK):
            mend(folder, stored_files(shared))


def mend(folder: Path, wanted: Mapping[str, bytes]) -> None:
    """Have the folder as it is ``wanted``, under its lock."""
    for path in _unrecorded(folder, wanted):
        if path.name == CERTIFICATE or path.name == REQUEST:
            _move_aside(path.parent)
        elif path.exists():
            remove_private(path)
    missing = {path: content for path, content in wanted.items() if not _holds(folder / path, content)}
    made: dict[Path, dict[str, bytes]] = {}
    for name in sorted(missing, key=_order):
        if not (folder / name).parent.exists():
            made.setdefault((folder / name).parent, {})[Path(name).name] = missing[name]
    for parent, files in made.items():
        create_folder(parent.parent)
        if not _bring_back(parent, files):
            create_complete_folder(parent, files)
    for name in sorted(missing, key=_order):
        if (folder / name).parent not in made:
            replace_private(folder / name, missing[name])


def _unrecorded(folder: Path, wanted: Mapping[str, bytes]) -> list[Path]:
    """The public files in the folder that the database has otherwise or not at all, the innermost ones first: only a
    policy and an answer to a request change."""
    there = public_files(folder)
    unknown = [path for path in there if path not in wanted]
    others = [
        path for path in there if path in wanted and Path(path).name == CERTIFICATE and there[path] != wanted[path]
    ]
    return [folder / path for path in sorted({*unknown, *others}, key=lambda path: -path.count("/"))]


def _move_aside(folder: Path) -> None:
    """Keep what is in a certificate's folder, so that nobody takes it for the authority's."""
    if not folder.exists():  # moved with that above it
        return
    try:
        os.rename(folder, folder.with_name(f"{ASIDE}{folder.name}-{secrets.token_hex(4)}"))
    except OSError as error:
        raise PkiError(f"{folder} is not of this authority, and cannot be moved aside: {error.strerror}.") from error


def _bring_back(folder: Path, files: Mapping[str, bytes]) -> bool:
    """Put a folder back that was moved aside with that very certificate and its key, as when the database is a former
    one for a while; whether there is one. Raises PkiError."""
    for aside in folder.parent.glob(f"{ASIDE}{folder.name}-*"):
        if CERTIFICATE in files and _holds(aside / CERTIFICATE, files[CERTIFICATE]):
            try:
                os.rename(aside, folder)
            except OSError as error:
                raise PkiError(f"{aside} cannot be made {folder} again: {error.strerror}.") from error
            return True
    return False


def _order(path: str) -> tuple[int, int, int]:
    """Roots first, then what is below them, the policy last."""
    part = path.partition("/")[0]
    return (_FOLDERS.index(part) if part in _FOLDERS else len(_FOLDERS), path.count("/"), PUBLIC.index(Path(path).name))


def _holds(path: Path, content: bytes) -> bool:
    return path.exists() and read_public(path) == content


@contextmanager
def kept(folder: Path, shared: Session) -> Iterator[None]:
    """Have the folder as the database has it, and enter what becomes of its public files with each transaction of the
    session, which holds the lock of who changes the authority. Raises PkiError."""
    if has_tables(shared):
        mend(folder, stored_files(shared))
    record = _Recording(folder, shared)
    shared.before_commit.append(record)
    try:
        yield
    finally:
        try:
            # Also what was made before a failure: the next run continues from there, on whichever controller.
            if not shared.is_lost and has_tables(shared) and record.is_behind():
                with shared.transaction():
                    pass
        finally:
            shared.before_commit.remove(record)


class _Recording:
    """Enters the public files of a folder, as part of a transaction."""

    def __init__(self, folder: Path, shared: Session) -> None:
        self._folder = folder
        self._shared = shared

    def is_behind(self) -> bool:
        return public_files(self._folder) != stored_files(self._shared)

    def __call__(self) -> None:
        there, stored = public_files(self._folder), stored_files(self._shared)
        for path in stored.keys() - there.keys():
            self._shared.execute(sql.DELETE_FILE, (path,))
        for path in there:
            if stored.get(path) != there[path]:
                self._shared.execute(sql.STORE_FILE, (path, there[path]))
