# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""README.md and the scenario that follows it: no block and no playbook is left out without a word."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from lab import readme

ROOT = Path(__file__).resolve().parents[2]
SCENARIO = ROOT / "molecule" / "readme"
TEXT = readme.README.read_text(encoding="utf-8")


def test_each_block_is_followed_by_the_scenario_or_named_as_one_that_is_not() -> None:
    plays = "".join(path.read_text(encoding="utf-8") for path in sorted(SCENARIO.glob("*.yml")))
    followed = set(re.findall(r"readme\.(?:blocks|commands)\['([^']+)'\]", plays))
    variables = yaml.safe_load((SCENARIO / "inventory/group_vars/all.yml").read_text(encoding="utf-8"))
    not_followed = set(variables["blocks_not_followed"])
    assert not followed & not_followed
    assert followed | not_followed == set(readme.fenced_blocks(TEXT))


def test_each_console_block_has_commands_and_no_other_line() -> None:
    for name, block in readme.fenced_blocks(TEXT).items():
        assert len(readme.commands(block)) in (0, len(block.splitlines())), name


def test_the_table_names_each_playbook() -> None:
    names = {f"anchorage.pki.{path.stem}" for path in (ROOT / "playbooks").glob("*.yml")}
    assert set(readme.playbooks(TEXT)) == names


def test_blocks_are_named_by_their_section_and_number() -> None:
    one = "## One: two\n\n```yaml\n- x:\n    y\n```\ntext\n```\n$ b c\n$ d\n```\n"
    text = f"```a\nfirst\n```\n{one}### Three\n## Four\n```\n\n```\n"
    blocks = readme.fenced_blocks(text)
    assert blocks == {" 1": "first\n", "One: two 1": "- x:\n    y\n", "One: two 2": "$ b c\n$ d\n", "Four 1": "\n"}
    assert readme.commands(blocks["One: two 2"]) == ["b c", "d"]
