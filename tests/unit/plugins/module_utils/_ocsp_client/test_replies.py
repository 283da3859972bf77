# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server says about when to come back."""

from __future__ import annotations

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.messages import LONGEST_WAIT
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.replies import seconds_of
from hypothesis import example, given
from hypothesis import strategies as st

#: 2026-06-01 12:00:00 UTC, a Monday.
NOW = 1780315200.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("000007", 7),
        ("86400", LONGEST_WAIT),
        ("86401", LONGEST_WAIT),
        ("9" * 10_000, LONGEST_WAIT),
        ("Mon, 01 Jun 2026 12:01:30 GMT", 90),
        ("Monday, 01-Jun-26 12:01:30 GMT", 90),
        ("Mon, 01 Jun 2026 11:00:00 GMT", 0),
        ("Mon, 01 Jun 2099 12:00:00 GMT", LONGEST_WAIT),
        ("", 0),
        ("-5", 0),
        ("1.5", 0),
        ("\u0663", 0),
        ("soon", 0),
        ("Mon, 99 Jun 2026 99:99:99 GMT", LONGEST_WAIT),
    ],
)
def test_a_wait_is_in_seconds_or_until_a_date(header: str, seconds: int) -> None:
    assert seconds_of(header, lambda: NOW) == seconds


@given(st.text(st.characters(max_codepoint=255)) | st.from_regex(r"\A[0-9a-zA-Z:, +-]*\Z"))
@example("Mon, 01 Jun 99999999999 12:00:00 GMT")
@example("Mon, 01 Jun 2026 12:00:00 +99999999999999999999")
def test_any_header_is_a_wait(header: str) -> None:
    assert 0 <= seconds_of(header.strip(), lambda: NOW) <= LONGEST_WAIT
