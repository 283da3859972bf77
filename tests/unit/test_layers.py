# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The layers of the code, kept over the syntax trees of everything in ``plugins/``.

Each rule is a function from a file to the sentences that say what it breaks. The second half of this file shows each
rule a text that breaks it.
"""

from __future__ import annotations

import ast
import functools
import io
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = "ansible_collections.anchorage.pki.plugins"
TRUST_STORES = f"{PLUGINS}.module_utils._trust"
HOST_LAYERS = ("module_utils", "modules")
#: What services import, or copy.
FOR_SERVICES = (PurePosixPath("module_utils/latest_context.py"),)
#: The packages that only the controller has, and the one file that imports each.
DOORS = {
    "cryptography": PurePosixPath("plugin_utils/_cryptography.py"),
    "idna": PurePosixPath("plugin_utils/_idna.py"),
}
#: What calls Apple's libraries.
APPLE_LIBRARIES = (
    PurePosixPath("module_utils/_macos/changing.py"),
    PurePosixPath("module_utils/_macos/core_foundation.py"),
    PurePosixPath("module_utils/_macos/security.py"),
)
EDGES = ("action", "callback", "filter", "lookup", "modules")

#: The most lines of code that an edge may have, documentation, comments and blank lines aside.
LARGEST_EDGE = 120

#: The most lines that a file and a function may have.
LONGEST_FILE = 350
LONGEST_FUNCTION = 40


@dataclass(frozen=True)
class Source:
    """A file below ``plugins/``: its path from there, and its text."""

    path: PurePosixPath
    text: str

    @property
    def layer(self) -> str:
        return self.path.parts[0]

    @functools.cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def module(self) -> str:
        """The name by which it is imported."""
        return ".".join([PLUGINS, *self.path.with_suffix("").parts])

    @functools.cached_property
    def imports(self) -> list[str]:
        """What it imports, in full: ``a.b`` for ``import a.b``, ``a.b.c`` for ``from a.b import c``."""
        return list(self._imports())

    def _imports(self) -> Iterator[str]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                package = self.module.split(".")[: -node.level] if node.level else []
                parents = [*package, *([node.module] if node.module else [])]
                yield from (".".join([*parents, alias.name]) for alias in node.names)


def within(name: str, package: str) -> bool:
    """Whether a dotted name is a package, or something in it."""
    return f"{name}.".startswith(f"{package}.")


def host_imports(source: Source) -> list[str]:
    """Hosts have Python's standard library, and what Ansible brings along with a module: nothing else."""
    if source.layer not in HOST_LAYERS or source.path in FOR_SERVICES:
        return []
    brought = ("ansible.module_utils", f"{PLUGINS}.module_utils")
    return [
        f"imports {name}, which hosts do not have"
        for name in source.imports
        if name.split(".")[0] not in sys.stdlib_module_names and not any(within(name, package) for package in brought)
    ]


def service_imports(source: Source) -> list[str]:
    """What services may copy is a file of its own."""
    if source.path not in FOR_SERVICES:
        return []
    permitted = sys.stdlib_module_names | {"cryptography"}
    return [
        f"imports {name}, which services need not have"
        for name in source.imports
        if name.split(".")[0] not in permitted
    ]


def core_imports(source: Source) -> list[str]:
    """The core knows neither Ansible nor the edges. Its adapters, the files beside its folders, may."""
    if source.layer != "plugin_utils" or len(source.path.parts) == 2:
        return []
    unknown = ("ansible", f"{PLUGINS}.plugin_utils._action", *(f"{PLUGINS}.{edge}" for edge in EDGES))
    return [
        f"imports {name}, which the core must not know"
        for name in source.imports
        if any(within(name, package) for package in unknown)
    ]


def package_imports(source: Source) -> list[str]:
    """The packages that hosts do not have come in through one door each."""
    if source.path in FOR_SERVICES:
        return []
    return [
        f"imports {name} itself, not by {door.stem}"
        for package, door in DOORS.items()
        for name in source.imports
        if within(name, package) and source.path != door
    ]


def ctypes_imports(source: Source) -> list[str]:
    """Apple's libraries are loaded by a process that does nothing else, and nothing else needs foreign libraries."""
    if source.path in APPLE_LIBRARIES:
        return []
    return [
        f"imports {name}, as only the program may that runs beside" for name in source.imports if within(name, "ctypes")
    ]


def store_imports(source: Source) -> list[str]:
    """A file with a trust store knows no other such file; what they share is in files without a store."""
    if not has_store(source):
        return []
    return [
        f"imports {name}, another trust store"
        for name in source.imports
        if any(within(name, file) for file in files_with_stores() - {source.module})
    ]


def has_store(source: Source) -> bool:
    """Whether one of its classes is a trust store, as told by a method ``install``; the contract itself is none."""
    classes = [node for node in source.tree.body if isinstance(node, ast.ClassDef)]
    return within(source.module, TRUST_STORES) and any(
        "install" in {method.name for method in node.body if isinstance(method, ast.FunctionDef)}
        for node in classes
        if "Protocol" not in {name.id for base in node.bases for name in names_in(base)}
    )


