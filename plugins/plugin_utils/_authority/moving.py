# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A ledger's move from the file in an authority's folder to a PostgreSQL server, and back.

At no moment are there two ledgers that sign: the one that is left says that it was moved before the other one is used,
and refuses whoever has it open. Whatever a run that was killed has done, the next one finishes or takes back.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import schema, sql_shared
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import LEDGER
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.copying import (
    copy_to_file,
    copy_to_server,
    difference,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger_urls import LEDGER_URL, ledger_url
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.locks import changing, publishing
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.postgresql import Session, session
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.postgresql_tables import (
    drop_tables,
    has_tables,
    make_tables,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.schema import SqliteDatabase
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.shared_files import join, public_files
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.sqlite_files import check_place, open_file
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import (
    remove_private,
    replace_private,
    sync_folder,
)

#: The file of a ledger that comes back, until the server says that it left.
ARRIVING = f"{LEDGER}.arriving-"
FORMER = f"{LEDGER}.moved"


def plan_to_server(folder: Path, url: str) -> bool:
    """Whether there is anything to move to the server at ``url``. Raises PkiError where it cannot be moved; changes
    nothing."""
    stored = ledger_url(folder)
    if stored == url:
        return False
    if stored is not None:
        raise PkiError(
            f"ledger_url: the authority in {folder} has its ledger at {stored}. Move it back into the folder first."
        )
    is_left = schema.is_moved(folder / LEDGER)
    if not is_left:
        read_authority(folder)
    with session(url) as shared:
        state = _state(shared)
    if state not in (None, sql_shared.ARRIVING) and not (is_left and state == sql_shared.IN_USE):
        left = "" if state == sql_shared.IN_USE else ", which was moved away"
        raise PkiError(
            f"ledger_url: there is a ledger at {url} already{left}. Give an empty database, or drop the tables of that "
            "ledger where nobody needs it."
        )
    return True


def move_to_server(folder: Path, url: str) -> None:
    """Move the ledger of the authority in ``folder``, with its public files, to the server. Raises PkiError."""
    with changing(folder), publishing(folder), session(url) as shared:
        # Once more, since another run may have done it meanwhile.
        if not plan_to_server(folder, url):
            return
        if not schema.is_moved(folder / LEDGER):
            _copy_and_leave(folder, shared)
        if _state(shared) != sql_shared.IN_USE:
            with closing(schema.connect_moved(folder / LEDGER)) as file:
                _check_equal(file, shared)
            with shared.bare_transaction():
                shared.execute(sql_shared.SET_STATE, (sql_shared.IN_USE,))
        replace_private(folder / LEDGER_URL, f"{url}\n".encode())


def _state(shared: Session) -> str | None:
    """The state of the ledger on a server, None where there is none."""
    return str(shared.execute(sql_shared.LEDGER).fetchone()[1]) if has_tables(shared) else None


def _copy_and_leave(folder: Path, shared: Session) -> None:
    """Copy the ledger, which nobody writes meanwhile, and have the file say that it was moved."""
    with open_file(folder / LEDGER) as file, file.transaction():
        with shared.bare_transaction():
            if has_tables(shared):  # of a run that was killed
                drop_tables(shared)
            make_tables(shared, sql_shared.ARRIVING)
            copy_to_server(file, shared, public_files(folder))
        _check_equal(file, shared)
        schema.mark_moved(file)


def _check_equal(file: SqliteDatabase, shared: Session) -> None:
    tables = difference(file, shared)
    if tables:
        raise PkiError(
            f"The copy of the ledger at {shared.url} differs from that in the folder in {', '.join(tables)}, and is "
            "not used. Run again."
        )


def plan_to_folder(folder: Path, url: str | None) -> bool:
    """Whether there is a ledger to move back into ``folder``, from the server that it names, or else ``url`` does.
    Raises PkiError."""
    if ledger_url(folder) is None and (folder / LEDGER).exists() and not schema.is_moved(folder / LEDGER):
        return False
    if join(folder, url, makes=False) is None:
        read_authority(folder)
    check_place(folder / LEDGER)
    return True


def move_to_folder(folder: Path, where: str) -> None:
    """Move the ledger back into the ``folder`` of an authority, which is to be found ``where`` the server says then.
    Raises PkiError."""
    url = ledger_url(folder)
    if url is None:
        return
    with changing(folder), publishing(folder), session(url) as shared:
        staged = _staged_of(folder, _state(shared) or "")
        _replace(folder, staged or _copy_back(folder, where, shared))


def _copy_back(folder: Path, where: str, shared: Session) -> Path:
    """Copy the ledger into a file beside the one that was left before, and have the server say that it was moved."""
    for former in folder.glob(f"{ARRIVING}*"):  # of runs that were killed
        remove_private(former)
    token = secrets.token_hex(8)
    staged = folder / f"{ARRIVING}{token}"
    with shared.transaction():
        with open_file(staged, create=True) as file:
            with file.transaction():
                copy_to_file(shared, file)
            _check_equal(file, shared)
        sync_folder(folder)
        shared.execute(sql_shared.SET_STATE, (f"{sql_shared.MOVED} {where}, {token}",))
    return staged


def _staged_of(folder: Path, state: str) -> Path | None:
    """The file that a run had copied, which was killed after the server said so."""
    token = state.rpartition(" ")[2]
    staged = folder / f"{ARRIVING}{token}"
    return staged if state.startswith(sql_shared.MOVED) and staged.exists() else None


def _replace(folder: Path, staged: Path) -> None:
    """Put the ledger that came back in its place, and the one that was left before aside."""
    former = folder / LEDGER
    try:
        if former.exists():
            with closing(sqlite3.connect(former, timeout=5)) as left:
                # Fails while anybody has it open, whose log would be taken for that of the new one.
                left.execute("PRAGMA journal_mode = DELETE")
            os.replace(former, folder / FORMER)
        os.replace(staged, former)
        sync_folder(folder)
    except (OSError, sqlite3.Error) as error:
        raise PkiError(f"{former} cannot be replaced ({error}). End what has it open, and run again.") from error
    remove_private(folder / LEDGER_URL)
