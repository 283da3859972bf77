# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apple's placeholder for Python is recognized by the files of a scratch Mac, and never started."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._action import PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._look.program import LookProgram
from ansible_collections.anchorage.pki.plugins.plugin_utils._look.stub import STUB, STUB_STATUS, guarded

XCODE_SELECT = "usr/bin/xcode-select"
TOOLS = ("Library/Developer/CommandLineTools", "Applications/Xcode.app/Contents/Developer", "elsewhere/Developer")
#: More than a pipe holds: nobody may be left with the rest.
PROGRAM = "print()\n" * 100_000


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """The root folder of a host whose /usr/bin/python3 notes that it was started."""
    place(tmp_path / STUB.lstrip("/"), f"cat > {tmp_path}/started")
    return tmp_path


def place(path: Path, text: str = "exit 1") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def start(host: Path, interpreter: str = STUB) -> int:
    """The status of the guarded command, run as Ansible has a host run it."""
    command = guarded(f"A=1 {host}{interpreter} -I -S -", interpreter, str(host))
    return subprocess.run(["/bin/sh", "-c", command], input=PROGRAM, text=True, check=False).returncode


def test_without_the_tools_of_a_mac_it_is_not_started(host: Path) -> None:
    place(host / XCODE_SELECT)
    assert start(host) == STUB_STATUS
    assert not (host / "started").exists()


@pytest.mark.parametrize("tools", TOOLS)
def test_with_the_tools_of_a_mac_it_is_started(host: Path, tools: str) -> None:
    place(host / XCODE_SELECT)
    place(host / tools / STUB.lstrip("/"))
    chosen = host / "var/db/xcode_select_link"
    chosen.parent.mkdir(parents=True)
    chosen.symlink_to(host / "elsewhere/Developer")
    assert start(host) == 0
    assert (host / "started").read_text() == PROGRAM


def test_where_there_is_no_mac_it_is_started(host: Path) -> None:
    assert start(host) == 0
    assert (host / "started").read_text() == PROGRAM


def test_another_python_of_a_mac_is_started(host: Path) -> None:
    place(host / XCODE_SELECT)
    other = "/opt/homebrew/bin/python3"
    place(host / other.lstrip("/"), f"cat > {host}/started")
    assert start(host, other) == 0
    assert guarded("python", other) == "python"


class Action(PkiAction):
    """An action whose host is a Mac with the placeholder alone."""

    ARGUMENT_SPEC: dict[str, Any] = {}

    def __init__(self) -> None:
        self._task = SimpleNamespace(delegate_to=None)
        self._connection = SimpleNamespace(_shell=SimpleNamespace(SHELL_FAMILY="sh"))
        self._templar = SimpleNamespace(template=str)
        self.commands: list[str] = []

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        raise AssertionError(arguments, task_vars)

    def _is_pipelining_enabled(self, _style: str, _wrap_async: bool = False) -> bool:
        return True

    def _compute_environment_string(self, _raw: Any = None) -> str:
        return ""

    def _low_level_execute_command(self, cmd: str, **_options: Any) -> dict[str, Any]:
        self.commands.append(cmd)
        return {"rc": STUB_STATUS, "stdout": "", "stderr": ""}

    def _execute_module(self, **arguments: Any) -> dict[str, Any]:
        raise AssertionError(arguments)


def test_a_task_says_what_to_do_and_no_module_starts_it() -> None:
    action = Action()
    task_vars = {"inventory_hostname": "mac", "ansible_python_interpreter": STUB, "ansible_facts": {}}
    with pytest.raises(PkiError, match=r"placeholder.*xcode-select --install.*ansible_python_interpreter"):
        action.look_at_host(LookProgram("run("), "leaf_deployment", {}, task_vars)
    assert action.commands == [guarded(f"{STUB} -I -S -", STUB)]
