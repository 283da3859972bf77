# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks at scratch hosts, by the program that is sent to real ones, in a Python that has the standard library alone."""

from __future__ import annotations

import ast
import functools
import io
import subprocess
import sys
import tokenize
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._programs.bundle import PACKAGE
from ansible_collections.anchorage.pki.plugins.plugin_utils._look.program import (
    MODULE_UTILS,
    LookProgram,
    imported_by,
    program_of,
    read_answer,
    source_of,
)

_NO_CODE = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}

# Calls a look with what real ones have by default, and tells what was imported for it.
SCRATCH = f"""
import importlib, sys

def look(given):
    module = importlib.import_module(given["module"])
    scratch = {{}}
    if given["layout"] is not None:
        from {PACKAGE}._programs.installation import Layout
        scratch["layout"] = Layout(**given["layout"])
    if given["settings"] is not None:
        from {PACKAGE}._trust.settings import Settings
        scratch["settings"] = Settings(**given["settings"])
    answer = module.look(given["arguments"], **scratch)
    return {{"answer": answer, "modules": sorted(sys.modules)}}
"""


def program(
    module: str,
    arguments: Mapping[str, Any],
    layout: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> str:
    """The text of a look by the function ``look`` of a module below ``module_utils``."""
    given = {"module": f"{PACKAGE}.{module}", "arguments": arguments, "layout": layout, "settings": settings}
    return _program(module).with_arguments(given).decode()


@functools.cache
def _program(module: str) -> LookProgram:
    sources = {f"{PACKAGE}.{name}": source_of(name) for name in imported_by(module)}
    return program_of("scratch", {**sources, "scratch": SCRATCH})


def run_look(
    module: str,
    arguments: Mapping[str, Any],
    layout: Mapping[str, Any] | None = None,
    python: str = sys.executable,
    settings: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], list[str]]:
    """What the look answers, and the names of all modules that were imported for it.

    ``layout`` and ``settings`` are for scratch hosts.
    """
    text = program(module, arguments, layout, settings)
    finished = subprocess.run(
        [python, "-I", "-S", "-"], input=text, capture_output=True, text=True, check=False, cwd="/"
    )
    assert finished.returncode == 0, finished.stderr
    result = read_answer(finished.stdout)
    return result["answer"], result["modules"]


def compiled_lines(modules: Iterable[str]) -> int:
    """How many lines a host compiled to import these modules. What is blank, comment or docstring costs nothing."""
    own = [name.removeprefix(f"{PACKAGE}.") for name in modules if name.startswith(f"{PACKAGE}.")]
    sources = [source_of(name) for name in own if MODULE_UTILS.joinpath(*name.split(".")).with_suffix(".py").exists()]
    return sum(len(_lines_of_code(source) - _lines_of_docstrings(source)) for source in sources)


def _lines_of_code(source: str) -> set[int]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {line for token in tokens if token.type not in _NO_CODE for line in range(token.start[0], token.end[0] + 1)}


def _lines_of_docstrings(source: str) -> set[int]:
    bodies = [getattr(node, "body", None) for node in ast.walk(ast.parse(source))]
    first = [body[0] for body in bodies if isinstance(body, list) and body]
    texts = [each for each in first if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)]
    return {line for text in texts for line in range(text.lineno, (text.end_lineno or 0) + 1)}
