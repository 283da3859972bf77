# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of what module_defaults give to a task that leaves an option out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar, trust_as_template
from ansible_collections.anchorage.pki.plugins.plugin_utils._module_defaults import GROUP, with_defaults

ACTION = "anchorage.pki.trust_anchor"
OPTIONS = ("authority", "ledger_url", "stores")
SHARED = ("authority", "ledger_url", "passphrase")


def taken(given: dict[str, Any], *levels: dict[str, Any], **variables: Any) -> dict[str, Any]:
    """What a task takes, within a play and blocks that say these defaults."""
    task = cast(Task, SimpleNamespace(module_defaults=list(levels), resolved_action=ACTION))
    return with_defaults(task, Templar(DataLoader(), variables=variables), given, OPTIONS, SHARED)


def template(text: str) -> Any:
    return trust_as_template(text)


def test_a_task_takes_what_it_leaves_out_its_own_default_before_that_of_the_group() -> None:
    defaults = {GROUP: {"authority": "/group", "ledger_url": "x"}, ACTION: {"authority": template("{{ folder }}")}}
    assert taken({}, defaults, folder="/own") == {"authority": "/own", "ledger_url": "x"}
    assert taken({"authority": "/task"}, defaults)["authority"] == "/task"


def test_defaults_of_a_block_take_the_place_of_those_of_its_play_as_in_ansible() -> None:
    play = {GROUP: {"authority": "/play"}, ACTION: {"stores": ["nss"]}}
    assert taken({}, play, {GROUP: {}}) == {"stores": ["nss"]}
    assert taken({}, play, {GROUP: {"ledger_url": "x"}, ACTION: {}}) == {"ledger_url": "x"}


def test_defaults_may_be_a_template_as_a_whole() -> None:
    whole = {GROUP: template("{{ all_of_them }}")}
    assert taken({}, whole, all_of_them={"authority": "/a"}) == {"authority": "/a"}


def test_what_most_tasks_share_is_no_matter_of_one_without_it() -> None:
    assert taken({"passphrase": "x", "stores": []}, {GROUP: {"passphrase": "x"}}) == {"stores": []}
