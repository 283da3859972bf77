# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The locks of an authority: of who changes it, and of who publishes for it. Each is a file in its folder, and where
controllers share its ledger a lock on that server, too, which goes with the session that records what is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import LOCK
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger_urls import ledger_url
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.postgresql import Session, session
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.shared_files import kept
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import LOCK_TIMEOUT, exclusive_lock

# The lock of runs that sign and publish, and for how many seconds one waits for another, which signs and writes
# responses about tens of thousands of leaves in that time.
PUBLICATION_LOCK = "publication-lock"
PUBLICATION_TIMEOUT = 120.0


@contextmanager
def changing(folder: Path) -> Iterator[None]:
    """The lock under which the authority in ``folder`` is changed. Raises PkiError where another run keeps it for long.

    Where controllers share its ledger, the folder is as the database has it, and what becomes of it is entered there.
    """
    with _both(folder, LOCK, LOCK_TIMEOUT, "changing the authority") as shared:
        if shared is None:
            yield
            return
        with kept(folder, shared):
            yield


@contextmanager
def publishing(folder: Path) -> Iterator[None]:
    """The lock under which the authority in ``folder`` signs lists and responses, and publishes them. Raises PkiError
    where another run keeps it for long."""
    with _both(folder, PUBLICATION_LOCK, PUBLICATION_TIMEOUT, "signing or publishing for the authority"):
        yield


@contextmanager
def _both(folder: Path, name: str, timeout: float, doing: str) -> Iterator[Session | None]:
    """The lock of that name in the folder and on the server, with the session there, None for no server."""
    with exclusive_lock(folder / name, timeout, doing):
        url = ledger_url(folder)
        if url is None:
            yield None
            return
        refusal = (
            f"Another controller has been {doing} at {url} for {timeout:.0f} seconds. Wait until it has ended and run "
            "again."
        )
        with session(url) as shared, shared.lock(name, timeout, refusal):
            yield shared
