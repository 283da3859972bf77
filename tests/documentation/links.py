# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the links of the pages lead, without a network: what is missing, and which lead out of the project."""

from __future__ import annotations

import os
from pathlib import Path

from documentation.pages import ROOT, anchors, links, pages


def missing_targets(root: Path = ROOT) -> list[str]:
    """Each link that leads to no file of the checkout, or to no heading of a page, with the page that has it."""
    known = {page: anchors((root / page).read_text(encoding="utf-8")) for page in pages(root)}
    wrong: list[str] = []
    for page in known:
        for target in links((root / page).read_text(encoding="utf-8")):
            if not is_external(target) and (what := _fault(page, target, known, root)):
                wrong.append(f"{page}: {target}: {what}")
    return wrong


def external_links(root: Path = ROOT) -> list[str]:
    """Where pages lead out of the project. Nobody fetches these in a test."""
    found = {link for page in pages(root) for link in links((root / page).read_text(encoding="utf-8"))}
    return sorted(filter(is_external, found))


def is_external(target: str) -> bool:
    """Whether a link leads out of the project."""
    return target.startswith(("http://", "https://", "mailto:"))


def local_path(page: Path, target: str) -> Path:
    """The path in the checkout of what a page's link names."""
    name = target.partition("#")[0]
    return Path(os.path.normpath(page.parent / name)) if name else page


def _fault(page: Path, target: str, known: dict[Path, set[str]], root: Path) -> str:
    path, anchor = local_path(page, target), target.partition("#")[2]
    if not (root / path).exists():
        return "no such file"
    if anchor and path not in known:
        return "only pages have headings that a link can name"
    if anchor and anchor not in known[path]:
        return "no such heading"
    return ""
