# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every example that a reader could copy: the fenced blocks of the pages, and those in the documentation of plugins."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from documentation.pages import ROOT, blocks, pages

#: Where plugins are that have examples.
PLUGINS = ("modules", "lookup", "filter", "callback")

#: What an example in YAML is.
LIST, INVENTORY, VARIABLES = "plays and tasks", "inventory", "variables"


class Example(NamedTuple):
    """An example: the file and line where it begins, its language, and its text."""

    path: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        """Where it is, in words."""
        return f"{self.path}:{self.line}"


class _Loader(yaml.SafeLoader):
    """Reads what Ansible reads; what is encrypted stays so."""


_Loader.add_constructor("!vault", lambda _loader, node: node.value)


def examples(root: Path = ROOT) -> Iterator[Example]:
    """All examples of a checkout."""
    for page in pages(root):
        for block in blocks((root / page).read_text(encoding="utf-8")):
            yield Example(page, block.line, block.language, textwrap.dedent(block.text))
    for kind in PLUGINS:
        for path in sorted((root / "plugins" / kind).glob("*.py")):
            yield from _of_plugin(path, root)


def _of_plugin(path: Path, root: Path) -> Iterator[Example]:
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            [target] = statement.targets
            if isinstance(target, ast.Name) and target.id == "EXAMPLES":
                yield Example(path.relative_to(root), statement.lineno, "yaml", str(statement.value.value))


def load(text: str) -> Any:
    """What an example in YAML says. Raises yaml.YAMLError."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 (it is a safe loader)


def kind_of(content: Any) -> str:
    """What an example in YAML is; nothing where it is for another program than Ansible."""
    if isinstance(content, list) and all(isinstance(each, dict) for each in content):
        return LIST
    if not isinstance(content, dict):
        return ""
    if any(isinstance(each, dict) and {"hosts", "vars", "children"} & set(each) for each in content.values()):
        return INVENTORY
    return VARIABLES


def is_play(entry: dict[str, Any]) -> bool:
    """Whether an entry of a list is a play, or stands for some."""
    return "hosts" in entry or any(key.rpartition(".")[2] == "import_playbook" for key in entry)
