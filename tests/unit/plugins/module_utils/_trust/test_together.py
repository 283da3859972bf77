# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of several anchors in one change of a store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor, Finding
from ansible_collections.anchorage.pki.tests.unit.roots import make_root
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ANCHOR, OTHER, ScratchHost, anchor_of, apply_all
from ansible_collections.anchorage.pki.tests.unit.stub_stores import StubStore, kind_of

THIRD = anchor_of(make_root("A third root"))


class RefreshedStore(StubStore):
    """A store that takes several anchors, notes each change, and believes none of its ``refused``."""

    def __init__(self, refused: Sequence[Anchor] = (), breaks: bool = False) -> None:
        super().__init__("refreshed")
        self.refused, self.breaks = [anchor.name for anchor in refused], breaks
        self.held: list[str] = []
        self.changes: list[tuple[str, int]] = []

    def inspect(self, anchor: Anchor) -> Finding:
        return Finding("trusted" if anchor.name in self.held and anchor.name not in self.refused else "absent", ("",))

    def install(self, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
        self.install_all([(anchor, before)], undo)

    def install_all(self, befores: Sequence[tuple[Anchor, Finding]], undo: ExitStack) -> None:
        self.changes.append(("install", len(befores)))
        undo.callback(self._put_back, list(self.held))
        self.held += [anchor.name for anchor, _before in befores]
        if self.breaks and len(befores) > 1:
            raise HostError("No space is left.")

    def _put_back(self, former: list[str]) -> None:
        self.held = former

    def remove(self, anchors: Sequence[Anchor]) -> None:
        self.changes.append(("remove", len(anchors)))
        if self.breaks and len(anchors) > 1:
            raise HostError("One file is somebody else's.")
        self.held = [name for name in self.held if name not in [anchor.name for anchor in anchors]]


@pytest.fixture
def apply(tmp_path: Path) -> Callable[..., list[tuple[str, bool]]]:
    host = ScratchHost(tmp_path)

    def applied(operation: str, store: StubStore) -> list[tuple[str, bool]]:
        host.table = (kind_of(store),)
        outcomes = apply_all(operation, host, ANCHOR, further=[OTHER, THIRD], kinds=["nss"])
        return [(outcome.state, outcome.changed) for outcome in outcomes]

    return applied


def test_all_take_one_change(apply: Callable) -> None:
    store = RefreshedStore()
    assert apply("install", store) == [("trusted", True)] * 3
    assert apply("install", store) == [("trusted", False)] * 3
    assert apply("remove", store) == [("absent", True)] * 3
    assert apply("remove", store) == [("absent", False)] * 3
    assert store.changes == [("install", 3), ("remove", 3)]


def test_the_one_to_blame_keeps_no_other_one_out(apply: Callable) -> None:
    store = RefreshedStore(refused=[OTHER])
    assert apply("install", store) == [("trusted", True), ("failed", False), ("trusted", True)]
    assert store.changes == [("install", 3), *[("install", 1)] * 3]
    assert sorted(store.held) == sorted([ANCHOR.name, THIRD.name])


def test_what_cannot_be_done_at_once_is_done_one_by_one(apply: Callable) -> None:
    store = RefreshedStore(breaks=True)
    assert apply("install", store) == [("trusted", True)] * 3
    assert apply("remove", store) == [("absent", True)] * 3
    assert store.changes == [(operation, size) for operation in ("install", "remove") for size in (3, 1, 1, 1)]


def test_one_that_is_alone_takes_its_turn_alone(apply: Callable) -> None:
    store = RefreshedStore()
    store.held = [ANCHOR.name, OTHER.name]
    assert apply("install", store) == [("trusted", False), ("trusted", False), ("trusted", True)]
    assert store.changes == [("install", 1)]