@functools.cache
def files_with_stores() -> frozenset[str]:
    return frozenset(source.module for source in sources() if has_store(source))


def public_internals(source: Source) -> list[str]:
    """What no user may import says so by its name, or by that of its folder."""
    if source.layer not in ("module_utils", "plugin_utils") or source.path.parts[1].startswith("_"):
        return []
    if source.path in FOR_SERVICES:
        return []
    return ["is internal, and neither its name nor its folder's begins with an underscore"]


def broad_excepts(source: Source) -> list[str]:
    """An error that nobody expected is for the reader to see, not to swallow."""
    return [
        f"catches everything in line {node.lineno}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or {"Exception", "BaseException"} & {name.id for name in names_in(node.type)})
    ]


def names_in(node: ast.AST) -> list[ast.Name]:
    return [name for name in ast.walk(node) if isinstance(name, ast.Name)]


def large_edges(source: Source) -> list[str]:
    """What makes an edge large belongs inside."""
    count = code_lines(source)
    if source.layer not in EDGES or count <= LARGEST_EDGE:
        return []
    return [f"has {count} lines of code, and an edge has at most {LARGEST_EDGE}"]


def code_lines(source: Source) -> int:
    """The number of lines that hold code: no comment, docstring, documentation or blank line."""
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type not in silent:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(source.tree):
        if is_documentation(node):
            lines.difference_update(range(node.lineno, node.end_lineno + 1))
    return len(lines)


def is_documentation(node: ast.AST) -> bool:
    """Whether a statement is a docstring, or one of the texts that ansible-doc reads."""
    if is_plugin_documentation(node):
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def is_plugin_documentation(node: ast.AST) -> bool:
    """Whether a statement is one of the texts that ansible-doc reads."""
    return isinstance(node, ast.Assign) and {"DOCUMENTATION", "EXAMPLES", "RETURN"} >= {
        name.id for name in names_in(node)
    }


def length(node: ast.stmt) -> int:
    """The number of lines of a statement."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def long_files(source: Source) -> list[str]:
    """A long file has more than one subject. All lines count, but for the texts that ansible-doc reads."""
    documentation = sum(length(node) for node in source.tree.body if is_plugin_documentation(node))
    count = len(source.text.splitlines()) - documentation
    return [f"has {count} lines, and a file has at most {LONGEST_FILE}"] if count > LONGEST_FILE else []


def long_functions(source: Source) -> list[str]:
    """A long function does more than one thing. All lines from ``def`` to the end count, the docstring included."""
    return [
        f"{node.name} has {length(node)} lines, and a function has at most {LONGEST_FUNCTION}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and length(node) > LONGEST_FUNCTION
    ]


RULES = (
    host_imports,
    service_imports,
    core_imports,
    package_imports,
    ctypes_imports,
    store_imports,
    public_internals,
    broad_excepts,
    large_edges,
    long_files,
    long_functions,
)


@functools.cache
def sources() -> tuple[Source, ...]:
    folder = ROOT / "plugins"
    return tuple(
        Source(PurePosixPath(path.relative_to(folder)), path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.py"))
    )


def cycle(edges: Iterable[tuple[str, str]]) -> list[str]:
    """The names of a cycle among ``edges`` (from, to), which begins and ends with the same name; none where it is."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for start, end in edges:
        if start != end:
            sorter.add(start, end)
    try:
        sorter.prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def imported_files() -> Iterator[tuple[PurePosixPath, PurePosixPath]]:
    """Each file below ``plugins/`` beside each other one that it imports."""
    paths = {source.module: source.path for source in sources()}
    for source in sources():
        for name in source.imports:
            found = paths.get(name) or paths.get(name.rpartition(".")[0])
            if found:
                yield source.path, found


@pytest.mark.parametrize("source", sources(), ids=lambda source: str(source.path))
def test_keeps_the_layers(source: Source) -> None:
    violations = [violation for rule in RULES for violation in rule(source)]
    assert not violations, "; ".join(violations)


def test_no_two_files_import_each_other() -> None:
    assert cycle((str(importer), str(imported)) for importer, imported in imported_files()) == []


def test_no_two_folders_import_each_other() -> None:
    """A folder below another one is a part of that one: the engine of trust imports the stores, which share files."""
    folders = ((importer.parent, imported.parent) for importer, imported in imported_files())
    assert (
        cycle(
            (str(importer), str(imported))
            for importer, imported in folders
            if not importer.is_relative_to(imported) and not imported.is_relative_to(importer)
        )
        == []
    )


def test_sees_a_cycle() -> None:
    assert cycle([("a", "b"), ("b", "c"), ("a", "c"), ("c", "c")]) == []
    assert sorted(set(cycle([("a", "b"), ("b", "c"), ("c", "a")]))) == ["a", "b", "c"]


