# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the state of a fleet as a value: which tables there are, and what programs read of them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.restores import Restore
from ansible_collections.anchorage.pki.plugins.plugin_utils._backup.results import pending_restore_result
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.selection import Listed
from ansible_collections.anchorage.pki.plugins.plugin_utils._report.fleet import HostLooks, fleet_report
from ansible_collections.anchorage.pki.tests.unit.plugins.plugin_utils._report.test_exports import (
    LEAF as LEAF_OF_ANOTHER,
)

NOW = datetime(2026, 11, 29, 12, tzinfo=timezone.utc)
STORE = {"name": "debian", "kind": "system", "state": "trusted", "read_by": "curl", "evidence": ["it is there"]}
ANCHOR = {"subject": "CN=Lab", "sha256": "ab", "not_after": "2036-01-01T00:00:00Z"}
LEAF = {"name": "app", "action": "none", "reason": "it is good", "not_after": "2027-01-01T00:00:00Z"}
HERE = HostLooks({"anchor": ANCHOR, "stores": [STORE]}, {"certificates": [LEAF]}, {"certificates": [], "others": []})
GONE = HostLooks({}, {}, {})


def document(looks: dict[str, HostLooks], authority: dict[str, Any] | None = None) -> dict[str, Any]:
    return fleet_report(looks, authority or {}, NOW).document


def test_every_table_is_a_list_of_records() -> None:
    read = document({"web1": HERE, "web2": GONE})
    assert (read["schema"], read["written"], read["authority"]) == (1, "2026-11-29T12:00:00Z", {})
    assert [(row["host"], row["state"]) for row in read["trust"]] == [("web1", "trusted"), ("web2", "unreachable")]
    assert read["leaves"][0] == {
        "host": "web1",
        "leaf": "app",
        "state": "deployed",
        "until": "2027-01-01T00:00:00Z",
        "staple_until": "",
        "what_to_do": "nothing",
    }
    assert read["leaves"][1]["state"] == "unreachable"
    assert "staples" not in read
    assert "revoked" not in read


def test_a_look_that_was_not_asked_for_has_no_table() -> None:
    assert "leaves" not in document({"web1": HERE._replace(leaves=None)})


def test_revoked_leaves_that_may_be_in_use_are_told() -> None:
    pending = [
        {"host": "web1", "path": "/etc/pki/anchorage/app", "good_until": "2026-12-01T00:00:00Z"},
        {"host": "web2", "path": "/etc/pki/anchorage/app", "good_until": None},
    ]
    read = document({"web1": HERE}, {"exists": True, "pending_hosts": pending})
    assert [(row["host"], row["good_until"]) for row in read["revoked"]] == [
        ("web1", "2026-12-01T00:00:00Z"),
        ("web2", ""),
    ]


def test_leaves_that_were_signed_for_requests_are_told_with_what_is_due() -> None:
    good = {"name": "printer", "names": ["printer.test"], "not_after": "2027-01-01T00:00:00Z", "due": None}
    due = {**good, "name": "switch", "due": "its issuer is revoked"}
    read = document({"web1": HERE}, {"exists": True, "requested": [good, due]})
    assert [(row["leaf"], row["state"], row["reason"]) for row in read["requested"]] == [
        ("printer", "signed", ""),
        ("switch", "due", "its issuer is revoked"),
    ]
    assert read["requested"][1]["what_to_do"].startswith("run the task requested_certificate")
    assert "requested" not in read["authority"]


def test_the_authority_is_told_without_what_only_tasks_need() -> None:
    found = {"exists": True, "folder": "/root/pki", "root": {"subject": "CN=Lab"}, "due": [], "warnings": ["ends soon"]}
    read = document({"web1": HERE}, found)
    assert read["authority"] == {"root": {"subject": "CN=Lab"}, "due": []}
    assert read["warnings"] == ["ends soon"]


def test_what_other_controllers_exported_is_told() -> None:
    leaf = Listed("Berlin", LEAF_OF_ANOTHER, "berlin.jsonl")
    read = fleet_report({"web1": HERE}, {}, NOW, [leaf]).document
    assert [(row["ledger"], row["authority"], row["host"]) for row in read["exported"]] == [
        ("berlin.jsonl", "Berlin", "web1")
    ]
    assert read["schema"] == 1
    assert "exported" not in document({"web1": HERE})


def test_a_restore_after_which_nothing_is_signed_is_told_with_the_way_out() -> None:
    pending = Restore(NOW, NOW, None)
    found = {"exists": True, **pending_restore_result(pending), "warnings": [str(pending)]}
    read = document({"web1": HERE}, found)
    assert read["authority"]["pending_restore"] == {
        "backed_up_at": "2026-11-29T12:00:00Z",
        "restored_at": "2026-11-29T12:00:00Z",
    }
    assert read["warnings"] == [str(pending)]
    assert "anchorage_restore_without_lists=true" in read["warnings"][0]


def test_a_missing_authority_is_a_warning() -> None:
    read = document({"web1": HERE}, {"exists": False, "msg": "There is no authority."})
    assert (read["authority"], read["warnings"]) == ({}, ["There is no authority."])


def test_control_characters_of_a_host_do_not_get_through() -> None:
    look = HERE._replace(trust={"unreachable": True, "msg": "\x1b[2Jgone\u202e"})
    assert document({"web1": look})["trust"][0]["what_to_do"] == " [2Jgone "
