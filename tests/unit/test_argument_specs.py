# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each action's argument spec says the same as the documentation of its twin in ``plugins/modules/``.

ansible-test compares the two for modules, not for actions.
"""

from __future__ import annotations

import functools
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Answer, Request
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import argument_spec
from ansible_collections.anchorage.pki.plugins.modules import anchor_deployment

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = "ansible_collections.anchorage.pki.plugins"
ACTIONS = sorted(path.stem for path in (ROOT / "plugins" / "action").glob("[!_]*.py"))


@functools.cache
def documentation() -> dict[str, Any]:
    """The documentation of every twin by its name, as ansible-doc renders it, fragments included."""
    names = [f"anchorage.pki.{name}" for name in ACTIONS]
    ansible_doc = Path(sys.executable).with_name("ansible-doc")
    output = subprocess.run([ansible_doc, "--json", "--type", "module", *names], capture_output=True, check=True).stdout
    return {name.rpartition(".")[2]: entry["doc"] for name, entry in json.loads(output).items()}


def specified(spec: dict[str, Any]) -> dict[str, Any]:
    """The options of an argument spec, in the form that is compared."""
    return {name: facts(option, option.get("options"), specified) for name, option in spec.items()}


def documented(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a documentation, in the form that is compared."""
    return {name: facts(option, option.get("suboptions"), documented) for name, option in options.items()}


def facts(option: dict[str, Any], nested: dict[str, Any] | None, convert: Any) -> dict[str, Any]:
    """What an argument spec and a documentation both say of an option."""
    return {
        "type": option.get("type", "str"),
        "required": option.get("required", False),
        "default": option.get("default"),
        "choices": list(option.get("choices") or []),
        "elements": option.get("elements"),
        "aliases": sorted(option.get("aliases") or []),
        "options": convert(nested or {}),
    }


@pytest.mark.parametrize("name", ACTIONS)
def test_documentation_says_what_the_action_takes(name: str) -> None:
    action = importlib.import_module(f"{PLUGINS}.action.{name}").ActionModule
    assert documented(documentation()[name]["options"]) == specified(action.ARGUMENT_SPEC)


def test_documentation_says_what_the_host_half_of_trust_takes() -> None:
    options = yaml.safe_load(anchor_deployment.DOCUMENTATION)["options"]
    assert documented(options) == specified(argument_spec(Request))


def returned(contents: dict[str, Any]) -> dict[str, Any]:
    """The keys of a documented result, with those in them."""
    return {name: returned(value.get("contains", {})) for name, value in contents.items()}


def sent(spec: dict[str, Any]) -> dict[str, Any]:
    """The keys of a message, with those in them."""
    return {name: sent(value.get("options", {})) for name, value in spec.items()}


def test_documentation_says_what_the_host_half_of_trust_returns() -> None:
    assert returned(yaml.safe_load(anchor_deployment.RETURN)) == sent(argument_spec(Answer))


SPEC: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present", "aliases": ["status"]},
    "names": {"type": "list", "elements": "dict", "options": {"dns": {"required": True, "no_log": True}}},
}
DOCUMENTED: dict[str, Any] = {
    "state": {
        "description": ["What is wanted."],
        "type": "str",
        "choices": ["present", "absent"],
        "default": "present",
        "aliases": ["status"],
    },
    "names": {"type": "list", "elements": "dict", "suboptions": {"dns": {"type": "str", "required": True}}},
}


def test_equal_options_compare_equal() -> None:
    assert documented(DOCUMENTED) == specified(SPEC)


@pytest.mark.parametrize(
    ("option", "change"),
    [
        ("state", {"type": "bool"}),
        ("state", {"required": True}),
        ("state", {"default": "absent"}),
        ("state", {"choices": ["present"]}),
        ("state", {"aliases": []}),
        ("names", {"elements": "str"}),
        ("names", {"suboptions": {}}),
        ("names", {"suboptions": {"dns": {"required": False}}}),
        ("more", {}),
    ],
)
def test_a_difference_is_seen(option: str, change: dict[str, Any]) -> None:
    changed = DOCUMENTED | {option: DOCUMENTED.get(option, {}) | change}
    assert documented(changed) != specified(SPEC)


def test_a_missing_option_is_seen() -> None:
    assert documented({"state": DOCUMENTED["state"]}) != specified(SPEC)
