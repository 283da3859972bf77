# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A ledger as a file for other programs, and for whoever looks at several ledgers at once: JSON lines or CSV.

What other controllers exported is data, whatever is in it: each field has its type, and no line is missing, or the
file is refused.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.entries import Entry
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import timestamp
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.selection import Listed

#: Counts up when a reader of the former files could not read the new ones.
SCHEMA = 2
JSON_LINES = "jsonl"
CSV = "csv"
LARGEST_FILE = 256 * 1024 * 1024
# A certificate with as many names as clients accept has less.
_LONGEST_LINE = 256 * 1024
_TEXTS = (
    *("authority", "kind", "serial_number", "sha256", "issuer_sha256", "host", "destination", "name"),
    *("private_key", "status", "reason"),
)
_TIMES = ("not_before", "not_after")
_TIMES_OR_NONE = ("revoked_at", "staple_until")
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
# By what a spreadsheet takes a cell for a formula (https://owasp.org/www-community/attacks/CSV_Injection), and by what
# it takes it for a text, which is therefore not the first character of any other one.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_BREAKS = ("\t", "\r", "\n")
_TEXT = "'"


def fields_of(listed: Listed) -> dict[str, Any]:
    """A certificate as results and files have it."""
    entry = listed.entry
    return {
        "authority": listed.authority,
        "kind": entry.kind,
        "serial_number": entry.serial,
        "sha256": entry.sha256,
        "issuer_sha256": entry.issuer_sha256,
        "host": entry.place.host,
        "destination": entry.place.destination,
        "name": entry.place.name,
        "names": list(entry.names),
        "private_key": entry.private_key,
        "not_before": timestamp(entry.not_before),
        "not_after": timestamp(entry.not_after),
        "status": entry.status,
        "revoked_at": timestamp(entry.revoked_at) if entry.revoked_at else None,
        "reason": entry.reason,
        "staple_until": timestamp(entry.staple_until) if entry.staple_until else None,
    }


def exported(every: Sequence[Listed], form: str) -> str:
    """The file of these certificates in that form, one line for each. Each says how many lines there are, so that a
    file which was cut off is known for that."""
    rows = [{"schema": SCHEMA, "lines": len(every), **fields_of(listed)} for listed in every]
    if form == JSON_LINES:
        return "".join(f"{json.dumps(row)}\n" for row in rows)
    written = io.StringIO()
    columns = ["schema", "lines", *_TEXTS, "names", *_TIMES, *_TIMES_OR_NONE]
    writer = csv.DictWriter(written, columns, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    for row in rows:
        cells = {**row, "names": " ".join(row["names"])}
        writer.writerow({column: _cell(value) if isinstance(value, str) else value for column, value in cells.items()})
    return written.getvalue()


def _cell(text: str) -> str:
    """The text as a spreadsheet shows it and does not run it."""
    is_run = text.startswith(_BREAKS) or text.lstrip().startswith((*_FORMULA, _TEXT))
    return f"{_TEXT}{text}" if is_run else text


def merged(files: Mapping[str, bytes]) -> list[Listed]:
    """The certificates in exported JSON lines, by the names of the files. What an authority exported to several of them
    is listed once, as the last one has it. Raises PkiError."""
    found = {}
    for name, content in files.items():
        for listed in _certificates(name, content):
            found[listed.authority, listed.entry.sha256] = listed
    return list(found.values())


def _certificates(name: str, content: bytes) -> Iterator[Listed]:
    """The certificates of a file. Raises PkiError."""
    lines = [(number, line) for number, line in enumerate(content.split(b"\n"), 1) if line.strip()]
    if not lines:
        raise PkiError(f"{name}: is empty, and an exported ledger never is. Export it again.")
    for number, line in lines:
        row = _row(line, f"{name}, line {number}")
        if row.lines != len(lines):
            raise PkiError(
                f"{name}: has {len(lines)} of {row.lines} lines, as a file that was cut off or put together. Export it "
                "again, and name each file on its own."
            )
        yield row.listed._replace(file=name)


class _Row(NamedTuple):
    """What a line has, and how many lines its file has to have."""

    lines: int
    listed: Listed


def _row(line: bytes, where: str) -> _Row:
    try:
        if len(line) > _LONGEST_LINE:
            raise ValueError("it is too long")
        row = json.loads(line)
        if not isinstance(row, dict) or not _is_number(row.get("schema")):
            raise ValueError("it has no schema number")
        if row["schema"] != SCHEMA:
            raise ValueError(f"it has the schema {row['schema']}, and this release reads {SCHEMA}")
        if not _is_number(row["lines"]):
            raise ValueError("lines is no number")
        return _Row(row["lines"], Listed(row["authority"], _entry(row)))
    except (ValueError, KeyError, RecursionError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)[:200]
        raise PkiError(
            f"{where}: is no certificate of a ledger that was exported as JSON lines: {reason}. Export it again."
        ) from error


def _entry(row: Mapping[str, Any]) -> Entry:
    """Raises ValueError, KeyError."""
    for name in _TEXTS:
        if not isinstance(row[name], str):
            raise ValueError(f"{name} is no text")
    names = row["names"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("names is no list of texts")
    times = {name: _time(row[name]) for name in _TIMES}
    later = {name: None if row[name] is None else _time(row[name]) for name in _TIMES_OR_NONE}
    return Entry(
        row["sha256"],
        row["serial_number"],
        row["kind"],
        row["issuer_sha256"],
        LeafPlace(row["host"], row["destination"], row["name"]),
        tuple(names),
        row["private_key"],
        times["not_before"],
        times["not_after"],
        row["status"],
        later["revoked_at"],
        row["reason"],
        later["staple_until"],
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _time(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("a time is no text")
    return datetime.strptime(value, _FORMAT).replace(tzinfo=timezone.utc)
