# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every family of trust stores has in common: the shape that ``trust.py`` drives.

A family is a module of this folder with the functions of :class:`Family`. It finds its stores on the host and knows how
one is read, fed and cleared; it neither decides nor rolls back, which ``trust.py`` does for all of them alike.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

# What can be said of an anchor in a store.
TRUSTED = "trusted"  # everything that reads the store trusts it, and will after the next refresh
ABSENT = "absent"  # no trace of it
STALE = "stale"  # some readers trust it, or may after the next refresh: an installation or removal was left half done
PENDING = "pending"  # trusted after the next boot
NEEDS_USER = "needs_user"  # trusted once the user has confirmed it on the host
BLOCKED = "blocked"  # the host is told to distrust it, which beats every anchor: for a person to decide
UNAVAILABLE = "unavailable"  # a program that the store needs is missing
FAILED = "failed"  # a change was tried in vain


@dataclass(frozen=True)
class Anchor:
    """The certificate to trust: ``name`` is unique to it and fit for a file name, ``pem`` one block.

    ``permitted_domains`` are those that its name constraints permit; empty where it is limited to none.
    """

    name: str
    pem: str
    permitted_domains: tuple[str, ...] = ()

    @property
    def der(self) -> bytes:
        return ssl.PEM_cert_to_DER_cert(self.pem)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.der).hexdigest()


@dataclass(frozen=True)
class Finding:
    """What a store says of an anchor: a state, and the sentences that show it.

    ``blocked`` is empty, or the sentence that says where the host is told to distrust it. ``awaits`` is empty, or what
    has to happen on the host until ``state`` is reached. ``private`` is what another user's own store does not let root
    find out: for that user to mend, and no failure of the host, whatever the operation.
    """

    state: str
    evidence: tuple[str, ...]
    blocked: str = ""
    awaits: str = ""
    private: bool = False


class Store(Protocol):
    """One store on this host: the programs that are its ``readers``, in words, and its ``obstacle``, which is empty or
    says why it cannot be changed and what to install."""

    @property
    def name(self) -> str: ...

    @property
    def readers(self) -> str: ...

    @property
    def obstacle(self) -> str: ...


class Family(Protocol):
    """A module that handles stores of one kind. All of it may raise HostError and OSError."""

    def sought(self) -> list[str]:
        """What :func:`find` looks for, for the reader whose host has none of it."""

    def find(self, root: str) -> list[Any]:
        """The stores below the folder ``root``, which is ``/`` on a real host."""

    def inspect(self, store: Any, anchor: Anchor) -> Finding:
        """Read what the store's consumers read. The proof of every change; changes nothing itself."""

    def foresee(self, store: Any, anchor: Anchor, operation: str) -> Finding:
        """What :func:`inspect` would find after ``operation`` (install or remove); changes nothing."""

    def install(self, store: Any, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
        """Make the store trust the anchor. Each step first leaves on ``undo`` what takes it back."""

    def remove(self, store: Any, anchors: Sequence[Anchor]) -> None:
        """Clear the store of the anchors, under whatever names they are there, with one refresh for all of them."""
