# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What fails a task of which a part waits for a person, whatever the platform."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError, UserNeeded
from ansible_collections.anchorage.pki.plugins.module_utils._trust.answer import answer
from ansible_collections.anchorage.pki.plugins.module_utils._trust.engine import apply
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Request, StoreOutcome
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor, Finding
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import encode
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ANCHOR, FORMER, OTHER
from ansible_collections.anchorage.pki.tests.unit.stub_stores import StubStore, kind_of

LOCKED = "a password guards it"


class Guarded(StubStore):
    """A store that removes anchors one by one, and lets only a person remove some."""

    def __init__(self, trusted: Sequence[Anchor], guarded: Sequence[Anchor]) -> None:
        super().__init__("guarded")
        self.trusted, self.guarded = list(trusted), guarded

    def inspect(self, anchor: Anchor) -> Finding:
        return Finding("trusted" if anchor in self.trusted else "absent", ("looked at",))

    def preview(self, anchor: Anchor, operation: str) -> Finding:
        if operation == "remove":
            self._require([anchor])
        return Finding("trusted" if operation == "install" else "absent", ("foreseen",))

    def install(self, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
        self.trusted.append(anchor)

    def remove(self, anchors: Sequence[Anchor]) -> None:
        for anchor in anchors:
            self._require([anchor])
            self.trusted.remove(anchor)

    def _require(self, anchors: Sequence[Anchor]) -> None:
        if any(anchor in self.guarded for anchor in anchors):
            raise UserNeeded(LOCKED)


def result(operation: str, store: StubStore, *superseded: Anchor, check_mode: bool = False) -> dict[str, Any]:
    """What the module ends with on a host with this store alone."""
    request = Request(operation, ANCHOR, ("nss",), "", superseded)

    def work(request: Request, settings: Settings) -> list[StoreOutcome]:
        return apply(request, settings, check_mode, [kind_of(store)])

    return answer(encode(request), Settings(), work, check_mode) or {}


@pytest.fixture(autouse=True)
def lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        "ansible_collections.anchorage.pki.plugins.module_utils._trust.engine.LOCK_FILE", f"{tmp_path}/lock"
    )


def state(result: dict[str, Any]) -> tuple[str, bool]:
    return result["stores"][0]["state"], result["changed"]


def test_a_removal_fails_where_a_former_anchor_stays_after_the_own_one_went() -> None:
    store = Guarded([ANCHOR, FORMER], [FORMER])
    found = result("remove", store, FORMER)
    assert (state(found), store.trusted) == (("needs_user", True), [FORMER])
    assert found["failed"]
    assert LOCKED in found["msg"]


@pytest.mark.parametrize("installed", [[], [ANCHOR]], ids=["new", "there"])
def test_an_installation_fails_where_a_former_anchor_stays(installed: list[Anchor]) -> None:
    store = Guarded([*installed, FORMER], [FORMER])
    found = result("install", store, FORMER)
    assert state(found) == ("needs_user", not installed)
    assert found["failed"]
    assert f"A former anchor was not removed: {LOCKED}" in found["msg"]


@pytest.mark.parametrize("operation", ["install", "remove"])
def test_former_anchors_that_all_went_fail_nothing(operation: str) -> None:
    found = result(operation, Guarded([ANCHOR, FORMER], []), FORMER)
    assert "failed" not in found
    assert found["changed"]


@pytest.mark.parametrize("operation", ["install", "remove"])
@pytest.mark.parametrize("guarded", [ANCHOR, FORMER], ids=["own", "former"])
def test_check_mode_foresees_what_needs_a_person_and_fails_not(operation: str, guarded: Anchor) -> None:
    store = Guarded([ANCHOR, FORMER], [guarded])
    found = result(operation, store, FORMER, check_mode=True)
    assert "failed" not in found
    if guarded is FORMER or operation == "remove":
        assert state(found)[0] == "needs_user"
    assert store.trusted == [ANCHOR, FORMER]


def test_a_removal_that_was_done_in_part_is_a_change() -> None:
    store = Guarded([ANCHOR, FORMER, OTHER], [OTHER])
    found = result("install", store, FORMER, OTHER)
    assert (state(found), store.trusted) == (("needs_user", True), [ANCHOR, OTHER])
    assert found["failed"]


def test_a_trace_that_went_before_a_person_was_needed_is_a_change() -> None:
    class Half(Guarded):
        def inspect(self, anchor: Anchor) -> Finding:
            return Finding("stale" if anchor in self.guarded else "trusted", ("looked at",))

        def remove(self, anchors: Sequence[Anchor]) -> None:
            self.guarded = [*anchors]
            raise UserNeeded(LOCKED)

    found = result("remove", Half([ANCHOR], []))
    assert state(found) == ("needs_user", True)
    assert found["stores"][0]["evidence"] == [LOCKED, "looked at"]
    assert LOCKED in found["msg"]


def test_what_is_not_for_a_person_to_remove_fails_as_before() -> None:
    class Broken(Guarded):
        def remove(self, anchors: Sequence[Anchor]) -> None:
            raise HostError("It is broken.")

    for superseded in ([], [FORMER]):
        found = result("install" if superseded else "remove", Broken([ANCHOR, FORMER], []), *superseded)
        assert found["stores"][0]["state"] == "failed"
        assert "It is broken." in found["msg"]
