# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A look in an interpreter of its own, which has the standard library and the look's sources, and no file of ours."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
PACKAGE = "ansible_collections.anchorage.pki.plugins"
_PROGRAM = """
import importlib, json, sys
from importlib.machinery import ModuleSpec
sources, entry, arguments, settings = json.loads({given!r})
class Loader:
    def find_spec(self, name, path=None, target=None):
        folder = any(each.startswith(name + ".") for each in sources)
        return ModuleSpec(name, self, is_package=folder) if folder or name in sources else None
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        exec(compile(sources.get(module.__name__, ""), module.__name__.replace(".", "/") + ".py", "exec"),
             module.__dict__)
sys.meta_path.insert(0, Loader())
named = dict(settings=importlib.import_module({settings!r}).Settings(**settings)) if settings else dict()
answer = importlib.import_module(entry).look(arguments, **named)
imported = [name for name in sys.modules if name in sources]
print(json.dumps([answer, imported, sorted({{name.partition(".")[0] for name in sys.modules}})]))
"""


def sources() -> dict[str, str]:
    """The source of everything below module_utils, by its full name."""
    paths = sorted((PLUGINS / "module_utils").rglob("*.py"))
    return {".".join([PACKAGE, *path.relative_to(PLUGINS).with_suffix("").parts]): path.read_text() for path in paths}


def program(entry: str, arguments: Mapping[str, Any], settings: Mapping[str, Any]) -> bytes:
    """The program that calls ``look`` of the module ``entry``, a name below module_utils."""
    given = json.dumps([sources(), f"{PACKAGE}.module_utils.{entry}", arguments, settings])
    names = f"{PACKAGE}.module_utils._trust.settings"
    return _PROGRAM.format(given=given, settings=names).encode()


def look_apart(
    entry: str,
    arguments: Mapping[str, Any],
    settings: Mapping[str, Any],
    python: Sequence[str] = (sys.executable,),
) -> tuple[Any, list[str], list[str]]:
    """What the look answers, which of our modules it imported, by full name, and the top-level names of all."""
    run = subprocess.run(
        [*python, "-I", "-"], input=program(entry, arguments, settings), capture_output=True, check=True, cwd="/"
    )
    answer, imported, tops = json.loads(run.stdout)
    return answer, imported, tops
