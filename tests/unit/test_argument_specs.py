# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each action's argument spec says the same as the documentation of its twin in ``plugins/modules/``, and each host
half's as the messages that cross the wire.

ansible-test compares spec and documentation for modules, not for actions, and knows nothing of messages.
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
from ansible_collections.anchorage.pki.plugins.module_utils._leaf import messages as leaf
from ansible_collections.anchorage.pki.plugins.module_utils._leaf import orders
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client import messages as client
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple import messages as staples
from ansible_collections.anchorage.pki.plugins.module_utils._trust import messages as trust
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor
from ansible_collections.anchorage.pki.plugins.module_utils._wire.arguments import argument_spec

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = "ansible_collections.anchorage.pki.plugins"
ACTIONS = sorted(path.stem for path in (ROOT / "plugins" / "action").glob("[!_]*.py"))

#: The host halves: the message that each of their options takes, and the messages that they answer with.
HOST_HALVES: dict[str, tuple[dict[str, type[Any]], list[type[Any]]]] = {
    "leaf_deployment": (
        {
            "inspect": leaf.Inquiry,
            "request": orders.WantedKey,
            "deploy": orders.Delivery,
            "activate": leaf.Activation,
        },
        [leaf.Inspection, orders.KeyRequests, orders.Deployment, orders.Removal, orders.Shown],
    ),
    "staple_deployment": (
        {
            "inspect": staples.StapleInquiry,
            "fetch": client.Question,
            "deploy": staples.StapleDelivery,
            "activate": leaf.Activation,
        },
        [staples.StapleInspection, client.Answers, staples.StapleDeployment, orders.Removal],
    ),
    "anchor_deployment": ({"anchor": Anchor, "superseded": Anchor}, [trust.Answer]),
}
#: What any module may return, and none documents.
COMMON_RESULTS = {"changed"}
#: What Ansible makes something of in the result of any task, whatever a plugin means by it.
OF_ANSIBLE = {"failed", "skipped", "unreachable", "exception", "results", "warnings", "deprecations", "ansible_facts"}


@functools.cache
def documentation() -> dict[str, Any]:
    """The documentation of every action's twin and host half by its name, as ansible-doc renders it, fragments
    included."""
    names = [f"anchorage.pki.{name}" for name in [*ACTIONS, *HOST_HALVES]]
    ansible_doc = Path(sys.executable).with_name("ansible-doc")
    output = subprocess.run([ansible_doc, "--json", "--type", "module", *names], capture_output=True, check=True).stdout
    return {name.rpartition(".")[2]: entry for name, entry in json.loads(output).items()}


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
    assert documented(documentation()[name]["doc"]["options"]) == specified(action.ARGUMENT_SPEC)


@pytest.mark.parametrize("name", [*ACTIONS, *HOST_HALVES])
def test_no_result_means_something_else_to_ansible(name: str) -> None:
    assert OF_ANSIBLE.isdisjoint(documentation()[name]["return"] or {})


@pytest.mark.parametrize("name", HOST_HALVES)
def test_a_host_half_takes_the_messages_that_it_documents(name: str) -> None:
    spec = importlib.import_module(f"{PLUGINS}.modules.{name}").ARGUMENT_SPEC
    assert documented(documentation()[name]["doc"]["options"]) == specified(spec)
    taken, _answers = HOST_HALVES[name]
    assert {option: spec[option]["options"] for option in taken} == {
        option: argument_spec(kind) for option, kind in taken.items()
    }


@pytest.mark.parametrize("name", HOST_HALVES)
def test_a_host_half_documents_the_messages_that_it_answers_with(name: str) -> None:
    fields: dict[str, Any] = {}
    for answer in HOST_HALVES[name][1]:
        fields = merged(fields, results(argument_spec(answer), "options"))
    assert results(documentation()[name]["return"], "contains") == {
        field: facts for field, facts in fields.items() if field not in COMMON_RESULTS
    }


def results(fields: dict[str, Any], nested: str) -> dict[str, Any]:
    """What a message and the documentation of a result both say of its fields."""
    return {
        name: {
            "type": field["type"],
            "elements": field.get("elements"),
            "fields": results(field.get(nested) or {}, nested),
        }
        for name, field in fields.items()
    }


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The fields of both; where they share a list or dictionary, with the fields of both in it."""
    shared = {
        name: {**field, "fields": merged(one[name]["fields"], field["fields"])}
        for name, field in other.items()
        if name in one
    }
    return {**one, **other, **shared}


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
