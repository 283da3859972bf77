# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation as a site: the guides as they stand, with a page for each plugin and role by antsibull-docs."""

from __future__ import annotations

import functools
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import yaml
from documentation.links import is_external, local_path
from documentation.pages import ROOT, blocks, pages, with_links
from programs import BUILD, VENV, environment_with, run, run_tool

SITE = BUILD / "site"
SOURCE = SITE / "source"
#: Its page for each plugin and role, below the source.
REFERENCE = "collections"
#: The page that has the lists of all others.
INDEX = ROOT / "docs" / "site" / "index.md"

#: What a list of pages is on the index.
_LIST = re.compile(r"^\{toctree\}$")
#: A page in it with a title of the list's own.
_ENTRY = re.compile(r"^.*<(.+)>$")
#: Where plugins are, with what stands behind their name in that of their page.
_KINDS = {"modules": "module", "lookup": "lookup", "filter": "filter", "callback": "callback"}


def build() -> str:
    """Make the site below ``build/site``, with each warning as an error."""
    shutil.rmtree(SITE, ignore_errors=True)
    gather(SOURCE)
    options = ("--use-current", "--squash-hierarchy", "--fail-on-error", "--no-add-antsibull-docs-version")
    (SOURCE / REFERENCE).mkdir()
    run_tool("antsibull-docs", "collection", *options, "--dest-dir", SOURCE / REFERENCE, "anchorage.pki")
    html = SITE / "html"
    sphinx: list[str | Path] = [VENV / "bin" / "python", "-m", "sphinx", "--quiet", "--jobs=auto", "--fresh-env"]
    strict = ("--fail-on-warning", "--nitpicky")
    settings = ("--conf-dir", INDEX.parent, "--doctree-dir", SITE / "doctrees")
    run([*sphinx, *strict, *settings, SOURCE, html], environment_with())
    return f"{sum(1 for _path in html.rglob('*.html'))} pages in {html.relative_to(ROOT)}"


def gather(source: Path, root: Path = ROOT) -> None:
    """Put the pages and pictures into the source of the site, each where it is in the checkout."""
    source.mkdir(parents=True)
    shutil.copy2(INDEX, source / "index.md")
    for path in [Path("CHANGELOG.rst"), *(path.relative_to(root) for path in root.glob("docs/*.svg"))]:
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / path, source / path)
    on_site = set(pages(root))
    for page in on_site:
        (source / page).parent.mkdir(parents=True, exist_ok=True)
        text = with_links((root / page).read_text(encoding="utf-8"), functools.partial(target_on_site, page, on_site))
        (source / page).write_text(text, encoding="utf-8")


def target_on_site(page: Path, on_site: set[Path], target: str) -> str:
    """Where a page's link leads on the site: plugins have pages there, and other files are in the repository."""
    if is_external(target):
        return target
    path = local_path(page, target)
    if path in on_site or path.suffix in (".svg", ".rst"):
        return target
    if path.suffix == ".py" and len(path.parts) == 3 and path.parts[0] == "plugins" and path.parts[1] in _KINDS:
        up = "../" * (len(page.parts) - 1)
        return f"{up}{REFERENCE}/{path.stem}_{_KINDS[path.parts[1]]}.rst"
    return f"{repository()}/blob/main/{path}"


@functools.cache
def repository() -> str:
    """The address of the repository."""
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    return str(galaxy["repository"])


def listed(index: str) -> Iterator[str]:
    """The pages in the lists of the index, as they are named there."""
    for block in blocks(index):
        if _LIST.match(block.language):
            lines = [line.strip() for line in block.text.splitlines()]
            yield from (_ENTRY.sub(r"\1", line) for line in lines if line and not line.startswith(":"))


def unlisted(root: Path = ROOT) -> list[str]:
    """The pages that are in no list."""
    in_lists = set(listed(INDEX.read_text(encoding="utf-8")))
    return [str(page) for page in pages(root) if str(page.with_suffix("")) not in in_lists]
