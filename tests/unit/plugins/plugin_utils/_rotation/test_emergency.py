# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An emergency that is killed at each of its steps, and runs that come at once: in it, and where hosts lose a root."""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Callable
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import LOCK, Authority, Standing
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import COMPROMISED, State
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.transaction import RotationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import exclusive_lock
from ansible_collections.anchorage.pki.tests.unit.interruptions import killed_at
from ansible_collections.anchorage.pki.tests.unit.rotations import follow, rotated

OPEN = Passphrases()
WAY = [State.PLANNED, State.MADE, State.SWITCHING, State.PURGING, State.DONE]


def act(folder: Path, now: datetime, step: Callable[[RotationTransaction], Any]) -> Any:
    """What a task does: under the folder's lock, with the keys removed that nothing needs any more."""
    with exclusive_lock(folder / LOCK), open_ledger(folder / "ledger.sqlite3") as ledger:
        transaction = RotationTransaction(folder, ledger, ("web1",), now)
        done = step(transaction)
        transaction.clean_up([])
        return done


def begin(folder: Path, now: datetime) -> Any:
    return act(folder, now, lambda transaction: transaction.begin(COMPROMISED, OPEN))


def advance(folder: Path, now: datetime) -> State | None:
    state: State | None = act(folder, now, lambda transaction: transaction.advance(OPEN))
    return state


def state_of(folder: Path) -> State | None:
    with open_ledger(folder / "ledger.sqlite3", read_only=True) as ledger:
        return next((rotation.state for rotation in reversed(ledger.rotations.all())), None)


def in_an_emergency(authority: Authority, state: State, now: datetime) -> Path:
    """The folder of an authority with one in that state, whose host has followed as far as it can."""
    begin(authority.folder, now)
    while state_of(authority.folder) is not state:
        advance(authority.folder, now)
        if state_of(authority.folder) is not State.PLANNED:
            follow(authority, now)
    return authority.folder


def test_a_beginning_that_is_killed_has_begun_or_not(own_authority: Authority, now: datetime, tmp_path: Path) -> None:
    for number in count(1):
        folder = Path(shutil.copytree(own_authority.folder, tmp_path / str(number)))
        killed = killed_at(number, partial(begin, folder, now))
        assert state_of(folder) in (None, State.PLANNED)
        begin(folder, now)
        with open_ledger(folder / "ledger.sqlite3", read_only=True) as ledger:
            (rotation,) = ledger.rotations.all()
        assert (rotation.state, rotation.is_emergency) == (State.PLANNED, True)
        if not killed:
            break
    assert number > 1


@pytest.mark.parametrize("state", WAY[:-1])
def test_a_step_that_is_killed_is_taken_by_the_next_run(
    own_authority: Authority, now: datetime, tmp_path: Path, state: State
) -> None:
    prepared = in_an_emergency(own_authority, state, now)
    following = WAY[WAY.index(state) + 1]
    for number in count(1):
        folder = Path(shutil.copytree(prepared, tmp_path / str(number)))
        killed = killed_at(number, partial(advance, folder, now))
        assert state_of(folder) in (state, following)
        # Whatever was cut off, hosts are told of one root, or of one that is to go, and nobody vouches for the new one.
        assert len(read_authority(folder).anchors()) == 1
        if state_of(folder) is state:
            assert advance(folder, now) is following
        else:
            act(folder, now, lambda transaction: None)
        ended = read_authority(folder)
        assert [root.number for root in ended.roots] == [1, 2]
        assert [epoch.cross for epoch in ended.epochs] == [None, None]
        assert (folder / "root" / "1" / "key.pem").exists() == (following is not State.DONE)
        assert not killed or number < 200
        if not killed:
            break
    standings = {State.MADE: Standing.ACTIVE, State.SWITCHING: Standing.LEAVING, State.PURGING: Standing.LEAVING}
    assert ended.epochs[0].standing is standings.get(following, Standing.RETIRED)


def _take_a_step(folder: Path, now: datetime, is_locked: bool, answers: Any) -> None:
    if is_locked:
        state = advance(folder, now)
    else:  # the ledger alone keeps them from one another
        with open_ledger(folder / "ledger.sqlite3") as ledger:
            state = RotationTransaction(folder, ledger, ("web1",), now).advance(OPEN)
    answers.put(state.value if state else "")


def at_once(folder: Path, now: datetime, is_locked: bool = False) -> list[str]:
    """The states that ten runs come into which begin at the same time."""
    fork = multiprocessing.get_context("fork")
    answers = fork.SimpleQueue()
    runs = [fork.Process(target=_take_a_step, args=(folder, now, is_locked, answers)) for _run in range(10)]
    for run in runs:
        run.start()
    told = sorted(answers.get() for _run in runs)
    for run in runs:
        run.join()
    return told


def test_of_many_runs_in_an_emergency_each_step_is_taken_by_one(own_authority: Authority, now: datetime) -> None:
    folder = in_an_emergency(own_authority, State.MADE, now)
    follow(own_authority, now)
    assert at_once(folder, now) == [""] * 7 + ["done", "purging", "switching"]


def test_of_many_runs_one_makes_the_new_root(own_authority: Authority, now: datetime) -> None:
    begin(own_authority.folder, now)
    # The host has not shown anything yet.
    assert at_once(own_authority.folder, now, is_locked=True) == [""] * 7 + ["made", "purging", "switching"]
    assert [root.number for root in read_authority(own_authority.folder).roots] == [1, 2]


@pytest.mark.parametrize("is_locked", [False, True])
def test_of_many_runs_that_purge_one_ends_it(own_authority: Authority, now: datetime, is_locked: bool) -> None:
    folder = rotated(own_authority, State.PURGING, now).folder
    assert at_once(folder, now, is_locked) == [""] * 10
    follow(own_authority, now)
    assert at_once(folder, now, is_locked) == [""] * 9 + ["done"]
    if is_locked:  # as a task holds it, which removes the key then
        assert not os.path.exists(folder / "root" / "1" / "key.pem")
