# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the rules for Ansible's community package ask of the repository. CONTRIBUTING.md says which is met where."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import ends
import pytest
import steps
import yaml

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
#: In two parts, so that REUSE does not take these lines for this file's own.
LICENCE = "SPDX-License-" + "Identifier: "

#: The folders of plugins that the rules know, and this collection uses.
KINDS = {"action", "callback", "doc_fragments", "filter", "lookup", "module_utils", "modules", "plugin_utils"}
#: What REUSE.toml says the licence of, since they cannot: everything else has a header.
WITHOUT_HEADER = ("LICENSE", "LICENSES/", ".ci/", "CHANGELOG.rst", "changelogs/changelog.yaml", "changelogs/fragments/")
GENERATED = ("docs/bench.json", "docs/bench.svg", "tests/unit/authority_0_2_0/authority/")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def load(name: str) -> Any:
    return yaml.safe_load(text(name))


def test_each_file_has_a_licence_header() -> None:
    """REUSE looks for a licence anywhere in a file; a header is in its first lines."""
    lacking = []
    for path in steps.project_files():
        name = path.as_posix()
        if name.startswith((*WITHOUT_HEADER, *GENERATED)):
            continue
        head = (ROOT / path).read_bytes()[:600].decode()
        if "Copyright (c) " not in head or LICENCE not in head:
            lacking.append(name)
    assert lacking == []


@pytest.mark.parametrize("folder", sorted(KINDS))
def test_plugins_are_under_the_licence_of_ansible(folder: str) -> None:
    """What runs within ansible-core has to be, and modules and their utilities have to be compatible with it."""
    allowed = {"GPL-3.0-or-later", "BSD-2-Clause"} if folder == "module_utils" else {"GPL-3.0-or-later"}
    for path in (PLUGINS / folder).rglob("*.py"):
        assert set(re.findall(rf"^# {LICENCE}(.*)$", path.read_text(), re.MULTILINE)) <= allowed, path


def test_each_licence_is_named_and_there() -> None:
    licences = {path.stem for path in (ROOT / "LICENSES").iterdir()}
    assert set(load("galaxy.yml")["license"]) == licences
    assert (ROOT / "LICENSES" / "GPL-3.0-or-later.txt").read_text() == text("LICENSE")


def test_there_are_no_other_folders_of_plugins() -> None:
    assert {path.name for path in PLUGINS.iterdir() if path.is_dir() and path.name != "__pycache__"} == KINDS


def test_shared_code_is_marked_as_internal() -> None:
    for folder in ("module_utils", "plugin_utils"):
        names = {path.name for path in (PLUGINS / folder).iterdir() if path.name != "__pycache__"}
        assert {name for name in names if not name.startswith("_")} <= {"latest_context.py"}, folder


def test_no_test_of_ansible_is_ignored() -> None:
    assert not list((ROOT / "tests").glob("sanity/ignore*"))


def test_metadata() -> None:
    galaxy = load("galaxy.yml")
    assert galaxy["tags"]
    assert galaxy["dependencies"] == {}
    assert all(galaxy[name].startswith("https://") for name in ("repository", "documentation", "homepage", "issues"))
    assert load("meta/runtime.yml")["requires_ansible"].startswith(f">={next(iter(ends.ANSIBLE_CORES))}.")


def test_the_readme_links_what_people_look_for() -> None:
    readme = text("README.md")
    for name in ("CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "MAINTAINERS.md", "SECURITY.md", "CHANGELOG.rst", "LICENSE"):
        assert f"]({name})" in readme, name
        assert (ROOT / name).stat().st_size
    headings = re.findall(r"^## (.*)$", readme, re.MULTILINE)
    assert headings[-8:] == [
        "Tested with Ansible",
        "External requirements",
        "Included content",
        "Documentation",
        "Support, contributing and communication",
        "Governance",
        "Release notes",
        "License",
    ]
    *older, newest = ends.ANSIBLE_CORES
    assert newest == "newest"
    assert f"ansible-core {', '.join(older)} and the newest" in " ".join(readme.split())


@pytest.mark.parametrize("name", ["bug_report", "feature_request"])
def test_forms_of_issues_are_whole(name: str) -> None:
    form = load(f".github/ISSUE_TEMPLATE/{name}.yml")
    assert form["name"]
    assert form["description"]
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields)


def test_an_execution_environment_gets_what_the_collection_needs() -> None:
    environment = load("meta/execution-environment.yml")
    assert environment == {"version": 1, "dependencies": {"python": "requirements.txt"}}
    assert not re.search(r"[<=~!]=?\d|<", text("requirements.txt").replace(">=", ""))


def test_each_rule_names_files_that_are_there() -> None:
    section = text("CONTRIBUTING.md").partition("### The community's package\n")[2].partition("\n#")[0]
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \|$", section, re.MULTILINE)[1:]
    assert len(rows) >= 15
    for row in rows:
        for name in re.findall(r"`([\w./-]+/[\w./-]*|[\w-]+\.(?:md|yml|toml|rst|txt))`", row):
            assert (ROOT / name).exists(), name
