# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A ledger as a file, and files of other controllers, which are data whatever is in them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.export import exported, fields_of, merged
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.selection import Listed
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.table import ledger_lines
from ansible_collections.anchorage.pki.tests.unit.plugins.plugin_utils._ledger.test_selection import ENTRIES, LEAF, NOW

EVERY = [Listed("Corp", replace(entry, revoked_at=NOW, staple_until=NOW)) for entry in ENTRIES.values()]


def test_json_lines_are_read_as_they_were_written() -> None:
    content = exported(EVERY, "jsonl").encode()
    rows = [json.loads(line) for line in content.splitlines()]
    assert {row["schema"] for row in rows} == {1}
    assert [{"schema": 1, **fields_of(listed)} for listed in EVERY] == rows
    assert merged({"a": content}) == EVERY
    assert merged({"a": b"", "b": content + b"\n\n"}) == EVERY


def test_csv_has_the_same_columns() -> None:
    rows = list(csv.DictReader(io.StringIO(exported(EVERY, "csv"))))
    first = {"schema": 1, **fields_of(EVERY[0])}
    assert set(rows[0]) == set(first)
    assert rows[0]["names"] == "app.test *.app.test"
    assert (rows[0]["serial_number"], rows[0]["not_after"]) == (first["serial_number"], first["not_after"])
    assert len(rows) == len(EVERY)


def test_no_key_is_in_a_file() -> None:
    assert "PRIVATE" not in exported(EVERY, "jsonl") + exported(EVERY, "csv")


def test_of_two_files_the_last_one_counts() -> None:
    old, new = Listed("Corp", LEAF), Listed("Corp", replace(LEAF, status="superseded"))
    other = Listed("Berlin", replace(LEAF, sha256="ff" * 32))
    assert merged({"a": exported([old], "jsonl").encode(), "b": exported([new, other], "jsonl").encode()}) == [
        new,
        other,
    ]


def line(**fields: Any) -> bytes:
    return json.dumps({"schema": 1, **fields_of(Listed("Corp", LEAF)), **fields}).encode()


def without(field: str) -> bytes:
    row = json.loads(line())
    del row[field]
    return json.dumps(row).encode()


BAD: dict[str, Callable[[], bytes]] = {
    "no JSON": lambda: b"{",
    "a list": lambda: b"[]",
    "a number": lambda: b"1",
    "CSV": lambda: exported(EVERY, "csv").encode(),
    "a binary file": lambda: b"\xff\xfe\x00",
    "too deep": lambda: b"[" * 100_000,
    "a number without end": lambda: b'{"schema": ' + b"9" * 10_000 + b"}",
    "too long": lambda: line(reason="x" * 300_000),
    "no schema": lambda: without("schema"),
    "a schema of tomorrow": lambda: line(schema=2),
    "truth as schema": lambda: line(schema=True),
    "no host": lambda: without("host"),
    "no authority": lambda: without("authority"),
    "an authority that is a list": lambda: line(authority=["x"]),
    "a host that is a number": lambda: line(host=1),
    "names that are a text": lambda: line(names="app.test"),
    "names that are numbers": lambda: line(names=[1]),
    "a time that is none": lambda: line(not_after="tomorrow"),
    "a time that is a number": lambda: line(not_after=1),
    "no time where one has to be": lambda: line(not_before=None),
}


@pytest.mark.parametrize("bad", BAD)
def test_what_is_no_export_is_refused_with_its_line(bad: str) -> None:
    with pytest.raises(PkiError, match=r"^f, line 2: is no certificate of a ledger") as raised:
        merged({"f": line() + b"\n" + BAD[bad]().replace(b"\n", b" ")})
    assert len(str(raised.value)) < 500


def test_what_others_wrote_cannot_act_on_a_terminal() -> None:
    hostile = "web\x1b[2J\u202egone\n- fake line"
    (listed,) = merged({"f": line(host=hostile, name=hostile, names=[hostile], reason=hostile, authority=hostile)})
    lines = ledger_lines([listed, Listed("Other", LEAF)], [], NOW)
    assert len(lines) == 4
    text = "".join(lines)
    assert text.isprintable(), text
