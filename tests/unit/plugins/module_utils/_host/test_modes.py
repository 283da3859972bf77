# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modes as people write them."""

from __future__ import annotations

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.modes import private_key_mode


@pytest.mark.parametrize(
    ("written", "mode"),
    [
        ("0600", 0o600),
        ("640", 0o640),
        ("0o440", 0o440),
        (0o640, 0o640),
        ("u=rw,g=r", 0o640),
        ("g+r", 0o640),
        ("g+rw,u-w", 0o460),
        ("a=", 0o000),
        ("u=r,go=", 0o400),
        ("ug=r", 0o440),
    ],
)
def test_modes(written: str | int, mode: int) -> None:
    assert private_key_mode(written) == mode


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("0644", "let every user"),
        ("0601", "let every user"),
        ("o+r", "let every user"),
        ("+r", "let every user"),
        ("a=r", "let every user"),
        (640, "in quotes"),
        ("4600", "in quotes"),
        (-1, "in quotes"),
        ("u=s", "is not a mode"),
        ("rw", "is not a mode"),
        ("", "is not a mode"),
        ("u=rw,", "is not a mode"),
        ("0680", "is not a mode"),
    ],
)
def test_modes_that_cannot_be(written: str | int, message: str) -> None:
    with pytest.raises(HostError, match=message):
        private_key_mode(written)
