# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What README.md tells a reader to write and to run, as the scenario ``readme`` does it. Prints it as JSON."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def fenced_blocks(text: str) -> dict[str, str]:
    """The fenced blocks by their section and their number in it: ``Install 1`` is the first one of that section."""
    found: dict[str, str] = {}
    numbers: Counter[str] = Counter()
    section = ""
    for heading, block in re.findall(r"^## ([^\n]*)$|^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        section = heading or section
        if not heading:
            numbers[section] += 1
            found[f"{section} {numbers[section]}"] = block
    return found


def commands(block: str) -> list[str]:
    """The lines of a block that a reader types into a shell."""
    return re.findall(r"^\$ (.*)$", block, re.MULTILINE)


def playbooks(text: str) -> list[str]:
    """The playbooks of the table."""
    return re.findall(r"^\| `(anchorage\.pki\.\w+)` \|", text, re.MULTILINE)


def main() -> None:
    text = README.read_text(encoding="utf-8")
    blocks = fenced_blocks(text)
    typed = {name: commands(block) for name, block in blocks.items()}
    print(json.dumps({"blocks": blocks, "commands": typed, "playbooks": playbooks(text)}))


if __name__ == "__main__":
    main()
