# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The destination: the folder on a host below which every leaf has a folder of its own, and the lock over it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.lock import LockTimeout, take_lock
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.names import names_error
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.servers import SERVERS, PointerFile

# Seconds to wait for another run, which may be inside a reload and its rollback.
LOCK_TIMEOUT = 90.0
LOCK_FILE = ".lock"
# Neither registered at IANA nor among those that systems give to clients.
RESPONDER_PORT = 29477


class BusyError(HostError):
    """Another run is at work in the destination."""


@dataclass(frozen=True)
class Destination:
    """Where leaves are kept on this host, for which server, and who may read which of their files.

    ``lock_timeout`` is how many seconds to wait for another run; ``responder_port`` is that of the responder which some
    servers get their staples from. With ``staples_only`` there are staples of certificates that are not ours: of a
    leaf, its certificate and its staple.
    """

    path: str
    server: str
    public: Attributes
    private: Attributes
    lock_timeout: float = LOCK_TIMEOUT
    responder_port: int = RESPONDER_PORT
    staples_only: bool = False

    def __post_init__(self) -> None:
        if self.path.startswith("/private/"):
            # Here, as further down, for looks.
            from ansible_collections.anchorage.pki.plugins.module_utils._host.system_links import refuse_second_name

            refuse_second_name(self.path)
        if character := SERVERS[self.server].unquotable.search(self.path):
            raise HostError(
                f"destination: {self.path!r} holds a character that has a meaning in a server's configuration "
                f"({character.group()!r}). Choose another path."
            )

    @property
    def pointer_files(self) -> tuple[PointerFile, ...]:
        """The files in a leaf's folder that the server's configuration includes."""
        if not self.staples_only:
            return SERVERS[self.server].pointer_files
        from ansible_collections.anchorage.pki.plugins.module_utils._leaf.staple_servers import STAPLE_SERVERS

        return STAPLE_SERVERS[self.server].pointer_files

    def folder(self, name: str) -> str:
        """The path of the leaf's own folder."""
        return os.path.join(self.path, name)

    def generation(self, name: str, number: int) -> str:
        """The path of one generation of the leaf."""
        return os.path.join(self.path, name, f"v{number}")


def check_names(names: Sequence[str]) -> None:
    """Raise HostError unless every name can be a folder's name and none is given twice."""
    if reason := names_error(names):
        raise HostError(reason)


@contextmanager
def existing_lock(folder: int, path: str, exclusive: bool = False, timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
    """Look at the destination while nobody changes it, or with ``exclusive`` be the only run there; creates nothing.

    Raises HostError after ``timeout`` seconds.
    """
    try:
        descriptor = take_destination_lock(folder, path, timeout, shared=not exclusive, create=False)
    except FileNotFoundError:  # nothing was ever deployed here
        yield
        return
    try:
        yield
    finally:
        os.close(descriptor)


def take_destination_lock(folder: int, path: str, timeout: float, shared: bool = False, create: bool = True) -> int:
    """A descriptor that holds the lock over the destination ``folder``, which is at ``path``, until it is closed.

    Raises HostError after ``timeout`` seconds, OSError.
    """
    try:
        return take_lock(LOCK_FILE, timeout, folder, shared, create)
    except LockTimeout as error:
        raise BusyError(
            f"Another run has been working in {path} for {timeout:.0f} seconds. Nothing was changed: "
            "wait for its end and run the task again."
        ) from error
