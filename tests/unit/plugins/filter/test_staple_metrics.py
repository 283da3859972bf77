# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the filter staple_metrics: what it refuses. The playbook refresh_staples uses it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleTypeError
from ansible_collections.anchorage.pki.plugins.filter.staple_metrics import FilterModule

LEDGER: dict[str, Any] = {"places": [], "due_staples": [], "responder": {"not_after": "2026-12-28T00:00:00Z"}}


@pytest.mark.parametrize("ledger", [None, [], {}, {name: [] for name in LEDGER if name != "places"}])
def test_what_is_no_whole_result_of_the_ledger_is_refused(ledger: Any) -> None:
    with pytest.raises(AnsibleTypeError, match="the result of certificate_authority_info with places=all and due="):
        FilterModule().filters()["staple_metrics"](ledger, [], {})


@pytest.mark.parametrize("results", [None, [], {"host": None}])
def test_what_is_no_dictionary_of_results_is_refused(results: Any) -> None:
    with pytest.raises(AnsibleTypeError, match="staple_metrics takes a dictionary of results"):
        FilterModule().filters()["staple_metrics"](LEDGER, [], results)


@pytest.mark.parametrize("foreign", [["host"], {"host": None}])
def test_what_is_no_dictionary_of_foreign_results_is_refused(foreign: Any) -> None:
    with pytest.raises(AnsibleTypeError, match="staple_metrics takes a dictionary of results"):
        FilterModule().filters()["staple_metrics"](LEDGER, [], {}, foreign=foreign)


def test_there_need_not_be_an_authority() -> None:
    assert FilterModule().filters()["staple_metrics"]({"exists": False}, [], {}) == ""