VIOLATIONS = [
    ("module_utils/_a/a.py", "import requests", host_imports),
    ("module_utils/_a/a.py", "from ansible.plugins.action import ActionBase", host_imports),
    ("module_utils/_a/a.py", f"from {PLUGINS}.plugin_utils import errors", host_imports),
    ("module_utils/_a/a.py", "from ...plugin_utils.errors import PkiError", host_imports),
    ("module_utils/_a/a.py", "def f():\n    from ...plugin_utils import errors", host_imports),
    ("modules/a.py", f"from {PLUGINS}.plugin_utils.errors import PkiError", host_imports),
    ("module_utils/latest_context.py", "from ansible.module_utils.basic import AnsibleModule", service_imports),
    ("module_utils/latest_context.py", "from ._a import a", service_imports),
    ("plugin_utils/_a/a.py", "import ansible.constants", core_imports),
    ("plugin_utils/_a/a.py", "from ansible.module_utils.basic import AnsibleModule", core_imports),
    ("plugin_utils/_a/a.py", f"from {PLUGINS}.action import trust_anchor", core_imports),
    ("plugin_utils/_a/a.py", f"from {PLUGINS}.plugin_utils._action import PkiAction", core_imports),
    ("plugin_utils/_a/a.py", "from .._action import PkiAction", core_imports),
    ("plugin_utils/_a/a.py", "from cryptography import x509", package_imports),
    ("action/a.py", "import cryptography.x509", package_imports),
    ("plugin_utils/_cryptography.py", "import idna", package_imports),
    ("module_utils/_macos/helper.py", "def f():\n    from ctypes import util", ctypes_imports),
    ("plugin_utils/_a/a.py", "import ctypes", ctypes_imports),
    (
        "module_utils/_trust/a.py",
        "from .system import anchor_folder\nclass A:\n    def install(self): ...",
        store_imports,
    ),
    ("module_utils/a.py", "import ssl", public_internals),
    ("plugin_utils/a/b.py", "import ssl", public_internals),
    ("modules/a.py", "try:\n    f()\nexcept Exception:\n    pass", broad_excepts),
    ("action/a.py", "try:\n    f()\nexcept (OSError, BaseException):\n    pass", broad_excepts),
    ("plugin_utils/_a/a.py", "try:\n    f()\nexcept:\n    pass", broad_excepts),
    ("action/a.py", "x = 1\n" * (LARGEST_EDGE + 1), large_edges),
    ("plugin_utils/_a/a.py", "x = 1\n" * (LONGEST_FILE + 1), long_files),
    ("plugin_utils/_a/a.py", "# comment\n" * (LONGEST_FILE + 1), long_files),
    ("plugin_utils/_a/a.py", "def f():\n" + "    x = 1\n" * LONGEST_FUNCTION, long_functions),
    ("plugin_utils/_a/a.py", 'def f():\n    """' + "line\n" * LONGEST_FUNCTION + '"""', long_functions),
    (
        "plugin_utils/_a/a.py",
        "class A:\n    async def f(self):\n" + "        x = 1\n" * LONGEST_FUNCTION,
        long_functions,
    ),
]


@pytest.mark.parametrize(("path", "text", "rule"), VIOLATIONS)
def test_reports_a_violation(path: str, text: str, rule: object) -> None:
    source = Source(PurePosixPath(path), text)
    assert [each for each in RULES if each(source)] == [rule]
    assert len(rule(source)) == 1


PERMITTED = [
    (
        "module_utils/_a/a.py",
        "import ssl\nfrom ansible.module_utils.basic import AnsibleModule\nfrom .errors import HostError",
    ),
    ("plugin_utils/_action.py", "from ansible.plugins.action import ActionBase"),
    ("plugin_utils/_cryptography.py", "from cryptography import x509"),
    ("plugin_utils/_a/a.py", "import ansiblelike\nfrom .._cryptography import x509"),
    ("module_utils/latest_context.py", "import ssl\nfrom cryptography import x509"),
    ("module_utils/_macos/security.py", "import ctypes"),
    ("module_utils/_trust/shared.py", "from .system import anchor_folder"),
    ("modules/a.py", "try:\n    f()\nexcept (OSError, ValueError):\n    pass"),
    ("plugin_utils/_a/a.py", "x = 1\n" * LONGEST_FILE),
    ("plugin_utils/_a/a.py", "@cache\ndef f():\n" + "    x = 1\n" * (LONGEST_FUNCTION - 1)),
    ("modules/a.py", 'DOCUMENTATION = """' + "line\n" * LONGEST_FILE + '"""\n' + "x = 1\n" * LARGEST_EDGE),
    ("modules/a.py", 'DOCUMENTATION = """' + "line\n" * LARGEST_EDGE + '"""\n' + "# comment\n\n" * LARGEST_EDGE),
]


@pytest.mark.parametrize(("path", "text"), PERMITTED)
def test_permits_what_the_layers_allow(path: str, text: str) -> None:
    source = Source(PurePosixPath(path), text)
    assert [violation for rule in RULES for violation in rule(source)] == []


def test_counts_code_alone() -> None:
    documentation = '"""Docs.\n\nMore."""\n\n# comment\nRETURN = """\na: b\n"""\n\n\n'
    text = documentation + 'def f(\n    x,\n):\n    """Docs."""\n    return x\n'
    assert code_lines(Source(PurePosixPath("modules/a.py"), text)) == 4
