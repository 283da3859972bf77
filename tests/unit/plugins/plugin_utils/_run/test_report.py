# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of each host, from the results of its tasks and Ansible's own account of who was lost."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._run.report import (
    ELSEWHERE,
    SCHEMA,
    HostResults,
    run_report,
    unfinished_report,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
UNCHANGED = {"changed": False, "stores": [], "further_anchors": [], "diff": {"before": "x"}}
SKIPPED = {"changed": False, "skipped": True, "skip_reason": "Conditional result was False"}
PARTLY = {"changed": True, "failed": True, "msg": "no reload", "certificates": [{"name": "site"}], "exception": "x"}


def one(trust: Any, leaves: Any, lost: bool = False) -> Any:
    """What is said of a single host."""
    report = run_report({"web": HostResults(trust, leaves)}, ["web"] if lost else [], NOW)
    return report["hosts"].get("web")


@pytest.mark.parametrize(
    ("trust", "leaves", "outcome"),
    [
        (UNCHANGED, None, "unchanged"),
        (None, UNCHANGED, "unchanged"),
        (UNCHANGED, {"changed": True}, "changed"),
        ({"changed": True}, PARTLY, "failed"),
        ({"unreachable": True, "changed": False, "msg": "gone"}, None, "unreachable"),
        ({"changed": True}, {"unreachable": True, "msg": "gone"}, "unreachable"),
    ],
)
def test_a_host_is_what_the_worst_of_its_parts_is(trust: Any, leaves: Any, outcome: str) -> None:
    host = one(trust, leaves, lost=outcome in ("failed", "unreachable"))
    assert (host["outcome"], host["message"]) == (outcome, None)


def test_a_part_has_what_the_task_returned_and_nothing_of_ansible() -> None:
    host = one(UNCHANGED, PARTLY, lost=True)
    assert host["trust"] == {"outcome": "unchanged", "message": None, "stores": [], "further_anchors": []}
    assert host["leaves"] == {"outcome": "failed", "message": "no reload", "certificates": [{"name": "site"}]}


@pytest.mark.parametrize("nothing", [None, {}, SKIPPED])
def test_a_host_with_which_nothing_was_done_is_not_in_it(nothing: Any) -> None:
    assert one(nothing, nothing) is None
    assert one(UNCHANGED, nothing)["leaves"] is None


@pytest.mark.parametrize("trust", [None, UNCHANGED])
def test_a_host_that_was_lost_in_another_task_has_failed(trust: Any) -> None:
    host = one(trust, None, lost=True)
    assert (host["outcome"], host["message"], host["leaves"]) == ("failed", ELSEWHERE, None)


def test_the_report_counts_its_hosts_and_says_when_it_was_written() -> None:
    results = {"b": HostResults(UNCHANGED, None), "a": HostResults(None, PARTLY), "c": HostResults(None, None)}
    report = run_report(results, ["a"], NOW)
    assert (report["schema"], report["complete"], report["written"]) == (SCHEMA, True, "2026-01-02T03:04:05Z")
    assert report["counts"] == {"unreachable": 0, "failed": 1, "changed": 0, "unchanged": 1}
    assert list(report["hosts"]) == ["b", "a"]


def test_a_report_that_was_begun_has_the_same_fields_and_no_host() -> None:
    begun, ended = unfinished_report(NOW), run_report({}, [], NOW)
    assert {**begun, "complete": True} == ended
    assert (begun["complete"], begun["hosts"]) == (False, {})
