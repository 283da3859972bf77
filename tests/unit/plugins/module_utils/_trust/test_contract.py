# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every trust store has to pass, each on a scratch host that has it alone: see ``_trust/contract.py``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust.contract import Store
from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import KIND_NAMES, KINDS
from ansible_collections.anchorage.pki.plugins.module_utils._trust.shortfall import shortfall
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import STATES
from ansible_collections.anchorage.pki.tests.unit.scratch_host import (
    ANCHOR,
    OPPOSITE,
    OTHER,
    REACHED,
    apply,
    apply_all,
    settle,
)
from ansible_collections.anchorage.pki.tests.unit.scratch_stores import STORES, StoreHost
from ansible_collections.anchorage.pki.tests.unit.stub_stores import StubStore, kind_of

#: The store whose files are made by a package's trigger alone, which makes all of them: there is no way back from it.
FED_BY_ITS_PACKAGE = "debian-java"


@pytest.fixture(params=STORES)
def subject(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreHost]:
    with STORES[request.param](tmp_path / "host", monkeypatch) as subject:
        yield subject


@pytest.fixture
def store(subject: StoreHost) -> Store:
    """The only store of the host."""
    host = subject.host
    kinds = [kind for kind in host.table if kind.name in host.kinds]
    (store,) = (store for kind in kinds for finder in kind.finders for store in finder.find(host.settings))
    return store


def test_every_kind_is_tried_here() -> None:
    assert KIND_NAMES == ("system", "java", "policies", "nss", "applications", "files")
    assert len(STORES) >= sum(len(kind.finders) for kind in KINDS)


def test_it_says_what_it_is(subject: StoreHost, store: Store) -> None:
    assert [store.kind] == list(subject.host.kinds)
    assert store.name
    assert store.readers
    assert store.obstacle == ""


def test_a_look_changes_nothing(subject: StoreHost, store: Store) -> None:
    before = subject.host.picture()
    finding = store.inspect(ANCHOR)
    assert finding.state == "absent"
    assert finding.state in STATES
    assert finding.evidence
    assert (finding.blocked, finding.awaits, finding.private) == ("", "", False)
    assert subject.host.picture() == before


def test_it_comes_and_goes_as_previewed(subject: StoreHost, store: Store) -> None:
    host, absent = subject.host, subject.content()
    for operation in ("install", "remove"):
        before, content = host.picture(), subject.content()
        preview = store.preview(ANCHOR, operation)
        planned = apply(operation, host, check_mode=True)
        assert host.picture() == before, "a preview changes nothing"
        assert preview.state == REACHED[operation]
        assert preview.evidence
        outcome = settle(operation, host)
        assert (planned.state, planned.changed, planned.before) == (outcome.state, outcome.changed, outcome.before)
        assert (outcome.before.state, store.inspect(ANCHOR).state) == (REACHED[OPPOSITE[operation]], REACHED[operation])
        assert subject.content() != content
        assert not apply(operation, host, check_mode=True).changed
    assert subject.content() == absent


def test_an_installation_can_be_undone(subject: StoreHost, store: Store, request: pytest.FixtureRequest) -> None:
    before = subject.content()
    with ExitStack() as undo:
        store.install(ANCHOR, store.inspect(ANCHOR), undo)
        assert store.inspect(ANCHOR).state == "trusted"
    if FED_BY_ITS_PACKAGE in request.node.callspec.id:
        assert store.inspect(ANCHOR).state == "trusted"
        return
    assert subject.content() == before
    assert store.inspect(ANCHOR).state == "absent"


def test_several_anchors_are_removed_at_once(subject: StoreHost, store: Store) -> None:
    before = subject.content()
    anchors = [ANCHOR, OTHER]
    present = [anchor for anchor in anchors if store.inspect(anchor).state == "trusted"]
    settle("install", subject.host)
    store.remove(anchors)
    assert [store.inspect(anchor).state for anchor in anchors] == ["absent", "absent"]
    if not present:
        assert subject.content() == before


def test_another_stores_failure_does_not_keep_it_from_its_turn(subject: StoreHost) -> None:
    host = subject.host
    host.table = (kind_of(StubStore(inspect=PermissionError(13, "Permission denied", "/broken"))), *host.table)
    for operation in ("install", "remove"):
        broken, outcome = apply_all(operation, host, kinds=[*host.kinds, "nss"])
        assert (broken.state, outcome.state) == ("failed", REACHED[operation])
        reason = "stub: /broken cannot be read or changed: Permission denied."
        assert shortfall(operation, [broken, outcome]) == reason
