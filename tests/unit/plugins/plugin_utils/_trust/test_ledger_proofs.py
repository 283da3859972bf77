# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host's answer proves of roots that were to go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import ABSENT, PENDING, TRUSTED
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.macos_session import store_name
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.ledger_proofs import (
    enter_proofs,
    proofs_of,
    seen_kinds,
)

NEW, OLD = "2" * 64, "1" * 64
KINDS = ("system", "java")
JVM = "/usr/lib/jvm/17"


def answer(root: str, system: str, java: str) -> dict[str, Any]:
    """The result of trust_anchor for a host with two stores, in these states."""
    return {"anchor": {"sha256": root}, "stores": [store("system", "Debian", system), store("java", JVM, java)]}


def store(kind: str, name: str, state: str, read_by: str = "programs") -> dict[str, Any]:
    """What became of an anchor in a store. Where the stores of a kind could not be looked for, nobody reads it."""
    return {"kind": kind, "name": name, "read_by": read_by, "state": state, "evidence": []}


def states(folder: Path, root: str, now: datetime, *answers: tuple[Mapping[str, Any], list[str]]) -> dict[str, str]:
    """What the ledger has of a root in the stores of a host, after these answers with the roots that were to go."""
    path = folder / "ledger.sqlite3"
    with open_ledger(path, create=True):
        pass
    for result, superseded in answers:
        assert enter_proofs(path, "web1", proofs_of(result, superseded), KINDS, now) == []
    with open_ledger(path) as ledger:
        return {seen.store.partition(":")[0]: seen.state for seen in ledger.proofs.of_root(root)}


def test_a_root_is_gone_from_each_store_that_has_the_new_one(tmp_path: Path, now: datetime) -> None:
    trusted, purged = answer(OLD, TRUSTED, TRUSTED), answer(NEW, TRUSTED, TRUSTED)
    assert states(tmp_path, OLD, now, (trusted, []), (purged, [OLD])) == {"system": ABSENT, "java": ABSENT}


def test_a_root_that_goes_with_the_next_boot_is_there_until_a_run_sees_it_gone(tmp_path: Path, now: datetime) -> None:
    trusted, waiting = answer(OLD, TRUSTED, TRUSTED), (answer(NEW, PENDING, TRUSTED), [OLD])
    assert states(tmp_path, OLD, now, (trusted, []), waiting) == {"system": PENDING, "java": ABSENT}
    booted = (answer(NEW, TRUSTED, TRUSTED), [OLD])
    assert states(tmp_path, OLD, now, waiting, booted) == {"system": ABSENT, "java": ABSENT}


def test_stores_that_cannot_be_looked_for_are_a_failure_for_each_root(tmp_path: Path, now: datetime) -> None:
    path, system, jvm = tmp_path / "ledger.sqlite3", store("system", "Debian", TRUSTED), store("java", JVM, TRUSTED)

    def show(*java: dict[str, Any], of_new: Sequence[dict[str, Any]] = ()) -> dict[str, str]:
        further = [{"sha256": NEW, "stores": [system, *of_new]}]
        result = {"anchor": {"sha256": OLD}, "stores": [system, *java], "further_anchors": further}
        kinds = seen_kinds(result, KINDS, as_root=True)
        assert enter_proofs(path, "web1", proofs_of(result), kinds, now) == []
        with open_ledger(path) as ledger:
            shown = [{seen.store: seen.state for seen in ledger.proofs.of_root(root)} for root in (OLD, NEW)]
        assert shown[0] == shown[1]
        return shown[1]

    with open_ledger(path, create=True):
        pass
    everywhere = {"system:Debian": TRUSTED, f"java:{JVM}": TRUSTED}
    assert show(jvm, of_new=[jvm]) == everywhere
    assert show(store("java", "java", "failed", "")) == {**everywhere, "java:java": "failed"}
    assert show(jvm, of_new=[jvm]) == everywhere


def test_who_is_not_root_takes_no_store_of_a_mac_for_gone() -> None:
    mac, own, linux = ({"stores": [store("system", name, TRUSTED)]} for name in ("macos", "macos of me", "debian"))
    assert seen_kinds(mac, KINDS, as_root=False) == seen_kinds(own, KINDS, as_root=False) == set()
    assert seen_kinds(mac, KINDS, as_root=True) == set(KINDS)
    unfound = {"stores": [store("system", "system", "failed", "")]}
    assert (seen_kinds(unfound, KINDS, as_root=False), seen_kinds(unfound, KINDS, as_root=True)) == (set(), {"java"})
    assert seen_kinds(linux, KINDS, as_root=False) == set(KINDS)  # where root has logged in


def test_who_is_not_root_takes_no_database_of_others_for_gone() -> None:
    own = {"stores": [store("nss", "/home/alice/.pki/nssdb", TRUSTED)]}
    assert seen_kinds(own, ("nss",), as_root=False) == set()
    assert seen_kinds(own, ("nss",), as_root=True) == {"nss"}


def test_what_root_and_the_users_of_a_mac_trust_is_told_apart(tmp_path: Path, now: datetime) -> None:
    """None of them sees what the others do: it is there until its own user shows that it is gone."""
    path, names = tmp_path / "ledger.sqlite3", [store_name(uid) for uid in (0, 2**31 - 2, 2**31 - 3)]

    def show(uid: int, state: str, leaving: Sequence[str] = ()) -> dict[str, str]:
        result = {"anchor": {"sha256": OLD}, "stores": [store("system", names[uid], state)]}
        kinds = seen_kinds(result, KINDS, as_root=uid == 0)
        assert enter_proofs(path, "mac", proofs_of(result), kinds, now, leaving) == []
        with open_ledger(path) as ledger:
            return {seen.store.partition(":")[2]: seen.state for seen in ledger.proofs.of_root(OLD)}

    with open_ledger(path, create=True):
        pass
    for uid in (0, 1, 2):
        show(uid, TRUSTED)
    assert show(0, ABSENT) == {names[0]: ABSENT, names[1]: TRUSTED, names[2]: TRUSTED}
    assert show(1, ABSENT, [OLD]) == {names[0]: ABSENT, names[1]: ABSENT, names[2]: TRUSTED}
    assert show(2, ABSENT) == dict.fromkeys(names, ABSENT)


@pytest.mark.parametrize("state", ["failed", "needs_user", "blocked", "unavailable", "stale"])
def test_a_store_that_could_not_be_purged_proves_nothing(tmp_path: Path, now: datetime, state: str) -> None:
    trusted, purged = answer(OLD, TRUSTED, TRUSTED), answer(NEW, TRUSTED, state)
    assert states(tmp_path, OLD, now, (trusted, []), (purged, [OLD])) == {"system": ABSENT, "java": state}


def test_a_run_that_purges_nothing_says_nothing_of_the_old_root(tmp_path: Path, now: datetime) -> None:
    trusted, kept = answer(OLD, TRUSTED, TRUSTED), answer(NEW, TRUSTED, TRUSTED)
    assert states(tmp_path, OLD, now, (trusted, []), (kept, [])) == {"system": TRUSTED, "java": TRUSTED}
