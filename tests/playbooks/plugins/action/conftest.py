# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The actions in real runs of ansible-playbook, with an environment of their own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.tests.playbooks import ansible_playbook
from ansible_collections.anchorage.pki.tests.playbooks.plays import PATIENT, startup_variables

ROOT = Path(__file__).resolve().parents[4]


@dataclass(frozen=True)
class Run:
    """A run of a playbook: the results of its tasks by their names, and everything that it wrote anywhere."""

    results: dict[str, dict[str, Any]]
    output: str


@pytest.fixture(scope="session")
def start_playbook() -> Callable[..., Callable[[], Run]]:
    """A function that starts a playbook of named tasks on localhost, and returns one that waits for its end.

    A task that fails stops nothing: its result tells.
    """

    def start(folder: Path, tasks: dict[str, dict[str, Any]], **environment: str) -> Callable[[], Run]:
        folder.mkdir(parents=True, exist_ok=True)
        # The name of a task need not be one that a variable may have.
        registered = {name: f"result_{number}" for number, name in enumerate(tasks)}
        listed = [
            {"name": name, "register": registered[name], "ignore_errors": True, **task} for name, task in tasks.items()
        ]
        results = ", ".join(f"{name!r}: {variable}" for name, variable in registered.items())
        keep = {"content": "{{ {" + results + "} | to_json }}", "dest": str(folder / "results.json"), "mode": "0600"}
        listed.append({"ansible.builtin.copy": keep, "diff": False, "no_log": True})
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": listed}
        (folder / "playbook.json").write_text(json.dumps([play]))
        with (folder / "output").open("wb") as output:
            end = ansible_playbook.start_playbook(
                "--diff",
                "-vvvv",
                "playbook.json",
                folder=folder,
                output=output,
                errors=output,
                environment={
                    "PATH": os.environ["PATH"],
                    "HOME": str(folder),
                    "LC_ALL": "C.UTF-8",
                    "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build/collections"),
                    "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
                    "ANSIBLE_LOG_PATH": str(folder / "ansible.log"),
                    **startup_variables(),
                    **PATIENT,
                    **environment,
                },
            )

        def finish() -> Run:
            status, written = end(), (folder / "output").read_text()
            assert status == 0, written
            results = json.loads((folder / "results.json").read_text())
            return Run(results, written + (folder / "ansible.log").read_text())

        return finish

    return start
