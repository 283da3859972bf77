# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A session with the PostgreSQL server that a ledger is on: one for each process, opened after the fork.

Locks belong to the session. While it holds one, or a transaction is open, a connection that is lost is not made again:
what the lock kept apart may have happened meanwhile. Otherwise it is, also where the server takes a while to restart.
"""

from __future__ import annotations

import functools
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from ansible_collections.anchorage.pki.plugins.module_utils._host.text import single_line
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import sql_shared as sql
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.database import Rows
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger_urls import SECRETS
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._psycopg import psycopg

Answer = TypeVar("Answer")

#: The oldest release of the server, as libpq numbers them.
OLDEST_SERVER = 130000
#: How long a server that does not answer is waited for, unless the URL says otherwise, in the words of libpq.
PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30000,  # milliseconds
}
#: Seconds to wait for a server that restarts, and for other writers.
RESTART_TIMEOUT = 20.0
WRITE_TIMEOUT = 30.0
#: In English, what a server says that is about to answer.
RESTARTING = "the database system is"
# As much as is shown of what a server says, in characters.
_LONGEST_REASON = 300


class Session:
    """A connection to the server at ``url``. Made by :func:`session`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._library = psycopg()
        #: What is done as part of each transaction, before it is committed.
        self.before_commit: list[Callable[[], None]] = []
        self._holds = 0
        self._is_begun = False
        self._connection = self._connected(time.monotonic() + RESTART_TIMEOUT, self._is_restarting)

    def close(self) -> None:
        self._connection.close()

    @property
    def is_lost(self) -> bool:
        return bool(self._connection.closed)

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Rows:
        """Run a statement with its values, in the words of :mod:`database`."""
        text, is_numbered = _in_psycopgs_words(statement)
        given = {f"v{i}": value for i, value in enumerate(values, 1)} if is_numbered else values

        def run() -> Rows:
            rows: Rows = self._connection.execute(text, given if values else None)
            return rows

        return self._survived(run)

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]], /) -> object:
        """Run a statement for each row. Belongs into a transaction."""
        for row in rows:
            self.execute(statement, row)
        return None

    def damage(self) -> str:
        """Nothing: the server looks after its own files, and reports what it finds when it reads them."""
        return ""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """As :meth:`Database.transaction`, by a lock on the one row of the ledger's own table. Raises PkiError where
        the ledger was moved away."""
        with self.bare_transaction():
            (state,) = self.execute(sql.LOCK_LEDGER).fetchone()
            if state != sql.IN_USE:
                raise not_in_use(self.url, state)
            yield
            for step in self.before_commit:
                step()

    @contextmanager
    def bare_transaction(self, begin: str = sql.BEGIN) -> Iterator[None]:
        """One that locks nothing, for who makes the tables, moves the ledger, or only reads."""
        if self._is_begun:
            raise RuntimeError("a transaction is open, which this one would end")
        self.execute(begin)
        self._holds += 1
        self._is_begun, is_done = True, False
        try:
            yield
            # Where a statement of the block failed, the server answers this by a rollback, and no error.
            is_done = self._connection.execute(sql.COMMIT).statusmessage == sql.COMMIT
        finally:
            self._holds -= 1
            self._is_begun = False
            if not is_done:
                with suppress(self._library.Error):  # of a connection that is lost, with the transaction
                    self._connection.execute(sql.ROLLBACK)
        if not is_done:
            raise PkiError(f"The ledger {self.url} took nothing of what was to be entered. Run again.")

    @contextmanager
    def lock(self, name: str, timeout: float, refusal: str) -> Iterator[None]:
        """Hold the lock of that name on the server while the block runs. Raises PkiError with the ``refusal`` after
        ``timeout`` seconds of waiting for another controller."""
        try:
            self._wait(timeout)
            self.execute(sql.LOCK, (name,))
        except self._library.errors.LockNotAvailable as error:
            raise PkiError(refusal) from error
        self._wait(WRITE_TIMEOUT)
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            with suppress(self._library.Error):  # of a connection that is lost, with the lock
                self._connection.execute(*self._unlocking(name))

    def _unlocking(self, name: str) -> tuple[str, Sequence[Any]]:
        return _in_psycopgs_words(sql.UNLOCK)[0], (name,)

    def _wait(self, timeout: float) -> None:
        self.execute(sql.SET_LOCK_TIMEOUT, (f"{timeout * 1000:.0f}",))

    def _survived(self, run: Callable[[], Answer]) -> Answer:
        """What ``run`` answers, once more by another connection where the first one was lost and held nothing."""
        try:
            return run()
        except self._library.OperationalError:
            if self._holds or not self.is_lost:
                raise
        self._connection = self._connected(time.monotonic() + RESTART_TIMEOUT, lambda _error: True)
        return run()

    def _connected(self, until: float, is_passing: Callable[[Exception], bool]) -> Any:
        """A connection, attempted again as long as what is in its way is passing."""
        while True:
            try:
                connection = self._library.connect(self.url, **self._settings())
                return self._prepared(connection)
            except self._library.OperationalError as error:
                if time.monotonic() > until or not is_passing(error):
                    raise
            time.sleep(0.2)

    def _settings(self) -> Mapping[str, Any]:
        """What the URL leaves open. Raises PkiError for a URL that libpq does not understand, or with a password."""
        try:
            given = self._library.conninfo.conninfo_to_dict(self.url)
        except self._library.ProgrammingError:
            # Without a cause: libpq repeats what it does not understand.
            raise PkiError("ledger_url: libpq does not understand this URL. Check its parameters.") from None
        if not set(given).isdisjoint(SECRETS):
            raise PkiError("ledger_url: has a password. Take it out, and give it by PGPASSFILE or PGPASSWORD.")
        settings = {name: value for name, value in PATIENCE.items() if name not in given}
        return {"autocommit": True, "prepare_threshold": None, "application_name": "anchorage.pki", **settings}

    def _prepared(self, connection: Any) -> Any:
        """The connection, told how long others are waited for, and that what is committed is on the disk."""
        version = connection.info.server_version
        if version < OLDEST_SERVER:
            connection.close()
            raise PkiError(
                f"{self.url}: PostgreSQL {version // 10000} is too old for the ledger. Use {OLDEST_SERVER // 10000} "
                "or newer."
            )
        connection.execute(sql.PREPARE)
        return connection

    def _is_restarting(self, error: Exception) -> bool:
        return RESTARTING in str(error)


