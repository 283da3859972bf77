# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Ansible would say of an example: of its variables, and of the tasks and roles in it."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import DEFAULT_TYPE_VALIDATORS
from ansible.parsing.splitter import parse_kv
from ansible.plugins.loader import fragment_loader
from ansible.utils.plugin_docs import get_docstring
from ansible_collections.anchorage.pki.plugins.plugin_utils._variables.known import Known, known_variables
from ansible_collections.anchorage.pki.plugins.plugin_utils._variables.report import Judge, Place, wrong_variables
from documentation.examples import INVENTORY, LIST, VARIABLES, is_play, kind_of
from documentation.pages import ROOT
from jinja2 import Environment, TemplateSyntaxError

OURS = "anchorage.pki."
BUILTIN = "ansible.builtin."
_PLUGINS = "ansible_collections.anchorage.pki.plugins"
#: The keys of a play or block that have tasks, and of a task that includes or imports a role.
_WITH_TASKS = ("pre_tasks", "tasks", "post_tasks", "handlers", "block", "rescue", "always")
_WITH_ROLE = ("ansible.builtin.include_role", "ansible.builtin.import_role")
#: The keys of a task whose value is an expression without braces.
_CONDITIONS = ("when", "that", "until", "failed_when", "changed_when")
#: Modules whose arguments have the names that their users choose.
_ANY_NAMES = ("ansible.builtin.set_fact",)
#: What stands for a value that only a run knows, by its type.
_SAMPLES = {"bool": True, "int": 1, "float": 1.0, "list": [], "dict": {}}


def faults(content: Any) -> list[str]:
    """What is wrong with an example in YAML, in words."""
    kind = kind_of(content)
    is_for_ansible = kind in (LIST, INVENTORY) or (kind == VARIABLES and not known().options.keys().isdisjoint(content))
    found = list(_of_expressions(content)) if is_for_ansible else []
    if kind == LIST:
        found += [fault for each in content for fault in (_of_play(each) if is_play(each) else _of_tasks([each]))]
    elif kind == INVENTORY:
        found += [fault for group in content.values() for fault in _of_group(group or {})]
    elif kind == VARIABLES:
        found += of_variables(content)
    return found


def of_variables(variables: Mapping[str, Any]) -> list[str]:
    """What is wrong with variables, as every playbook of the collection would say."""

    def template(written: Any) -> Any:
        return None if _is_template(written) else written

    judge = Judge(known(), lambda kind, value: DEFAULT_TYPE_VALIDATORS[kind](value), lambda _written: False)
    return wrong_variables([Place(None, variables, template)], judge)


@functools.cache
def known() -> Known:
    """The variables that roles and playbooks document."""
    paths = sorted((ROOT / "roles").glob("*/meta/argument_specs.yml"))
    specs = {path.parents[1].name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths}
    return known_variables({role: spec["argument_specs"] for role, spec in specs.items()})


def of_playbook_name(name: str) -> list[str]:
    """What is wrong with the name of a playbook: one of the collection's has to be there."""
    if name.startswith(OURS) and not (ROOT / "playbooks" / f"{name.removeprefix(OURS)}.yml").is_file():
        return [f"there is no playbook {name}"]
    return []


def of_role(name: str, tasks: str = "main") -> list[str]:
    """What is wrong with the name of a role, or of a file of its tasks."""
    if name.startswith(OURS) and not (ROOT / "roles" / name.removeprefix(OURS) / "tasks" / f"{tasks}.yml").is_file():
        return [f"there is no role {name} with tasks/{tasks}.yml"]
    return []


def _of_group(group: Mapping[str, Any]) -> Iterator[str]:
    yield from of_variables(group.get("vars") or {})
    for host in (group.get("hosts") or {}).values():
        yield from of_variables(host or {})
    for child in (group.get("children") or {}).values():
        yield from _of_group(child or {})


def _of_play(play: Mapping[str, Any]) -> Iterator[str]:
    for key, value in play.items():
        if key.rpartition(".")[2] == "import_playbook":
            yield from of_playbook_name(value)
    yield from of_variables(play.get("vars") or {})
    for role in play.get("roles") or []:
        entry = role if isinstance(role, dict) else {"role": role}
        yield from of_role(entry.get("role") or entry["name"], entry.get("tasks_from", "main"))
        yield from of_variables(entry.get("vars") or {})
    for key in _WITH_TASKS:
        yield from _of_tasks(play.get(key) or [])


