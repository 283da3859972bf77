# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every error message of the collection, collected from the syntax trees of its code, and from its tasks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
#: Where tasks are.
TASKS = ("roles/*/tasks/*.yml", "playbooks/**/*.yml")
#: The families of errors whose text people read, and what Ansible's own edges raise.
FAMILIES = frozenset({"PkiError", "HostError", "AnsibleActionFail", "AnsibleError", "AnsibleTypeError"})
#: What stands for whatever a message is given.
GIVEN = "…"


class Message(NamedTuple):
    """A message in the code: its text with GIVEN for what changes, and where it is."""

    text: str
    file: str
    line: int

    @property
    def words(self) -> str:
        """What never changes of it."""
        return self.text.replace(GIVEN, "")

    @property
    def tells(self) -> bool:
        """Whether it has words of its own. What has none repeats a message that another place made."""
        return len(re.findall("[A-Za-z]{2,}", self.words)) > 1


@cache
def error_messages() -> tuple[Message, ...]:
    """Every text of an error, in the order of files and lines. Of tasks, no line is known."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PLUGINS.rglob("*.py"))}
    found = {Message(text, str(path.relative_to(ROOT)), line) for path, line, text in texts_in(trees)}
    for path in (path for pattern in TASKS for path in ROOT.glob(pattern)):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        found |= {Message(text, str(path.relative_to(ROOT)), 0) for text in texts_of_tasks(content)}
    return tuple(sorted(found, key=lambda message: (message.file, message.line, message.text)))


def texts_of_tasks(content: Any) -> Iterator[str]:
    """The text of each failure that plays or tasks have of their own, at any depth."""
    for each in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from texts_of_tasks(each)
    if isinstance(content, dict):
        for module, option in (("ansible.builtin.assert", "fail_msg"), ("ansible.builtin.fail", "msg")):
            if isinstance(content.get(module), dict):
                yield _plain(re.sub(r"\{\{.*?\}\}", GIVEN, content[module][option], flags=re.DOTALL))


def texts_in(trees: Mapping[Path, ast.Module]) -> Iterator[tuple[Path, int, str]]:
    """The file, the line and the text of each error that is made in these files."""
    families, returned = _families(trees), _returned(trees.values())
    for path, tree in trees.items():
        known = Known(_constants(tree), returned)
        for node in ast.walk(tree):
            for told in _told(node, families):
                for text in _texts(told, known):
                    yield path, told.lineno, _plain(text)


def _told(node: ast.AST, families: frozenset[str]) -> Iterator[ast.expr]:
    """What an error is made with, or a result that Ansible prints as one: ``msg``, in a dictionary or by name."""
    if isinstance(node, ast.Call):
        if _name(node.func) in families and node.args:
            yield node.args[0]
        yield from (keyword.value for keyword in node.keywords if keyword.arg == "msg")
    if isinstance(node, ast.Dict):
        keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
        yield from (value for key, value in zip(keys, node.values, strict=True) if key == "msg")


class Known(NamedTuple):
    """The texts that a file has by name, and what each function of the collection returns."""

    constants: Mapping[str, tuple[str, ...]]
    returned: Mapping[str, tuple[ast.expr, ...]]


def _returned(trees: Iterable[ast.Module]) -> dict[str, tuple[ast.expr, ...]]:
    found: dict[str, list[ast.expr]] = {}
    for tree in trees:
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                values = [each.value for each in ast.walk(function) if isinstance(each, ast.Return) and each.value]
                found.setdefault(function.name, []).extend(values)
    return {name: tuple(values) for name, values in found.items()}


def _families(trees: Mapping[Path, ast.Module]) -> frozenset[str]:
    """The names of all classes of the families."""
    classes = {
        each.name: {_name(base) for base in each.bases}
        for tree in trees.values()
        for each in ast.walk(tree)
        if isinstance(each, ast.ClassDef)
    }
    families: set[str] = set(FAMILIES)
    while more := {name for name, bases in classes.items() if bases & families} - families:
        families |= more
    return frozenset(families)


def _constants(tree: ast.Module) -> dict[str, tuple[str, ...]]:
    """The texts that a file has by name, of a table each."""
    return {
        target.id: texts
        for statement in tree.body
        if isinstance(statement, ast.Assign) and (texts := _literal_texts(statement.value))
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def _literal_texts(node: ast.expr) -> tuple[str, ...]:
    values = node.values if isinstance(node, ast.Dict) else [node]
    return tuple(each.value for each in values if isinstance(each, ast.Constant) and isinstance(each.value, str))


def _texts(node: ast.expr, known: Known, depth: int = 2) -> Iterator[str]:
    """Each text that an expression can be, with GIVEN for its unknown parts; that of a function is what it returns."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(_part(part, known.constants) for part in node.values)
    elif isinstance(node, ast.IfExp):
        for each in (node.body, node.orelse):
            yield from _texts(each, known, depth)
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        yield from known.constants.get(node.value.id, (GIVEN,))
    elif isinstance(node, ast.Name):
        yield from known.constants.get(node.id, (GIVEN,))
    elif isinstance(node, ast.Call) and depth and _name(node.func) in known.returned:
        for each in known.returned[_name(node.func)]:
            yield from _texts(each, known, depth - 1)
    else:
        yield GIVEN


def _part(part: ast.expr, constants: Mapping[str, tuple[str, ...]]) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    value = part.value if isinstance(part, ast.FormattedValue) else part
    texts = constants.get(value.id, ()) if isinstance(value, ast.Name) else ()
    return texts[0] if len(texts) == 1 else GIVEN


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _plain(text: str) -> str:
    return re.sub(rf"{GIVEN}+", GIVEN, " ".join(text.split()))