#: The sessions of this process, and those that it inherited at its fork, which it does not use.
_sessions: dict[tuple[int, str], Session] = {}


@contextmanager
def session(url: str) -> Iterator[Session]:
    """The session of this process with the server at ``url``: the one that is open, or else one for the block. Raises
    PkiError, also for what the server reports while the block runs."""
    key = os.getpid(), url
    with _told(url):
        if key in _sessions:
            yield _sessions[key]
            return
        _sessions[key] = opened = Session(url)
        try:
            yield opened
        finally:
            del _sessions[key]
            opened.close()


def not_in_use(url: str, state: str) -> PkiError:
    """Why nothing is written to a ledger in that ``state``."""
    if state == sql.ARRIVING:
        return PkiError(
            f"The ledger {url} is not complete: it was being moved there. Run the playbook anchorage.pki.move_ledger "
            "again where that was begun."
        )
    place = state.partition(" ")[2].rpartition(",")[0]
    return PkiError(
        f"The ledger {url} was moved away, into the folder of an authority ({place}). Run on that controller, or "
        "remove ledger.url and ledger_url here once nobody uses this one."
    )


@contextmanager
def _told(url: str) -> Iterator[None]:
    library = psycopg()
    try:
        yield
    except library.errors.LockNotAvailable as error:
        raise PkiError(
            f"The ledger {url} was kept by another writer for {WRITE_TIMEOUT:.0f} seconds. Wait until that has ended "
            "and run again."
        ) from error
    except library.Error as error:
        reason = single_line(" ".join(str(error).split()), _LONGEST_REASON)
        raise PkiError(
            f"The ledger {url} cannot be used ({reason}). See that the server runs, that the user may log in there and "
            "owns the ledger's tables, and run again, which also enters what was deployed meanwhile."
        ) from error


@functools.cache
def _in_psycopgs_words(statement: str) -> tuple[str, bool]:
    """A statement with psycopg's placeholders, and whether they are numbered."""
    numbered, count = re.subn(r"\?(\d)", r"%(v\1)s", statement)
    return (numbered, True) if count else (statement.replace("?", "%s"), False)
