# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines at the end of a run: counts, and a row for each host of which there is something to say."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._run.report import HostResults, run_report
from ansible_collections.anchorage.pki.plugins.plugin_utils._run.summary import MOST_ROWS, run_summary

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
UNCHANGED = HostResults({"changed": False}, {"changed": False})
TRUSTED = {
    "changed": True,
    "stores": [
        {"name": "debian", "state": "trusted", "changed": True},
        {"name": "java", "state": "trusted", "changed": False},
    ],
}
LEAF = {"name": "site", "action": "staple", "reason": "half of its lifetime is over", "changed": True}
KEPT = {"name": "other", "action": "none", "reason": "nothing is due", "changed": False}
RENEWED = {"changed": True, "certificates": [LEAF, KEPT]}


def lines(results: dict[str, HostResults], check_mode: bool = False) -> list[str]:
    return run_summary(run_report(results, [], NOW), check_mode)


def failed(message: Any) -> HostResults:
    return HostResults({"changed": False, "failed": True, "msg": message}, None)


def test_what_changed_of_the_other_root_of_a_rotation_is_said() -> None:
    further = {"subject": "CN=Next", "stores": TRUSTED["stores"]}
    host = HostResults({"changed": True, "stores": [], "further_anchors": [further]}, None)
    assert lines({"web1": host})[-1] == "web1  changed  -       debian, CN=Next: trusted"


def test_hosts_as_they_were_have_no_row() -> None:
    assert lines({f"web{number}": UNCHANGED for number in range(1000)}) == ["1000 hosts: 1000 unchanged."]
    assert lines({}) == ["0 hosts: nothing to report."]


def test_the_others_have_one_the_worst_first() -> None:
    gone = HostResults({"unreachable": True, "msg": "no route"}, None)
    results = {"a": HostResults(None, RENEWED), "b": UNCHANGED, "c": failed("no space"), "d": gone}
    assert lines({**results, "e": HostResults(TRUSTED, RENEWED)}) == [
        "5 hosts: 2 changed, 1 unchanged, 1 failed, 1 unreachable.",
        "",
        "HOST  TRUST        LEAVES   WHAT CHANGED, OR WHY IT FAILED",
        "d     unreachable  -        no route",
        "c     failed       -        no space",
        "a     -            changed  site: new staple, since half of its lifetime is over",
        "e     changed      changed  debian: trusted; site: new staple, since half of its lifetime is over",
    ]


def test_what_changed_before_a_failure_is_told_after_it() -> None:
    row = lines({"a": HostResults(TRUSTED, {**RENEWED, "failed": True, "msg": "no reload"})})[-1]
    assert row.endswith("no reload; debian: trusted; site: new staple, since half of its lifetime is over")


def test_check_mode_says_what_would_change() -> None:
    found = lines({"a": HostResults(TRUSTED, None), "b": UNCHANGED}, check_mode=True)
    assert found[0] == "2 hosts: 1 would change, 1 unchanged."
    assert found[-1] == "a     would change  -       debian: trusted"


def test_a_fleet_that_fails_does_not_fill_the_terminal() -> None:
    changed = {f"web{number}": HostResults(TRUSTED, None) for number in range(1000)}
    found = lines({**changed, "db1": failed("no space")})
    assert len(found) == 3 + MOST_ROWS + 1
    assert found[3].startswith("db1")
    assert found[-1] == f"and {1000 - MOST_ROWS + 1} more hosts: {1000 - MOST_ROWS + 1} changed"


def test_no_text_of_a_host_reaches_the_terminal_as_a_command() -> None:
    evil = "\x1b[2J\r\nhost9 ok\x9b1m\u202e\x07"
    hostile = {"name": evil, "state": evil, "changed": True}
    leaf = {"name": evil, "action": evil, "reason": evil, "changed": True}
    result = HostResults({"changed": True, "stores": [hostile]}, {"failed": True, "msg": evil, "certificates": [leaf]})
    found = lines({evil: result, "long": failed("x" * 5000), "none": failed(None), "list": failed([evil])})
    assert len(found) == 3 + 4
    assert all(line.isprintable() for line in found)
    assert max(map(len, found)) < 400
