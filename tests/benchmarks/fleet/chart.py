# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chart of a benchmark: bars of seconds, as an SVG that is readable on light and on dark pages."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.fleet.goals import Figures, median

WIDTH, BAR, GAP = 720, 20, 30
LEFT, RIGHT, TOP = 210, 80, 48
GROUPS = {"cold": "Fresh hosts", "trusted": "Authority trusted already", "unchanged": "Unchanged"}
BARS = {"anchorage": "anchorage.pki.site", "recipe": "recipe of community.crypto", "ping": "one ping task"}
STYLE = """\
text { font: 13px sans-serif; fill: #1f2328 }
.title, .group { font-weight: bold }
.side { text-anchor: end }
.anchorage { fill: #1a7f37 }
.recipe { fill: #8c959f }
.ping { fill: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .anchorage { fill: #3fb950 }
  .recipe { fill: #6e7681 }
  .ping { fill: #58a6ff }
}"""


def chart(figures: Figures) -> str:
    """The seconds of each side in each state, medians, as bars of one scale."""
    groups = {state: dict(measured(figures, state)) for state in GROUPS}
    longest = max((seconds for bars in groups.values() for seconds in bars.values()), default=1.0)
    scale = (WIDTH - LEFT - RIGHT) / longest
    settings = figures["settings"]
    title = f"Seconds for {settings['hosts']} hosts, {settings['forks']} forks: less is better"
    lines, height = [f'<text class="title" x="0" y="16">{title}</text>'], TOP
    for state, bars in groups.items():
        lines.append(f'<text class="group" x="0" y="{height}">{GROUPS[state]}</text>')
        for side, seconds in bars.items():
            height += BAR + 4
            lines += draw(side, seconds, height, scale)
        height += GAP
    size = f'width="{WIDTH}" height="{height - GAP + 8}" viewBox="0 0 {WIDTH} {height - GAP + 8}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    return "\n".join([head, f"<title>{title}</title>", f"<style>\n{STYLE}\n</style>", *lines, "</svg>", ""])


def measured(figures: Figures, state: str) -> Iterator[tuple[str, float]]:
    """The sides that a state has, with their seconds."""
    for side in BARS:
        seconds = median(figures["runs"], side, state, "wall")
        if seconds is not None:
            yield side, seconds


def draw(side: str, seconds: float, height: int, scale: float) -> list[str]:
    """A bar that stands on a line of text, with its name and its figure."""
    length = max(seconds * scale, 1)
    return [
        f'<text class="side" x="{LEFT - 8}" y="{height}">{BARS[side]}</text>',
        f'<rect class="{side}" x="{LEFT}" y="{height - 14}" width="{length:.1f}" height="{BAR - 2}" rx="2"/>',
        f'<text x="{LEFT + length + 6:.1f}" y="{height}">{seconds:.1f} s</text>',
    ]
