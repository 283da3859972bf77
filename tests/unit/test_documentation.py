# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages of the documentation: each is on the site, each link leads somewhere, and each picture can be read."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from documentation import links, pages, site

ROOT = pages.ROOT
PICTURES = sorted((ROOT / "docs").glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"


def test_each_page_is_in_a_list_of_the_site() -> None:
    unlisted = site.unlisted()
    assert not unlisted, f"docs/site/index.md: add to one of its lists, without '.md': {', '.join(unlisted)}"


def test_the_lists_name_pages_that_there_are_once_each() -> None:
    listed = list(site.listed(site.INDEX.read_text(encoding="utf-8")))
    assert sorted(listed) == sorted(set(listed))
    assert set(listed) <= {str(page.with_suffix("")) for page in pages.pages()} | {"CHANGELOG", "collections/index"}


def test_each_link_leads_to_a_file_and_a_heading_that_there_are() -> None:
    """Those out of the project are not fetched: a test that needs other people's servers says nothing of ours."""
    assert links.missing_targets() == []


def test_links_out_of_the_project_are_https() -> None:
    assert [link for link in links.external_links() if not link.startswith("https://")] == []


@pytest.mark.parametrize(
    ("link", "fault"),
    [
        ("other.md", ""),
        ("other.md#two-words-its", ""),
        ("#here", ""),
        ("../README.md#anchoragepki", ""),
        ("picture.svg", ""),
        ("https://example.com/nothing", ""),
        ("gone.md", "no such file"),
        ("other.md#gone", "no such heading"),
        ("#there", "no such heading"),
        ("../other.md", "no such file"),
        ("picture.svg#part", "only pages have headings that a link can name"),
    ],
)
def test_a_link_that_leads_nowhere_is_seen(tmp_path: Path, link: str, fault: str) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# anchorage.pki\n")
    (tmp_path / "docs" / "picture.svg").write_text("<svg/>")
    (tmp_path / "docs" / "other.md").write_text("# Other\n\n## Two words: `it`'s\n")
    page = f"## Here\n\nSee [it, `code`\n and more]({link}).\n\n`[no]({link}x)`\n\n```text\n[no]({link}x)\n```\n"
    (tmp_path / "docs" / "page.md").write_text(page)
    assert links.missing_targets(tmp_path) == ([f"docs/page.md: {link}: {fault}"] if fault else [])


@pytest.mark.parametrize(
    ("page", "target", "on_site"),
    [
        ("README.md", "docs/fleet.md#measured", "docs/fleet.md#measured"),
        ("README.md", "plugins/modules/trust_anchor.py", "collections/trust_anchor_module.rst"),
        ("docs/macos.md", "../plugins/lookup/native_roots.py", "../collections/native_roots_lookup.rst"),
        ("docs/fleet.md", "bench.svg", "bench.svg"),
        ("docs/fleet.md", "bench.json", f"{site.repository()}/blob/main/docs/bench.json"),
        ("docs/fleet.md", "https://example.com/", "https://example.com/"),
    ],
)
def test_the_site_leads_to_its_own_pages_or_into_the_repository(page: str, target: str, on_site: str) -> None:
    assert site.target_on_site(Path(page), set(pages.pages()), target) == on_site


def test_a_heading_that_is_there_twice_has_two_anchors() -> None:
    text = "# A b\n## `c_d` & [e](f.md)\n# A b\n```console\n# no heading\n```\n"
    assert pages.anchors(text) == {"a-b", "a-b-1", "c_d--e"}


def test_blocks_have_their_language_and_their_line() -> None:
    text = "a\n```yaml\nb: c\n```\n- d\n  ```console\n  $ e\n  ```\n````text\n```\n````\n"
    assert pages.blocks(text) == [("yaml", "b: c\n", 3), ("console", "  $ e\n", 7), ("text", "```\n", 10)]


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_a_picture_is_described_and_shown_on_a_page(path: Path) -> None:
    root = ElementTree.parse(path).getroot()
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert len((root.findtext(f"{SVG}title") or "").split()) > 2
    shown = {
        links.local_path(page, target)
        for page in pages.pages()
        for target in pages.links((ROOT / page).read_text(encoding="utf-8"))
    }
    assert path.relative_to(ROOT) in shown


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_a_picture_needs_nothing_from_elsewhere_and_has_colours_for_dark_pages(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<script|<image|href=|@import|url\(\s*['\"]?http", text)
    assert "prefers-color-scheme: dark" in text
