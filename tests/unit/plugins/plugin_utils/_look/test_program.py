# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of what is sent to look at a host, and of what is taken for an answer."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._look.bootstrap import BEGIN, END
from ansible_collections.anchorage.pki.plugins.module_utils._programs.bundle import PACKAGE
from ansible_collections.anchorage.pki.plugins.plugin_utils._look.program import (
    MODULE_UTILS,
    NoAnswerError,
    imported_by,
    look_program,
    read_answer,
)

ENTRIES = ("_leaf_deployment.look", "_trust.look")


def path_of(name: str) -> Path:
    return MODULE_UTILS.joinpath(*name.split(".")).with_suffix(".py")


def imports_of(name: str) -> set[str]:
    """The names below module_utils that a module imports, by its syntax tree."""
    found = set()
    for node in ast.walk(ast.parse(path_of(name).read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}."):
            package = str(node.module).removeprefix(f"{PACKAGE}.")
            names = [package, *(f"{package}.{alias.name}" for alias in node.names)]
            found |= {each for each in names if path_of(each).is_file()}
    return found


@pytest.mark.parametrize("entry", ENTRIES)
def test_all_that_may_be_imported_is_sent(entry: str) -> None:
    sent = imported_by(entry)
    assert entry in sent
    assert set().union(*map(imports_of, sent)) == sent - {entry}


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_look_needs_nothing_of_ansible(entry: str) -> None:
    for name in imported_by(entry):
        for node in ast.walk(ast.parse(path_of(name).read_text())):
            imported = [getattr(node, "module", None) or "", *(alias.name for alias in getattr(node, "names", []))]
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                assert not any(each == "ansible" or each.startswith("ansible.") for each in imported), name


def test_arguments_are_json_in_the_program_and_no_code() -> None:
    program = look_program("_trust.look").with_arguments({"word": "') or \"\n\\ \u00e4"})
    call = ast.parse(program).body[-1]
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    entry, _sources, arguments = (ast.literal_eval(argument) for argument in call.value.args)
    assert entry == f"{PACKAGE}._trust.look"
    assert json.loads(arguments) == {"word": "') or \"\n\\ \u00e4"}


@pytest.mark.parametrize("before", ["", "\n", "Welcome!\n", f"{BEGIN}"])
def test_an_answer_is_found_whatever_a_login_writes(before: str) -> None:
    assert read_answer(f'{before}\n{BEGIN}\n{{"changed": false}}\n{END}\nGood bye.\n') == {"changed": False}


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("", "end"),
        ("Welcome!", "end"),
        (f"\n{BEGIN}\n{{}}\n", "end"),
        (f"\n{BEGIN}\n{{}}", "end"),
        (f"\n{{}}\n{END}\n", "end"),
        (f"\n{END}\n{{}}\n{BEGIN}\n", "end"),
        (f"\n{BEGIN}\n{{\n{END}\n", "JSON"),
        (f"\n{BEGIN}\n\n{END}\n", "JSON"),
        (f"\n{BEGIN}\n{'[' * 200_000}\n{END}\n", "JSON"),
    ],
)
def test_no_answer_is_told_from_one(output: str, reason: str) -> None:
    with pytest.raises(NoAnswerError, match=reason):
        read_answer(output)
