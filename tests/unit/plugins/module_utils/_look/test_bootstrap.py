# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the program of a look, run by a Python of its own, which knows the standard library alone."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._look import bootstrap

TEXT = Path(bootstrap.__file__).read_text()
ENTRY = """
import pack.used
def look(arguments):
    return {"said": arguments["word"], "by": pack.used.__file__, "name": __name__}
"""


def run(sources: dict[str, str], arguments: Any = None, text: str = TEXT) -> subprocess.CompletedProcess[str]:
    packed = base64.b64encode(zlib.compress(json.dumps(sources).encode())).decode()
    program = f"{text}\nrun('pack.entry', {packed!r}, {json.dumps(arguments)!r})\n"
    return subprocess.run([sys.executable, "-I", "-S", "-"], input=program, capture_output=True, text=True, check=False)


def answer(finished: subprocess.CompletedProcess[str]) -> Any:
    assert finished.returncode == 0, finished.stderr
    before, begin, between, end, after = finished.stdout.split("\n")
    assert (before, begin, end, after) == ("", bootstrap.BEGIN, bootstrap.END, "")
    return json.loads(between)


def test_the_answer_is_that_of_the_entry_to_the_arguments() -> None:
    found = answer(run({"pack.entry": ENTRY, "pack.used": ""}, {"word": "\u00e4 \"'\\ \n"}))
    assert found == {"said": "\u00e4 \"'\\ \n", "by": "pack/used.py", "name": "pack.entry"}


def test_a_module_is_compiled_when_it_is_imported_and_not_before() -> None:
    entry = "def look(arguments):\n    if arguments:\n        import pack.broken\n"
    sources = {"pack.entry": entry, "pack.broken": "this is no Python"}
    assert answer(run(sources, False)) is None
    finished = run(sources, True)
    assert finished.returncode != 0
    assert "pack/broken.py" in finished.stderr


def test_sources_that_nobody_imports_can_be_read() -> None:
    entry = """
def look(_arguments):
    read = __spec__.loader.get_data
    try:
        read("pack/none.py")
    except OSError as error:
        missing = type(error).__name__
    return [read("pack/words.py").decode(), missing]
"""
    assert answer(run({"pack.entry": entry, "pack.words": "\u00e4"})) == ["\u00e4", "FileNotFoundError"]


def test_dataclasses_of_such_modules_work() -> None:
    entry = """
from __future__ import annotations
from dataclasses import asdict, dataclass
@dataclass(frozen=True)
class Point:
    x: int = 1
def look(_arguments):
    return asdict(Point())
"""
    assert answer(run({"pack.entry": entry})) == {"x": 1}


@pytest.mark.parametrize(
    "entry",
    ["def look(_arguments): raise ValueError", "look = None", "import ansible", "def look(_arguments): return {1, 2}"],
    ids=["an error", "no entry", "ansible", "no JSON"],
)
def test_without_an_answer_nothing_looks_like_one(entry: str) -> None:
    finished = run({"pack.entry": entry})
    assert finished.returncode != 0
    assert bootstrap.BEGIN not in finished.stdout


def test_an_old_python_is_told_and_imports_nothing() -> None:
    finished = run({"pack.entry": "this is no Python"}, text=TEXT.replace("= (3, 9)", "= (99, 0)"))
    assert finished.returncode != 0
    assert finished.stderr == "this Python is too old\n"
