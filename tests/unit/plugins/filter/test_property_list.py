# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the filter property_list: what it writes is read back as it was, and what cannot be written is refused."""

from __future__ import annotations

import plistlib
from typing import Any

import pytest
from ansible.errors import AnsibleTypeError
from ansible_collections.anchorage.pki.plugins.filter.property_list import FilterModule

AGENT = {"RunAtLoad": True, "Label": "internal.app", "Words": ["<&>", "50% \u00e4"], "At": {"Hour": 12, "Minute": 0}}


def test_what_is_written_is_read_back() -> None:
    assert plistlib.loads(FilterModule().filters()["property_list"](AGENT).encode()) == AGENT


def test_equal_values_give_equal_text() -> None:
    write = FilterModule().filters()["property_list"]
    assert write(AGENT) == write(dict(reversed(AGENT.items())))


@pytest.mark.parametrize("value", [None, [], "text", {"Label": None}, {1: "one"}, {"Number": 2**64}])
def test_what_no_property_list_can_hold_is_refused(value: Any) -> None:
    with pytest.raises(AnsibleTypeError, match="property_list"):
        FilterModule().filters()["property_list"](value)
