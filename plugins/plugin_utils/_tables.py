# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables for people: cells that a terminal takes for nothing but text, in columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.anchorage.pki.plugins.module_utils._host.text import single_line

_LONGEST_CELL = 300


@dataclass(frozen=True)
class Table:
    """Rows of cells below a ``heading``, one column of which is STATE; what is said ``before`` them, and the
    ``summary`` after them. Rows in one of the ``settled`` states ask for nothing."""

    heading: Sequence[str]
    rows: Sequence[Sequence[str]]
    summary: str
    settled: frozenset[str]
    before: Sequence[str] = ()

    @property
    def lines(self) -> list[str]:
        """The table as text."""
        rows = align([self.heading, *self.rows]) if self.rows else []
        parts = [part for part in (list(self.before), rows, [self.summary] if self.summary else []) if part]
        return [line for part in parts for line in ("", *part)][1:]


def printable(text: str) -> str:
    """``text`` on one line, without control characters, and cut short."""
    line = single_line(text, len(text))
    return line if len(line) <= _LONGEST_CELL else f"{line[: _LONGEST_CELL - 1]}…"


def align(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of the rows' cells in columns two spaces apart, the last one as long as it is."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[-1] = 0
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def counted(number: int, noun: str) -> str:
    """The number and the noun, in the plural where it is not one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def tally(states: Iterable[str]) -> str:
    """How often each state is among them, the most frequent one first."""
    return ", ".join(f"{count} {state}" for state, count in Counter(states).most_common()) or "nothing to report"
