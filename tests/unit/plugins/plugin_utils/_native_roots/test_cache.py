# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the controller's native roots: one load a run, remembered failures, refreshes that never make it worse."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.load import Limits, NativeRoots, load
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.cache import NativeRootsCache
from ansible_collections.anchorage.pki.tests.unit.pem_inputs import DAMAGED_WITHIN, A, B, C, block
from ansible_collections.anchorage.pki.tests.unit.processes import Counter, fork_all

DAMAGE = A[:99]


class Store:
    """A trust store in a file, and the cache that reads it, whose loads are counted over all processes."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "roots.pem"
        self.run_folder = folder / "run"
        self.run_folder.mkdir(mode=0o700)
        self.loads = Counter(folder / "loads")
        self.seconds = 0.0
        self.cache = NativeRootsCache(self.run_folder, "platform", {"SSL_CERT_FILE": str(self.file)}, self.load)

    def load(self, *arguments: Any, **options: Any) -> NativeRoots:
        self.loads.add()
        time.sleep(self.seconds)
        return load(*arguments, **options, limits=Limits(pause=0))

    def put(self, content: bytes) -> None:
        staged = self.file.with_suffix(".new")
        staged.write_bytes(content)
        staged.replace(self.file)

    def count(self, strict: bool = False) -> int:
        return len(self.cache.pems(self.cache.state(strict)))

    def refreshed_count(self, strict: bool = False) -> tuple[int, str | None]:
        state = self.cache.refreshed_state(strict)
        return len(self.cache.pems(state)), state["failure"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_is_loaded_once(store: Store) -> None:
    store.put(A + B)
    assert [store.count() for dummy in range(3)] == [2, 2, 2]
    store.put(C)
    assert store.count() == 2
    assert store.loads.value == 1


def test_other_variables_and_sources_are_other_roots(store: Store) -> None:
    store.put(A + B)
    other = store.file.with_name("other.pem")
    other.write_bytes(C)
    cache = NativeRootsCache(store.run_folder, "platform", {"SSL_CERT_FILE": str(other)})
    assert store.count() == 2
    assert len(cache.pems(cache.state(strict=False))) == 1


def test_of_fifty_processes_one_loads(store: Store) -> None:
    store.put(A + B)
    fork_all(lambda number: store.count() == 2 or os.abort(), 50)
    assert store.loads.value == 1


@pytest.mark.parametrize(("content", "count"), [(A + B, 2), (b"", 1)], ids=["good", "failing"])
def test_refreshes_that_wait_for_each_other_share_a_load(store: Store, content: bytes, count: int) -> None:
    """The first one to come loads; those who came while it did share the load after, which sees what they changed."""
    store.put(A)
    store.count()
    store.seconds = 0.5
    store.put(content)
    fork_all(lambda number: store.refreshed_count()[0] == count or os.abort(), 20)
    # One more load for all that came while one ran; on a busy machine some come later, and need another one.
    assert 2 <= store.loads.value <= 10


def test_a_refresh_sees_what_was_changed_before_it_was_asked_for(store: Store) -> None:
    store.put(A)
    assert store.count() == 1
    store.put(A + B)
    assert store.refreshed_count() == (2, None)
    assert store.count() == 2


def test_fifty_processes_racing_refreshes_see_no_torn_and_no_older_set(store: Store) -> None:
    store.put(A)
    store.count()
    contents = [A, A + B, A + B + C]

    def race(process: int) -> None:
        if process == 0:
            for content in contents:
                time.sleep(0.05)
                store.put(content)
        seen = 0
        for dummy in range(6):
            state = store.cache.refreshed_state(strict=False) if process % 2 else store.cache.state(strict=False)
            pems = store.cache.pems(state)
            assert "".join(pems).encode() in contents
            assert len(pems) == len(store.cache.certificates(state)) == state["report"]["certificates"]
            assert len(pems) >= seen
            seen = len(pems)

    fork_all(race, 50)


def permanent(store: Store) -> str:
    return "No such file or directory"


def empty(store: Store) -> str:
    store.put(b"no certificate\n")
    return "No native root was found"


def damaged(store: Store) -> str:
    store.put(DAMAGE)
    return "has no END line"


@pytest.mark.parametrize("break_store", [permanent, empty, damaged])
def test_a_failure_is_remembered_with_its_message_until_a_refresh(
    store: Store, break_store: Callable[[Store], str]
) -> None:
    reason = break_store(store)
    with pytest.raises(PkiError, match=reason) as first:
        store.count()
    store.put(A)
    with pytest.raises(PkiError) as second:
        store.count()
    assert str(second.value) == str(first.value)
    assert store.loads.value == 1
    assert store.refreshed_count() == (1, None)
    assert store.count() == 1


def test_fifty_processes_share_a_failure(store: Store) -> None:
    def ask(number: int) -> None:
        with pytest.raises(PkiError, match="No such file"):
            store.count()

    fork_all(ask, 50)
    assert store.loads.value == 1


def test_a_refresh_after_a_failure_may_fail_for_another_reason(store: Store) -> None:
    with pytest.raises(PkiError, match="No such file"):
        store.count()
    store.put(DAMAGE)
    for ask in (store.refreshed_count, store.count):
        with pytest.raises(PkiError, match="has no END line"):
            ask()


@pytest.mark.parametrize("content", [b"", DAMAGE], ids=["empty", "damaged"])
def test_a_refresh_that_fails_keeps_the_former_roots_and_says_so(store: Store, content: bytes) -> None:
    store.put(A + B)
    store.count()
    store.put(content)
    count, failure = store.refreshed_count()
    assert count == 2
    assert failure is not None
    assert "No native root was found" in failure
    assert store.count() == 2


def test_passing_errors_pass(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put(A)
    errors = iter([errno.EIO, errno.ESTALE])
    real = os.open

    def fault(path: Any, *arguments: Any, **options: Any) -> int:
        if str(path) == str(store.file) and (code := next(errors, None)):
            raise OSError(code, os.strerror(code))
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", fault)
    assert store.count() == 1


class TestStrict:
    def test_errors_are_a_failure_for_those_who_ask_for_it(self, store: Store) -> None:
        store.put(A + DAMAGE)
        assert store.count() == 1
        with pytest.raises(PkiError, match=r"not read completely: .*has no END line"):
            store.count(strict=True)
        assert store.count() == 1
        assert store.loads.value == 1

    def test_a_refresh_with_errors_keeps_the_former_roots(self, store: Store) -> None:
        store.put(A + B)
        store.count()
        store.put(A + DAMAGE)
        count, failure = store.refreshed_count(strict=True)
        assert count == 2
        assert "not read completely" in str(failure)
        assert store.refreshed_count(strict=False) == (1, None)

    def test_a_refresh_mends_roots_that_had_errors(self, store: Store) -> None:
        store.put(A + DAMAGE)
        store.count()
        store.put(A + B)
        assert store.refreshed_count(strict=True) == (2, None)

    @pytest.mark.parametrize("content", [b"", None], ids=["empty", "missing"])
    def test_a_refresh_never_replaces_roots_with_errors_by_none(self, store: Store, content: bytes | None) -> None:
        store.put(A + B + DAMAGE)
        assert store.count() == 2
        if content is None:
            store.file.unlink()
        else:
            store.put(content)
        with pytest.raises(PkiError, match=r"not read completely: .*refresh failed as well: No native root was found"):
            store.refreshed_count(strict=True)
        assert store.count() == 2

    def test_a_refresh_from_errors_to_errors_takes_the_new_roots_and_fails(self, store: Store) -> None:
        store.put(A + DAMAGE)
        store.count()
        store.put(A + B + DAMAGE)
        with pytest.raises(PkiError, match="not read completely"):
            store.refreshed_count(strict=True)
        assert store.count() == 2


def test_facts_are_read_once_when_they_are_asked_for(store: Store) -> None:
    store.put(A + B)
    state = store.cache.state(strict=False)
    store.cache.pems(state)
    assert list(store.run_folder.rglob("*.certificates.json")) == []
    certificates = store.cache.certificates(state)
    assert [certificate["subject"] for certificate in certificates] == ["CN=Root 1", "CN=Root 2"]
    (file,) = store.run_folder.rglob("*.certificates.json")
    before = file.stat()
    assert store.cache.certificates(state) is certificates
    assert file.stat() == before


def test_a_bundle_keeps_its_content_when_the_roots_change(store: Store) -> None:
    store.put(A)
    bundle = Path(store.cache.bundle(store.cache.pems(store.cache.state(strict=False)))["path"])
    store.put(B)
    other = Path(store.cache.bundle(store.cache.pems(store.cache.refreshed_state(strict=False)))["path"])
    assert (bundle.read_bytes(), other.read_bytes()) == (A, B)
    assert store.run_folder in bundle.parents
    assert bundle.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damaged", DAMAGED_WITHIN.values(), ids=DAMAGED_WITHIN)
def test_a_bundle_lacks_what_openssl_would_refuse_all_of_it_for(store: Store, damaged: bytes) -> None:
    store.put(A + block("CERTIFICATE", damaged) + B)
    pems = store.cache.pems(store.cache.state(strict=True))
    assert len(pems) == 3
    bundle = store.cache.bundle(pems)
    assert Path(bundle["path"]).read_bytes() == A + B
    assert bundle["refused"] == [hashlib.sha256(damaged).hexdigest()]
    assert store.cache.bundle(pems) == bundle
    with pytest.raises(PkiError, match="OpenSSL can parse none of the certificates"):
        store.cache.bundle(pems[1:2])


def test_mozillas_set_is_a_source(tmp_path: Path) -> None:
    cache = NativeRootsCache(tmp_path, "certifi", {"SSL_CERT_FILE": "/no/influence"})
    state = cache.state(strict=True)
    assert state["report"]["source"] == "certifi"
    assert state["report"]["variables"] == {}
    assert len(cache.pems(state)) > 80


def test_a_source_that_cannot_be_read_is_a_remembered_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "certifi", None)
    cache = NativeRootsCache(tmp_path, "certifi", {})
    with pytest.raises(PkiError, match="install the Python package certifi"):
        cache.state(strict=False)
    monkeypatch.undo()
    with pytest.raises(PkiError, match="install the Python package certifi"):
        cache.state(strict=False)
