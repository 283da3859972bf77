# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a staple is to be renewed, or asked for again: times that its certificate decides."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.schedule import is_pause, renew_at, try_again_at
from hypothesis import given
from hypothesis import strategies as st

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
STAPLES = {
    "serial": st.integers(1, 2**159 - 1),
    "begin": st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(timezone.utc)),
    "days": st.integers(1, 400),
}


@given(**STAPLES)
def test_a_staple_is_due_at_half_of_its_validity_or_a_tenth_earlier_at_most(serial: int, begin, days: int) -> None:
    validity = timedelta(days=days)
    due = renew_at(serial, begin, begin + validity)
    assert begin + validity * 0.4 - SECOND < due <= begin + validity * 0.5


@given(**STAPLES)
def test_the_time_is_the_same_each_time_and_of_whole_seconds_as_it_is_stored(serial: int, begin, days: int) -> None:
    due = renew_at(serial, begin, begin + timedelta(days=days))
    assert due == renew_at(serial, begin, begin + timedelta(days=days))
    assert due == datetime.fromtimestamp(int(due.timestamp()), timezone.utc)


def test_the_staples_of_a_fleet_are_not_due_all_at_once(now: datetime) -> None:
    at_random = random.Random(7)
    first = at_random.getrandbits(159)
    for serials in ([at_random.getrandbits(159) for _number in range(100)], [first + 10 * n for n in range(100)]):
        due = [serial for serial in serials if renew_at(serial, now, now + 10 * DAY) <= now + 4.5 * DAY]
        assert 25 < len(due) < 75
    assert renew_at(999, now, now + 10 * DAY) == now + 4 * DAY
    assert renew_at(1000, now, now + 10 * DAY) == now + 5 * DAY


@pytest.mark.parametrize(
    ("failures", "minutes"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (8, 60), (2**31 - 1, 60), (0, 60)]
)
def test_pauses_double_up_to_an_hour_and_are_the_longest_where_no_attempt_helps(
    failures: int, minutes: int, now
) -> None:
    assert try_again_at(1000, failures, now) == now + minutes * MINUTE
    assert try_again_at(999, failures, now) == now + minutes * MINUTE * 1.1


@pytest.mark.parametrize(
    ("asked", "minutes"), [(timedelta(seconds=30), 1), (5 * MINUTE, 5), (DAY, 24 * 60), (400 * DAY, 24 * 60)]
)
def test_a_responder_may_ask_for_a_longer_pause_up_to_a_day(asked: timedelta, minutes: int, now: datetime) -> None:
    assert try_again_at(1000, 1, now, asked) == now + minutes * MINUTE


@given(serial=st.integers(1, 2**159 - 1), failures=st.integers(0, 100), asked=st.timedeltas(timedelta(0), 100 * DAY))
def test_whatever_pause_is_made_is_known_as_one(serial: int, failures: int, asked: timedelta) -> None:
    now = datetime(2026, 6, 1, tzinfo=timezone.utc)
    until = try_again_at(serial, failures, now, asked)
    assert is_pause(now, until)
    assert not is_pause(until, until)


def test_a_pause_by_a_clock_that_was_ahead_is_none(now: datetime) -> None:
    assert is_pause(now, now + DAY)
    assert not is_pause(now, now + 2 * DAY)
