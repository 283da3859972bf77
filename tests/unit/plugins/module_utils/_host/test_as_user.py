# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of work in another user's files."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.accounts import Account
from ansible_collections.anchorage.pki.plugins.module_utils._host.as_user import TimeBudget, call_as
from ansible_collections.anchorage.pki.plugins.module_utils._host.child import call_within
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError, UserNeeded
from ansible_collections.anchorage.pki.tests.unit.scratch_people import ScratchPeople

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
NOBODY_YET = Account("nobody-yet", 23456, 23457, "/")


def whoami() -> list[object]:
    return [os.getresuid(), os.getresgid(), os.getgroups(), os.getcwd(), os.umask(0)]


def fail(error: Exception) -> None:
    raise error


def stop_oneself() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


@needs_root
def test_the_work_is_done_as_the_user_for_good() -> None:
    assert call_as(NOBODY_YET, whoami) == [[23456] * 3, [23457] * 3, [23457], "/", 0o077]


@needs_root
def test_root_stays_what_it_was() -> None:
    before = [os.getresuid(), os.getresgid(), os.getgroups(), os.getcwd()]
    call_as(NOBODY_YET, whoami)
    assert [os.getresuid(), os.getresgid(), os.getgroups(), os.getcwd()] == before


@needs_root
def test_what_the_user_cannot_read_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("root's")
    secret.chmod(0o600)
    with pytest.raises(HostError, match=f"{secret} cannot be read or changed: Permission denied"):
        call_as(NOBODY_YET, secret.read_text)


@needs_root
def test_files_made_are_the_users(people: ScratchPeople) -> None:
    path = Path(people.alice.home, "new")
    call_as(people.alice, path.write_text, "x")
    assert (path.stat().st_uid, path.stat().st_gid, path.stat().st_mode & 0o777) == (23456, 23456, 0o600)


@pytest.mark.parametrize("kind", [HostError, UserNeeded])
def test_refusals_come_back_as_they_are(people: ScratchPeople, kind: type[HostError]) -> None:
    with pytest.raises(HostError, match="for a reason") as caught:
        call_as(people.alice, fail, kind("for a reason"))
    assert caught.type is kind


@needs_root
def test_a_large_answer_comes_whole() -> None:
    assert call_as(NOBODY_YET, str, "ä" * 1_000_000) == "ä" * 1_000_000


@needs_root
@pytest.mark.parametrize("function", [stop_oneself, lambda: time.sleep(60)], ids=["stopped", "endless"])
def test_no_answer_in_time_is_reported_and_the_child_is_ended(function: Callable[[], None]) -> None:
    with pytest.raises(HostError, match="Work in the files of nobody-yet did not complete in time"):
        call_as(NOBODY_YET, function, timeout=0.3)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@needs_root
def test_all_the_time_that_is_lost_on_a_user_counts_together() -> None:
    """A refusal that comes late is lost time, too. For other users there is still all of the time."""
    budget = TimeBudget(limit=0.6, least=0.2)
    for function in (refuse_late, stop_oneself):
        with pytest.raises(HostError):
            call_as(NOBODY_YET, function, timeout=0.4, budget=budget)
    with pytest.raises(HostError, match="did not complete in time"):
        call_as(NOBODY_YET, refuse_late, timeout=0.4, budget=budget)
    with pytest.raises(HostError, match="at last"):
        call_as(replace(NOBODY_YET, uid=23458), refuse_late, timeout=0.4, budget=budget)
    assert call_as(NOBODY_YET, list, budget=budget) == []


def refuse_late() -> None:
    time.sleep(0.3)
    raise HostError("at last")


@needs_root
def test_a_look_in_time_stays_ones_own() -> None:
    assert call_within(5, os.getuid) == 0
    with pytest.raises(HostError, match=r"There was no answer within 0\.3 seconds\."):
        call_within(0.3, stop_oneself)
    with pytest.raises(HostError, match="for a reason"):
        call_within(5, fail, HostError("for a reason"))


@needs_root
def test_a_child_that_its_user_kills_is_told() -> None:
    with pytest.raises(HostError, match="or was ended by that user"):
        call_as(NOBODY_YET, lambda: os.kill(os.getpid(), signal.SIGKILL))


@needs_root
def test_the_user_has_no_way_into_the_child() -> None:
    """Its memory is a copy of root's. See ptrace(2): what gave up root's rights is not dumpable."""
    assert call_as(NOBODY_YET, lambda: os.stat("/proc/self/mem").st_uid) == 0


@needs_root
def test_an_error_in_the_code_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(HostError):
        call_as(NOBODY_YET, fail, ZeroDivisionError("a mistake"))
    assert "ZeroDivisionError: a mistake" in capfd.readouterr().err
