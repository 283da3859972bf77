# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger's record of who trusts what."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger, open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proofs import Proof, Seen
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.ledger_proofs import enter_proofs

HOUR = timedelta(hours=1)
ROOT, OTHER_ROOT = "1" * 64, "2" * 64
SYSTEM = Proof(ROOT, "system", "debian", "trusted", "a" * 64)
NSS = Proof(ROOT, "nss", "/home/alice/.pki/nssdb", "trusted", "b" * 64)
KINDS = ("system", "nss")


@pytest.fixture
def ledger(either_path: Path) -> Iterator[Ledger]:
    with open_ledger(either_path, create=True) as ledger:
        yield ledger


def enter(
    ledger: Ledger,
    proofs: list[Proof],
    now: datetime,
    kinds: tuple[str, ...] = KINDS,
    host: str = "web1",
    leaving: tuple[str, ...] = (),
) -> bool:
    """Whether anything was entered."""
    difference = ledger.proofs.difference(host, proofs, kinds, now, leaving)
    with ledger.transaction():
        ledger.proofs.enter(host, difference, now)
    return bool(difference)


def test_what_a_host_showed_is_kept_by_store(ledger: Ledger, now: datetime) -> None:
    assert enter(ledger, [SYSTEM, NSS], now)
    enter(ledger, [replace(SYSTEM, state="pending")], now + HOUR, host="web0")
    enter(ledger, [replace(SYSTEM, root_sha256=OTHER_ROOT)], now)
    assert ledger.proofs.of_root(ROOT) == [
        Seen("web0", "system:debian", "pending", now + HOUR),
        Seen("web1", "nss:/home/alice/.pki/nssdb", "trusted", now),
        Seen("web1", "system:debian", "trusted", now),
    ]


@pytest.mark.parametrize(
    ("again", "later", "entered"),
    [
        (SYSTEM, HOUR, False),
        (SYSTEM, 23 * HOUR, False),
        (SYSTEM, 24 * HOUR, True),
        (SYSTEM, -HOUR, True),  # the first one was entered by a clock that was ahead
        (replace(SYSTEM, state="failed"), HOUR, True),
        (replace(SYSTEM, evidence_sha256="c" * 64), HOUR, True),
    ],
)
def test_the_same_is_entered_once_a_day(
    ledger: Ledger, now: datetime, again: Proof, later: timedelta, entered: bool
) -> None:
    enter(ledger, [SYSTEM], now)
    assert enter(ledger, [again], now + later) == entered
    assert ledger.proofs.of_root(ROOT) == [Seen("web1", "system:debian", again.state, now + later if entered else now)]


def test_a_store_that_is_gone_proves_nothing_any_more(ledger: Ledger, now: datetime) -> None:
    enter(ledger, [SYSTEM, NSS], now)
    enter(ledger, [SYSTEM, NSS], now, host="web2")
    assert not enter(ledger, [SYSTEM], now, ("system",))  # nobody asked for the other one
    assert enter(ledger, [SYSTEM], now)
    assert [(seen.host, seen.store.partition(":")[0]) for seen in ledger.proofs.of_root(ROOT)] == [
        ("web1", "system"),
        ("web2", "nss"),
        ("web2", "system"),
    ]


@pytest.mark.parametrize(
    ("kind", "name", "state", "stays"),
    [
        ("nss", "/home/alice/.pki/nssdb", "trusted", True),  # her home may be mounted again
        ("nss", "/home/alice/.pki/nssdb", "pending", True),
        ("nss", "/home/alice/.pki/nssdb", "absent", False),
        ("nss", "nss", "failed", False),  # the stores could not be looked for, and now they can
    ],
)
def test_a_root_that_is_to_go_stays_in_a_store_that_is_not_seen(
    ledger: Ledger, now: datetime, kind: str, name: str, state: str, stays: bool
) -> None:
    enter(ledger, [SYSTEM, replace(NSS, kind=kind, name=name, state=state)], now)
    assert enter(ledger, [replace(SYSTEM, state="absent")], now + HOUR, leaving=(ROOT,))
    unseen = [Seen("web1", f"{kind}:{name}", state, now)] if stays else []
    assert ledger.proofs.of_root(ROOT) == [*unseen, Seen("web1", "system:debian", "absent", now + HOUR)]
    enter(ledger, [replace(SYSTEM, state="absent"), replace(NSS, state="absent")], now + HOUR, leaving=(ROOT,))
    assert {seen.state for seen in ledger.proofs.of_root(ROOT)} == {"absent"}


def _prove(path: Path, host: str, now: datetime) -> None:
    for hours in range(20):
        if enter_proofs(path, host, [SYSTEM, NSS], KINDS, now + hours * 30 * HOUR):
            raise SystemExit(1)


def test_fifty_processes_enter_what_their_hosts_showed(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "ledger.sqlite3"
    with open_ledger(path, create=True):
        pass
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=_prove, args=(path, f"web{number}", now)) for number in range(50)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    # None of them was warned that the database is locked.
    assert [writer.exitcode for writer in writers] == [0] * 50
    with open_ledger(path) as ledger:
        seen = ledger.proofs.of_root(ROOT)
    assert len(seen) == 100
    assert {each.seen_at for each in seen} == {now + 19 * 30 * HOUR}
