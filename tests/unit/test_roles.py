# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each role documents the variables that it reads, and reads those that it documents."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.anchorage.pki.plugins.plugin_utils._variables.known import PLAYBOOK_OPTIONS

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())

#: Where a role's tasks give it a variable: the names below these keys are no options, nor are those in its vars/.
GIVEN_BY = ("vars", "ansible.builtin.set_fact")


def documented(role: Path) -> dict[str, Any]:
    """The options of all entry points of a role."""
    entry_points = read(role / "meta" / "argument_specs.yml")["argument_specs"].values()
    return {name: option for entry_point in entry_points for name, option in entry_point["options"].items()}


def defaults(role: Path) -> dict[str, Any]:
    """The defaults of a role."""
    path = role / "defaults" / "main.yml"
    return read(path) if path.exists() else {}


def used(role: Path) -> set[str]:
    """The role's own variables and the collection's in its tasks and templates, those that it gives itself aside."""
    tasks, own = sorted((role / "tasks").glob("*.yml")), sorted((role / "vars").glob("*.yml"))
    texts = [path.read_text(encoding="utf-8") for path in [*tasks, *own, *sorted(role.glob("templates/*"))]]
    # Neither a part of a path nor what a message tells the reader to type, name=value, is a variable read here.
    words = re.findall(rf"(?<![\w./-])(?:anchorage|{role.name})_\w+\b(?!=)", "\n".join(texts))
    names = {name for path in tasks for name in given(read(path))}.union(*(read(path) for path in own))
    return set(words) - names


def given(tasks: Any) -> set[str]:
    """The variables that tasks set, register or hand to others."""
    if isinstance(tasks, list):
        return {name for task in tasks for name in given(task)}
    if not isinstance(tasks, dict):
        return set()
    names = {name for key in GIVEN_BY for name in tasks.get(key, {})}
    names |= {tasks["register"]} if "register" in tasks else set()
    return names.union(*(given(value) for value in tasks.values()))


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ROLES)
def test_defaults_are_those_documented(name: str) -> None:
    role = ROOT / "roles" / name
    assert defaults(role) == {
        name: option["default"] for name, option in documented(role).items() if "default" in option
    }


@pytest.mark.parametrize("name", ROLES)
def test_every_variable_is_documented_and_used(name: str) -> None:
    role = ROOT / "roles" / name
    assert used(role) == set(documented(role))


@pytest.mark.parametrize("name", ROLES)
def test_what_undoes_a_role_is_documented(name: str) -> None:
    role = ROOT / "roles" / name
    entry_points = set(read(role / "meta" / "argument_specs.yml")["argument_specs"])
    assert ("uninstall" in entry_points) == (role / "tasks" / "uninstall.yml").exists()


#: Where a task has an expression without braces.
CONDITIONS = ("when", "that", "until", "failed_when", "changed_when")
#: What makes a truth of a text, or hands the value to a task, which does.
AS_TRUTH = re.compile(r"\s*\|\s*(default\(omit(, true)?\)|(default\((true|false)\)\s*\|\s*)?bool\b)")


def expressions(path: Path) -> list[str]:
    """All expressions of a file of tasks, of plays or of a template, without the texts that are quoted in them."""
    content = path.read_text(encoding="utf-8")
    found = re.findall(r"{{(.*?)}}|{%(.*?)%}", content, re.DOTALL)
    conditions = conditions_in(yaml.safe_load(content)) if path.suffix == ".yml" else []
    return [re.sub(r"""'[^']*'|"[^"]*\"""", "''", each) for each in ["".join(one) for one in found] + conditions]


def conditions_in(value: Any) -> list[str]:
    if isinstance(value, list):
        return [condition for each in value for condition in conditions_in(each)]
    if not isinstance(value, dict):
        return []
    own = [each for key in CONDITIONS for each in [value.get(key)] if each is not None]
    flat = [str(each) for one in own for each in (one if isinstance(one, list) else [one])]
    return flat + [condition for each in value.values() for condition in conditions_in(each)]


def texts_for_truths(path: Path, names: set[str]) -> list[str]:
    """Those expressions that take such a variable for true or false, though it may be a text, such as "false"."""
    return [
        expression.strip()
        for expression in expressions(path)
        for name in names
        for match in re.finditer(rf"(?<![\w.]){name}\b", expression)
        if not AS_TRUTH.match(expression, match.end())
    ]


TRUTHS = {name for name, option in PLAYBOOK_OPTIONS.items() if option["type"] == "bool"}.union(
    *(
        {name for name, option in documented(ROOT / "roles" / role).items() if option.get("type") == "bool"}
        for role in ROLES
    )
)
SOURCES = [
    path
    for pattern in ("roles/*/tasks/*.yml", "roles/*/vars/*.yml", "roles/*/templates/*", "playbooks/**/*.yml")
    for path in sorted(ROOT.glob(pattern))
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_true_or_false_may_be_given_as_text(path: Path) -> None:
    """As it is by -e name=false: the newest ansible-core refuses a text as a condition, and older ones take it for
    true where it stands for itself."""
    assert texts_for_truths(path, TRUTHS) == []


@pytest.mark.parametrize(
    ("condition", "is_text"),
    [
        ("mine_on", True),
        ("not mine_on", True),
        ("mine_on | default(true)", True),
        ("mine_on | bool", False),
        ("other and mine_on | default(false) | bool", False),
        ("mine_on_time", False),
        ("other == 'mine_on'", False),
    ],
)
@pytest.mark.parametrize("form", ["- when: {0}", "- when: [other, {0}]", "- vars:\n    mine: >-\n      {{{{ {0} }}}}"])
def test_sees_a_text_that_is_taken_for_true(tmp_path: Path, condition: str, is_text: bool, form: str) -> None:
    path = tmp_path / "main.yml"
    path.write_text(form.format(f'"{condition}"' if "when" in form else condition), encoding="utf-8")
    assert bool(texts_for_truths(path, {"mine_on"})) is is_text


TASKS = """
- name: Deploy
  anchorage.pki.leaf_certificate:
    name: "{{ mine_name }}"
    authority: "{{ anchorage_authority | default(omit) }}"
    destination: ~/mine_folder/mine_file.json
    msg: call it with mine_name=app and mine_other=1
  register: mine_result
- name: Go on
  vars: {mine_given: "{{ mine_result }}"}
  block:
    - ansible.builtin.set_fact: {mine_fact: "{{ mine_given }}"}
"""


@pytest.fixture
def role(tmp_path: Path) -> Path:
    for folder in ("tasks", "templates"):
        (tmp_path / "mine" / folder).mkdir(parents=True)
    (tmp_path / "mine" / "tasks" / "main.yml").write_text(TASKS, encoding="utf-8")
    (tmp_path / "mine" / "templates" / "unit.j2").write_text("{{ mine_fact }}{{ mine_port }}", encoding="utf-8")
    return tmp_path / "mine"


def test_sees_what_a_role_uses(role: Path) -> None:
    assert used(role) == {"mine_name", "anchorage_authority", "mine_port"}
