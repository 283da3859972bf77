# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of looks in real runs of ansible-playbook: when a program is sent and when a module, and what both say."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.tests.playbooks.plugins.action.conftest import Run, start_playbook
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of

PEM = pem_of(make_root("Lab root")).decode()
# Python behind a program that writes something of its own, or spoils what it is asked to do on its input.
PROGRAMS = {
    "login": 'echo "Welcome!"',
    "silent": '[ "$1" != -I ] || exit 0',
    "failing": '[ "$1" != -I ] || { echo "no, never" >&2; exit 3; }',
    "cut": '[ "$1" != -I ] || { {python} "$@" | head -n 3; exit 0; }',
    "garbled": """[ "$1" != -I ] || { {python} "$@" | tr '{' '<'; exit 0; }""",
}
PYTHONS = {
    name: f'#!/bin/sh\n{start}\nexec {{python}} "$@"\n'.replace("{python}", sys.executable)
    for name, start in PROGRAMS.items()
}
# A Python that starts, whatever else is on the path.
DISCOVERY = {"ansible_python_interpreter": "auto", "ansible_interpreter_python_fallback": [sys.executable]}

#: Variables of each task, and the reason for which a module looks, "" where a program does.
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "as usual": ({}, ""),
    "pipelining off": ({"ansible_pipelining": False}, "pipelining is off"),
    "su": ({"ansible_become": True, "ansible_become_method": "ansible.builtin.su"}, "pipelining is off"),
    "discovery": (DISCOVERY, "no Python is known"),
    "discovered": (DISCOVERY, ""),
    "templated": ({"ansible_python_interpreter": "{{ ansible_playbook_python }}"}, ""),
    "omitted": ({**DISCOVERY, "ansible_python_interpreter": "{{ nothing | default(omit) }}"}, ""),
    "login": ({"ansible_python_interpreter": "login"}, ""),
    "silent": ({"ansible_python_interpreter": "silent"}, "it did not reach its end"),
    "failing": ({"ansible_python_interpreter": "failing"}, "it ended with status 3 and said: no, never"),
    "cut": ({"ansible_python_interpreter": "cut"}, "it did not reach its end"),
    "garbled": ({"ansible_python_interpreter": "garbled"}, "its answer is not JSON"),
}
MODULE = "Using module file "

__all__ = ["start_playbook"]  # a fixture

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="su asks others than root for a password")


@pytest.fixture(scope="module")
def run(start_playbook: Callable[..., Callable[[], Run]], tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("looks")
    for name, text in PYTHONS.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    tasks = {name: task(variables, folder) for name, (variables, _reason) in CASES.items()}
    tasks["environment"] = {**task({}, folder), "environment": [{"LETTER": "a"}, {"WORDS": "two of 'them'"}]}
    tasks["after a look"] = {"ansible.builtin.ping": {}}
    return start_playbook(folder, tasks, ANSIBLE_PIPELINING="true")()


def task(variables: dict[str, Any], folder: Path) -> dict[str, Any]:
    given = dict(variables)
    if given.get("ansible_python_interpreter") in PYTHONS:
        given["ansible_python_interpreter"] = str(folder / given["ansible_python_interpreter"])
    return {"anchorage.pki.trust_anchor_info": {"certificate": PEM, "stores": ["system"]}, "vars": given}


def told(run: Run, name: str) -> str:
    """What the run wrote about a task, the program itself left out."""
    return run.output.partition(f"TASK [{name}]")[2].partition("TASK [")[0]


@pytest.mark.parametrize("name", [pytest.param(name, marks=needs_root if name == "su" else ()) for name in CASES])
def test_a_program_is_sent_where_it_can_be_and_else_a_module(run: Run, name: str) -> None:
    text, reason = told(run, name), CASES[name][1]
    assert run.results[name].get("stores") == run.results["pipelining off"]["stores"], text
    assert run.results[name]["failed"] is False
    assert text.count(MODULE) == (1 if reason else 0)
    assert (f"A module looks at the host, as a program cannot: {reason}" if reason else "EXEC") in text
    assert ("as a program cannot" in text) == bool(reason)


def test_a_look_gives_the_result_of_the_module(run: Run) -> None:
    assert run.results["as usual"] == run.results["pipelining off"]


def test_what_ansible_discovered_is_remembered(run: Run) -> None:
    facts = run.results["discovery"]["ansible_facts"]
    assert facts["discovered_interpreter_python"] == sys.executable
    assert "discovered_interpreter_python" not in run.results["discovered"].get("ansible_facts", {})


def test_the_environment_of_a_task_is_that_of_its_look(run: Run) -> None:
    text = told(run, "environment")
    assert MODULE not in text
    commands = re.findall(r"EXEC .*", text)
    assert len(commands) == 1
    assert "LETTER=a" in commands[0]
    assert "two of" in commands[0]


def test_no_certificate_is_shown(run: Run) -> None:
    assert PEM.splitlines()[2] not in run.output


@pytest.mark.skipif(not shutil.which("sudo"), reason="sudo is not installed")
def test_sudo_goes_with_a_look(start_playbook: Callable[..., Callable[[], Run]], tmp_path: Path) -> None:
    become = {"ansible_become": True, "ansible_become_user": "nobody"}
    run = start_playbook(tmp_path, {"sudo": task(become, tmp_path)}, ANSIBLE_PIPELINING="true")()
    assert MODULE not in told(run, "sudo")
    assert run.results["sudo"]["stores"]


def test_kept_files_are_of_modules(start_playbook: Callable[..., Callable[[], Run]], tmp_path: Path) -> None:
    settings = {"ANSIBLE_PIPELINING": "true", "ANSIBLE_KEEP_REMOTE_FILES": "true"}
    run = start_playbook(tmp_path, {"kept": task({}, tmp_path)}, **settings)()
    assert MODULE in told(run, "kept")
    assert run.results["kept"]["stores"]


def test_a_host_out_of_reach_is_asked_once(start_playbook: Callable[..., Callable[[], Run]], tmp_path: Path) -> None:
    away = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    tasks = {"away": {**task(away, tmp_path), "ignore_unreachable": True}}
    run = start_playbook(tmp_path, tasks, ANSIBLE_PIPELINING="true")()
    text = told(run, "away")
    assert run.results["away"]["unreachable"] is True
    assert text.count("SSH: EXEC") == 1
    assert MODULE not in text


def test_nothing_is_looked_at_in_the_background(
    start_playbook: Callable[..., Callable[[], Run]], tmp_path: Path
) -> None:
    tasks = {"async": {**task({}, tmp_path), "async": 5, "poll": 1, "ignore_errors": True}}
    run = start_playbook(tmp_path, tasks, ANSIBLE_PIPELINING="true")()
    assert run.results["async"]["failed"] is True
    assert "does not support async" in str(run.results["async"]["msg"])
    assert "EXEC" not in told(run, "async")
