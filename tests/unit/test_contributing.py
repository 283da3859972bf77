# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The architecture in CONTRIBUTING.md is what the tree shows: each folder, and each file in it by its name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def listed(layer: str) -> dict[str, set[str]]:
    """The files that the table of a layer lists, by their folder."""
    section = re.search(rf"^### The \w+: `plugins/{layer}/`\n(.*?)^### ", TEXT, re.MULTILINE | re.DOTALL)
    assert section
    rows = re.findall(r"^\| `([\w/]+)/` \|[^|]*\|([^|]*)\|$", section.group(1), re.MULTILINE)
    return {folder: set(re.findall(r"`(\w+)`", files)) for folder, files in rows}


@pytest.mark.parametrize("layer", ["plugin_utils", "module_utils"])
def test_every_folder_lists_the_files_that_it_has(layer: str) -> None:
    top = ROOT / "plugins" / layer
    found: dict[str, set[str]] = {}
    for path in top.glob("*/**/*.py"):
        found.setdefault(str(path.parent.relative_to(top)), set()).add(path.stem)
    assert listed(layer) == found
