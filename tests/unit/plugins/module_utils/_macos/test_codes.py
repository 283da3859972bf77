# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of codes: each status has a name, a message and advice, and few are worth another attempt."""

from __future__ import annotations

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._macos.codes import attempts_for, describe

KNOWN = [
    *(-36, -50, -61, -128, -2070, -25262, -25263, -25291, -25293, -25294, -25299, -25300, -25308, -25317, -26276),
    *(-25318, -67602, -67609, -67818, -67819, -67820, -67843, -67901),
    *(-60005, -60006, -60007, -60008),
]


@pytest.mark.parametrize("code", KNOWN)
def test_a_known_status_is_explained(code: int) -> None:
    status = describe(code)
    assert status.code == code
    assert status.name.startswith(("err", "io"))
    assert status.message
    assert status.advice.endswith(".")
    assert status.sentence == f"{status.message} ({status.name}, {code}). {status.advice}"


@pytest.mark.parametrize(
    ("code", "name", "message"),
    [
        (100004, "EINTR", "could not do it at the moment"),
        (100060, "ETIMEDOUT", "could not do it at the moment"),
        (100013, "errno 13", "Permission denied"),
        (13, "errno 13", "Permission denied"),
        (35, "EAGAIN", "could not do it at the moment"),
    ],
)
def test_errors_of_the_system_are_told_as_such(code: int, name: str, message: str) -> None:
    status = describe(code)
    assert (status.code, status.name) == (code, name)
    assert message in status.message


@pytest.mark.parametrize("code", [-1, -99999, 107, 200000])
def test_an_unknown_status_keeps_its_number(code: int) -> None:
    status = describe(code)
    assert status.code == code
    assert str(code) in status.sentence
    assert status.advice


def test_the_message_of_apple_is_preferred_where_it_says_something() -> None:
    assert describe(-25300, "The specified item could not be found in the keychain.").message == (
        "The specified item could not be found in the keychain"
    )
    assert describe(-25300, "OSStatus -25300").message == describe(-25300).message


@pytest.mark.parametrize(
    ("code", "attempts"),
    [
        *((code, 4) for code in (-36, -25291, 100004, 100016, 100035, 100060)),
        (-26276, 2),
        *((code, 1) for code in (-50, -61, -128, -25262, -25293, -25308, -25317, -60005, -60007, -2070, 100002, 4, -1)),
    ],
)
def test_only_what_may_pass_is_worth_another_attempt(code: int, attempts: int) -> None:
    assert attempts_for(code) == attempts
