# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever lists the kinds of stores says what their table says: arguments, documentation, playbooks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.anchorage.pki.plugins.doc_fragments.host_halves import ModuleDocFragment
from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import DEFAULT_KINDS, KIND_NAMES, KINDS
from ansible_collections.anchorage.pki.plugins.modules import trust_anchor, trust_anchor_info
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust_action import ANCHOR_SPEC

REPOSITORY = Path(__file__).resolve().parents[5]
OPTIONAL = [kind.name for kind in KINDS if not kind.is_default]


def options(documentation: str) -> dict[str, Any]:
    documented: dict[str, Any] = yaml.safe_load(documentation)["options"]
    return documented


def test_each_kind_is_listed_once() -> None:
    assert len(set(KIND_NAMES)) == len(KINDS)
    assert [kind.name for kind in KINDS if kind.is_required] == ["system"]
    assert OPTIONAL == ["applications", "files"]
    assert list(DEFAULT_KINDS) == [name for name in KIND_NAMES if name not in OPTIONAL]
    assert all(
        sought.startswith(("/", "~/")) for kind in KINDS for finder in kind.finders for sought in finder.sought()
    )


@pytest.mark.parametrize(
    "documentation",
    [trust_anchor.DOCUMENTATION, trust_anchor_info.DOCUMENTATION, ModuleDocFragment.ANCHOR_DEPLOYMENT],
    ids=["trust_anchor", "trust_anchor_info", "anchor_deployment"],
)
def test_every_task_takes_every_kind(documentation: str) -> None:
    assert options(documentation)["stores"]["choices"] == list(KIND_NAMES)


def test_the_arguments_are_the_tables() -> None:
    assert ANCHOR_SPEC["stores"]["choices"] == list(KIND_NAMES)
    assert options(ModuleDocFragment.ANCHOR_DEPLOYMENT)["stores"]["default"] == list(DEFAULT_KINDS)


def meanings() -> dict[str, str]:
    """What each kind stands for, by the table of the documentation."""
    text = (REPOSITORY / "docs/trust-stores.md").read_text()
    listed = re.search(r"\| kind \| stands for \|\n\|---\|---\|\n((?:\|.*\n)+)", text)
    assert listed
    return dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", listed.group(1), re.MULTILINE))


@pytest.mark.parametrize("module", [trust_anchor, trust_anchor_info])
def test_the_documentation_says_what_each_stands_for(module: Any) -> None:
    described = [re.split(r"[;.]", each)[0] for each in options(module.DOCUMENTATION)["stores"]["description"]]
    assert [each for each in described if "stands for" in each] == [
        f"V({name}) stands for {meaning}" for name, meaning in meanings().items()
    ]
    default = f"Without it, all but {' and '.join(f'V({name})' for name in OPTIONAL)}"
    assert any(each.startswith(default) for each in described)


def test_the_table_of_the_documentation_has_every_kind() -> None:
    text = (REPOSITORY / "docs/trust-stores.md").read_text()
    assert tuple(meanings()) == KIND_NAMES
    assert "chooses among six kinds. Without it, all but `applications` and `files` are meant" in text


def test_the_role_takes_every_kind() -> None:
    role = REPOSITORY / "roles/trust_anchor"
    specification = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]
    assert specification["options"]["trust_anchor_stores"]["choices"] == list(KIND_NAMES)
    (row,) = [line for line in (role / "README.md").read_text().splitlines() if "`trust_anchor_stores`" in line]
    assert row.endswith(f"the kinds of stores to change: {', '.join(f'`{name}`' for name in KIND_NAMES)} |")


@pytest.mark.parametrize("playbook", ["doctor", "uninstall"])
def test_playbooks_about_every_store_name_every_kind(playbook: str) -> None:
    text = (REPOSITORY / f"playbooks/{playbook}.yml").read_text()
    assert f"stores: [{', '.join(KIND_NAMES)}]" in text
