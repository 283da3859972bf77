# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages that people read: which there are, and what is in each. Markdown as GitHub and the site show it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]

#: Where the pages are, as patterns below a checkout.
PATTERNS = ("*.md", "docs/*.md", "roles/*/README.md")

_FENCE = re.compile(r"^( *)(```+)([\w{}-]*)[^\n]*\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"(\[(?:[^][]|\[[^][]*\])*\]\()([^()\s]+)(?=\))")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block of a page: its language, its text, and the line on which its text begins."""

    language: str
    text: str
    line: int


def pages(root: Path = ROOT) -> list[Path]:
    """All pages of a checkout, by their paths in it."""
    return [path.relative_to(root) for pattern in PATTERNS for path in sorted(root.glob(pattern))]


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page."""
    return [Block(match[3], match[4], text.count("\n", 0, match.start(4)) + 1) for match in _FENCE.finditer(text)]


def links(text: str) -> list[str]:
    """Where the links and pictures of a page lead, in their order."""
    found: list[str] = []

    def note(target: str) -> str:
        found.append(target)
        return target

    with_links(text, note)
    return found


def with_links(text: str, change: Callable[[str], str]) -> str:
    """The page with another target for each of its links and pictures; what looks like one in code is none."""
    parts: list[str] = []
    end = 0
    for link in _LINK.finditer(_without_code(text)):
        parts += [text[end : link.start(2)], change(link[2])]
        end = link.end(2)
    return "".join([*parts, text[end:]])


def _without_code(text: str) -> str:
    """The text, as long as it is, with nothing in place of the letters of its code."""
    return _CODE.sub(_blank, _FENCE.sub(_blank, text))


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def anchors(text: str) -> set[str]:
    """What a link can name behind ``#`` on a page: its headings, as GitHub and MyST make anchors of them."""
    found: set[str] = set()
    seen: Counter[str] = Counter()
    without_blocks = _FENCE.sub("", text)
    for heading in _HEADING.findall(without_blocks):
        plain = re.sub(r"\[([^][]*)\]\([^()]*\)", r"\1", heading).replace("`", "")
        anchor = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return found