def _of_tasks(tasks: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for task in tasks:
        yield from of_variables(task.get("vars") or {})
        for key, arguments in task.items():
            if key in _WITH_TASKS:
                yield from _of_tasks(arguments)
            elif "." in key:
                yield from of_action(key, arguments or {})


def of_action(action: str, given: Any) -> Iterator[str]:
    """What is wrong with the arguments of a task."""
    arguments = given if isinstance(given, dict) else parse_kv(str(given))
    if action in _WITH_ROLE:
        yield from of_role(arguments.get("name", ""), arguments.get("tasks_from", "main"))
    name = action.removeprefix(OURS)
    if action.startswith(OURS) and (ROOT / "plugins" / "action" / f"{name}.py").exists():
        yield from _of_own_action(name, arguments)
    elif action.startswith((OURS, BUILTIN)):
        yield from _of_module(action, arguments)


def _of_own_action(name: str, arguments: dict[str, Any]) -> Iterator[str]:
    action = importlib.import_module(f"{_PLUGINS}.action.{name}").ActionModule
    spec = action.ARGUMENT_SPEC
    validator = ArgumentSpecValidator(spec, **getattr(action, "CONDITIONS", {}))
    errors = validator.validate({key: _sample(spec.get(key, {}), value) for key, value in arguments.items()}).errors
    yield from (f"{OURS}{name}: {error.msg}" for error in errors)


def _of_module(name: str, arguments: dict[str, Any]) -> Iterator[str]:
    options = _documented_options(name)
    if options is None:
        yield f"there is no {name}"
    elif name not in _ANY_NAMES and "free_form" not in options:
        known_names = {each for option, facts in options.items() for each in [option, *(facts.get("aliases") or [])]}
        yield from (f"{name} has no option {option}" for option in sorted(set(arguments) - known_names))


@functools.cache
def _documented_options(name: str) -> dict[str, Any] | None:
    """The options that a module documents; nothing where there is no such module."""
    parent = f"{_PLUGINS}.modules" if name.startswith(OURS) else "ansible.modules"
    module = f"{parent}.{name.rpartition('.')[2]}"
    specification = importlib.util.find_spec(module)
    if specification is None:
        return None
    if name.startswith(OURS):  # its fragments, which ansible-core looks for elsewhere, have attributes alone
        own: dict[str, Any] = yaml.safe_load(importlib.import_module(module).DOCUMENTATION)
        return own["options"]
    documentation, *_rest = get_docstring(specification.origin, fragment_loader)
    options: dict[str, Any] = documentation.get("options") or {}
    return options


def _sample(option: Mapping[str, Any], value: Any) -> Any:
    """A value as a run could have it: something of the right type in the place of each template."""
    if isinstance(value, str) and _is_template(value):
        choices = option.get("choices")
        return choices[0] if choices else _SAMPLES.get(option.get("type", "str"), value)
    if isinstance(value, dict) and "options" in option:
        return {key: _sample(option["options"].get(key, {}), each) for key, each in value.items()}
    if isinstance(value, list):
        return [_sample({**option, "type": option.get("elements", "raw")}, each) for each in value]
    return value


def _of_expressions(content: Any, is_condition: bool = False) -> Iterator[str]:
    """What Jinja cannot read of the templates and conditions in an example."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _of_expressions(value, key in _CONDITIONS)
    elif isinstance(content, list):
        for each in content:
            yield from _of_expressions(each, is_condition)
    elif isinstance(content, str):
        try:
            Environment(autoescape=True).parse(f"{{{{ {content} }}}}" if is_condition else content)
        except TemplateSyntaxError as error:
            yield f"{content}: {error.message}"


def _is_template(value: Any) -> bool:
    """Whether there is a template in a value, at any depth."""
    if isinstance(value, dict):
        return any(map(_is_template, value.values()))
    if isinstance(value, list):
        return any(map(_is_template, value))
    return isinstance(value, str) and ("{{" in value or "{%" in value)
