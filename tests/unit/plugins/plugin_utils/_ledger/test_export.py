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
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.export import exported, fields_of, merged
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.selection import Listed
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.table import ledger_lines
from ansible_collections.anchorage.pki.tests.unit.plugins.plugin_utils._ledger.test_selection import ENTRIES, LEAF, NOW

EVERY = [Listed("Corp", replace(entry, revoked_at=NOW, staple_until=NOW)) for entry in ENTRIES.values()]


def read(files: dict[str, bytes]) -> list[Listed]:
    """What is in files, without their names."""
    return [listed._replace(file="") for listed in merged(files)]


def test_json_lines_are_read_as_they_were_written() -> None:
    content = exported(EVERY, "jsonl").encode()
    rows = [json.loads(line) for line in content.splitlines()]
    assert [{"schema": 2, "lines": len(EVERY), **fields_of(listed)} for listed in EVERY] == rows
    assert merged({"a": content}) == [listed._replace(file="a") for listed in EVERY]
    assert read({"a": content + b"\n\n"}) == EVERY
    assert read({"a": content.replace(b"\n", b"\r\n")}) == EVERY


@pytest.mark.parametrize("left", range(1, len(EVERY)))
def test_a_file_that_lacks_a_line_is_refused(left: int) -> None:
    lines = exported(EVERY, "jsonl").encode().splitlines(keepends=True)
    for kept in (lines[:left], lines[left:], [*lines, lines[left]]):
        with pytest.raises(PkiError, match=rf"^f: has {len(kept)} of {len(EVERY)} lines, .* Export it again"):
            merged({"f": b"".join(kept)})
    # In the midst of the last line that is left.
    with pytest.raises(PkiError, match=r"^f(, line 1)?: (has|is no certificate of a ledger)"):
        merged({"f": b"".join(lines[:left])[:-9]})


@pytest.mark.parametrize("content", [b"", b"\n \r\n"])
def test_an_empty_file_is_refused(content: bytes) -> None:
    with pytest.raises(PkiError, match=r"^f: is empty, and an exported ledger never is"):
        merged({"f": content})


def test_csv_has_the_same_columns() -> None:
    rows = list(csv.DictReader(io.StringIO(exported(EVERY, "csv"))))
    first = {"schema": 2, "lines": 1, **fields_of(EVERY[0])}
    assert set(rows[0]) == set(first)
    assert rows[0]["names"] == "app.test *.app.test"
    assert (rows[0]["serial_number"], rows[0]["not_after"]) == (first["serial_number"], first["not_after"])
    assert len(rows) == len(EVERY)


FORMULAS = (
    *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201"),
    *("'=1", "''", "'"),
)


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_of_csv_is_a_formula_and_none_is_lost(formula: str) -> None:
    entry = replace(LEAF, place=LeafPlace(formula, formula, formula), names=(formula, "app.test"), reason=formula)
    listed = Listed(formula, entry)
    (row,) = csv.DictReader(io.StringIO(exported([listed], "csv"), newline=""))
    for column in ("authority", "host", "destination", "name", "names", "reason"):
        expected = f"{formula} app.test" if column == "names" else formula
        assert row[column] == f"'{expected}"
    assert read({"f": exported([listed], "jsonl").encode()}) == [listed]


@pytest.mark.parametrize("text", ["web1", "a=b", "web-1", "", "1-2", "user@host", "it's"])
def test_a_cell_of_csv_that_is_no_formula_is_as_it_was(text: str) -> None:
    listed = Listed(text, replace(LEAF, place=LeafPlace(text, "/srv", text)))
    (row,) = csv.DictReader(io.StringIO(exported([listed], "csv")))
    assert (row["authority"], row["host"]) == (text, text)


def test_no_key_is_in_a_file() -> None:
    assert "PRIVATE" not in exported(EVERY, "jsonl") + exported(EVERY, "csv")


def test_of_two_files_the_last_one_counts() -> None:
    old, new = Listed("Corp", LEAF), Listed("Corp", replace(LEAF, status="superseded"))
    other = Listed("Berlin", replace(LEAF, sha256="ff" * 32))
    assert read({"a": exported([old], "jsonl").encode(), "b": exported([new, other], "jsonl").encode()}) == [new, other]


def test_no_authority_hides_what_another_one_says_of_a_certificate() -> None:
    one, two = Listed("Corp", LEAF), Listed("Berlin", replace(LEAF, status="superseded"))
    assert read({"a": exported([one], "jsonl").encode(), "b": exported([two], "jsonl").encode()}) == [one, two]


def line(**fields: Any) -> bytes:
    return json.dumps({"schema": 2, "lines": 1, **fields_of(Listed("Corp", LEAF)), **fields}).encode()


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
    "a schema of tomorrow": lambda: line(schema=3),
    "a schema of yesterday": lambda: line(schema=1),
    "no number of lines": lambda: without("lines"),
    "truth as the number of lines": lambda: line(lines=True),
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
        merged({"f": line(lines=2) + b"\n" + BAD[bad]().replace(b"\n", b" ")})
    assert len(str(raised.value)) < 500


def test_what_others_wrote_cannot_act_on_a_terminal() -> None:
    hostile = "web\x1b[2J\u202egone\n- fake line"
    (listed,) = merged({"f": line(host=hostile, name=hostile, names=[hostile], reason=hostile, authority=hostile)})
    lines = ledger_lines([listed, Listed("Other", LEAF)], [], NOW)
    assert len(lines) == 4
    text = "".join(lines)
    assert text.isprintable(), text
