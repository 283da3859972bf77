# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract of every trust store: what it is asked, and what it owes to the engine.

A store knows how it is read, fed and cleared. It neither decides nor rolls back, which the engine does for all alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Protocol, runtime_checkable

from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor, Finding


class Store(Protocol):
    """One store on this host. All of its methods may raise HostError and OSError; UserNeeded, a kind of HostError, only
    before anything was changed."""

    @property
    def kind(self) -> str:
        """The kind by which a task asks for it: see kinds.py."""

    @property
    def name(self) -> str:
        """The name, unique on the host."""

    @property
    def readers(self) -> str:
        """The programs that trust what the store trusts, in words."""

    @property
    def obstacle(self) -> str:
        """Why the store cannot be changed and what to install; "" where it can be."""

    def inspect(self, anchor: Anchor) -> Finding:
        """Read what the store's readers read. The proof of every change; changes nothing itself."""

    def preview(self, anchor: Anchor, operation: str) -> Finding:
        """What :meth:`inspect` would find after ``operation`` (install or remove); changes nothing."""

    def install(self, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
        """Make the store trust the anchor. Each step first leaves on ``undo`` what takes it back."""

    def remove(self, anchors: Sequence[Anchor]) -> None:
        """Clear the store of the anchors, under whatever names they are there, with one refresh for all of them."""


@runtime_checkable
class TakesSeveral(Protocol):
    """What a store has besides where a change costs much, however many anchors it is about."""

    def install_all(self, befores: Sequence[tuple[Anchor, Finding]], undo: ExitStack) -> None:
        """Make the store trust all of the anchors, each with what :meth:`Store.inspect` found, as
        :meth:`Store.install` does it with one."""
