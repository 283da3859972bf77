# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moments as numbers, as the standard library has them."""

from __future__ import annotations

import calendar
from datetime import datetime, timezone

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.moments import utc_seconds
from hypothesis import given
from hypothesis import strategies as st


@given(st.datetimes(min_value=datetime(1, 1, 1)))
def test_every_moment_is_that_of_the_standard_library(moment: datetime) -> None:
    expected = calendar.timegm(moment.replace(tzinfo=timezone.utc).utctimetuple())
    assert utc_seconds(*moment.timetuple()[:6]) == expected


@pytest.mark.parametrize(
    "moment",
    [
        (2025, 2, 29, 0, 0, 0),
        (2100, 2, 29, 0, 0, 0),
        (2025, 0, 1, 0, 0, 0),
        (2025, 13, 1, 0, 0, 0),
        (2025, 4, 31, 0, 0, 0),
        (2025, 1, 0, 0, 0, 0),
        (2025, 1, 1, 24, 0, 0),
        (2025, 1, 1, 0, 60, 0),
        (2025, 1, 1, 0, 0, 60),
    ],
)
def test_what_is_no_moment_is_refused(moment: tuple[int, int, int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="no such moment"):
        utc_seconds(*moment)
