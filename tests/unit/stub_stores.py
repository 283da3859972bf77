# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trust store that says what a test wants, and kinds that have it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import Finder, Kind
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor, Finding


class StubStore:
    """It says, or raises, ``answers`` by the name of the method, and raises AssertionError for whatever else it is
    asked."""

    kind = "nss"
    readers = "nobody"
    obstacle = ""

    def __init__(self, name: str = "stub", **answers: Finding | Exception) -> None:
        self.name = name
        self._answers: dict[str, Any] = answers

    def _answer(self, method: str) -> Any:
        answer = self._answers.get(method, AssertionError(method))
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def inspect(self, anchor: Anchor) -> Finding:
        return self._answer("inspect")

    def preview(self, anchor: Anchor, operation: str) -> Finding:
        return self._answer("preview")

    def install(self, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
        self._answer("install")

    def remove(self, anchors: Sequence[Anchor]) -> None:
        self._answer("remove")


def kind_of(*stores: StubStore, error: Exception | None = None) -> Kind:
    """The kind nss, of which a host has these stores; or where looking for them raises ``error``."""

    def find(_settings: Settings) -> Sequence[StubStore]:
        if error:
            raise error
        return stores

    return Kind("nss", (Finder(find, lambda: ["nothing"]),))
