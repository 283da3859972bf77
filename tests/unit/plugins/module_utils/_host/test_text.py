# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Foreign text on its way to a terminal."""

from __future__ import annotations

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.text import encodable, single_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words", "plain words"),
        ("Ålesund, 日本", "Ålesund, 日本"),
        ("two\nlines\r\tand a tab", "two lines  and a tab"),
        ("\x1b]0;title\x07", " ]0;title "),
        ("file-\udcff.pem", "file- .pem"),
        ("\u202egnp.exe", " gnp.exe"),
    ],
)
def test_is_one_line_of_text(text: str, shown: str) -> None:
    assert single_line(text, 100) == shown


def test_is_cut_off() -> None:
    assert single_line("a" * 100, 3) == "aaa"


def test_what_utf_8_cannot_express_is_escaped() -> None:
    assert encodable("Ålesund\ncaf\udce9") == "Ålesund\ncaf\\udce9"
