# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of what other controllers exported, in a report: that each certificate is told, and whose it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.entries import Entry
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.export import fields_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.selection import Listed
from ansible_collections.anchorage.pki.plugins.plugin_utils._report.exports import exports_records, exports_table

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)
LEAF = Entry(
    *("ab" * 32, "a1b2c3", "leaf", "cd" * 32, LeafPlace("web1", "/etc/pki/anchorage", "app"), ("app.test",)),
    *("controller", NOW - DAY, NOW + 30 * DAY, "deployed", None, "", NOW + DAY),
)
ROOT = replace(LEAF, kind="root", status="signed", place=LeafPlace("", "", ""), staple_until=None)


def listed(entry: Entry, file: str = "berlin.jsonl", authority: str = "Berlin") -> Listed:
    return Listed(authority, entry, file)


@pytest.mark.parametrize(
    ("entry", "state", "is_settled"),
    [
        (LEAF, "deployed", True),
        (replace(LEAF, staple_until=None), "deployed", True),
        (replace(LEAF, staple_until=NOW), "expired", False),
        (replace(LEAF, not_after=NOW), "expired", False),
        (replace(LEAF, status="signed"), "signed", False),
        (replace(LEAF, status="signed", not_after=NOW), "ended", True),
        (replace(LEAF, status="superseded"), "superseded", True),
        (replace(LEAF, status="superseded", not_after=NOW), "ended", True),
        (replace(LEAF, status="revoked", not_after=NOW), "revoked", True),
        (ROOT, "of the authority", True),
        (replace(ROOT, kind="issuing", status="revoked"), "revoked", True),
        (replace(ROOT, kind="responder", not_after=NOW), "ended", True),
    ],
)
def test_the_state_of_each_is_told_and_what_to_do(entry: Entry, state: str, is_settled: bool) -> None:
    table = exports_table([listed(entry)], NOW)
    (row,) = (dict(zip(table.heading, row, strict=True)) for row in table.rows)
    (record,) = exports_records([listed(entry)], NOW)
    assert row["STATE"] == record["state"] == state
    assert row["WHAT TO DO"] == record["what_to_do"]
    assert (state in table.settled, record["what_to_do"] == "nothing") == (is_settled, is_settled)


def test_each_certificate_is_told_with_its_controller() -> None:
    every = [
        listed(LEAF),
        listed(LEAF, "lisbon.jsonl", "Lisbon"),
        listed(ROOT),
        listed(replace(LEAF, place=LeafPlace("web0", "/srv", "app")), "lisbon.jsonl", "Lisbon"),
    ]
    table = exports_table(every, NOW)
    assert [row[:3] for row in table.rows] == [
        ("", "root", "Berlin"),
        ("web1", "/etc/pki/anchorage/app", "Berlin"),
        ("web0", "/srv/app", "Lisbon"),
        ("web1", "/etc/pki/anchorage/app", "Lisbon"),
    ]
    assert [row[6] for row in table.rows] == ["berlin.jsonl"] * 2 + ["lisbon.jsonl"] * 2
    assert table.summary == (
        "4 certificates in 2 ledgers that other controllers exported, as they were then: 3 deployed, 1 of the "
        "authority."
    )


def test_programs_get_all_that_was_exported() -> None:
    long = listed(replace(LEAF, names=tuple(f"{number}.test" for number in range(200))))
    (record,) = exports_records([long], NOW)
    assert record == {"ledger": long.file, **fields_of(long), "state": "deployed", "what_to_do": "nothing"}
