# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real runs of ansible-playbook, in which the openings of one file are counted over all processes."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from ansible_collections.anchorage.pki.tests.playbooks.ansible_playbook import start_playbook
from ansible_collections.anchorage.pki.tests.playbooks.startup.kept_by_runs import KEPT, WATCHED, WATCHED_LOG
from ansible_collections.anchorage.pki.tests.unit.processes import Counter

_STARTUP = Path(__file__).parent / "startup"
#: What has a run look less often whether a task is done.
PATIENT = {"ANSIBLE_CONFIG": str(_STARTUP / "ansible.cfg")}


def startup_variables(*folders: str | Path) -> dict[str, str]:
    """The environment by which ansible-playbook and its modules begin as :mod:`startup.sitecustomize` says, with more
    folders to import from."""
    return {"PYTHONPATH": os.pathsep.join(map(str, [*folders, _STARTUP])), KEPT: os.environ[KEPT]}


class Run(NamedTuple):
    """How a run ended, what it wrote to both outputs, and how often the roots were loaded in it, where that is watched:
    each process of a run then does so."""

    status: int
    output: str
    errors: str
    loads: int | None

    @property
    def text(self) -> str:
        """What it wrote to both, in one line."""
        return " ".join(f"{self.output} {self.errors}".split())


def away(*hosts: str) -> dict[str, object]:
    """Variables by which these hosts are out of reach."""
    return {
        "ansible_connection": f"{{{{ 'ssh' if inventory_hostname in {list(hosts)} else 'local' }}}}",
        "ansible_host": "127.0.0.1",
        "ansible_port": 1,
    }


class Controller:
    """A controller whose native roots are in a file."""

    settings: Mapping[str, str] = PATIENT
    #: Paths that its runs have in the place of others.
    mounts: Sequence[tuple[str, str]] = ()

    def __init__(self, folder: Path, watched: bool = False) -> None:
        self.folder = folder
        self.watched = watched
        self.roots = folder / "roots.pem"
        self.home = folder / "home"
        self.packages = folder / "packages"
        for path in (self.home, self.packages):
            path.mkdir()

    def run(self, *arguments: str | Path, hosts: int = 1, **environment: str) -> Run:
        """Run ansible-playbook in the folder with these arguments, on so many hosts that are this machine."""
        inventory = self.folder / "inventory.json"
        common = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        names = {f"host{number}": {} for number in range(1, hosts + 1)}
        inventory.write_text(json.dumps({"all": {"hosts": names, "vars": common}}))
        log = Counter(self.folder / "log")
        before = log.value
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
            **startup_variables(self.packages),
            **self.settings,
            "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "SSL_CERT_FILE": str(self.roots),
            **({WATCHED: str(self.roots), WATCHED_LOG: str(log.path)} if self.watched else {}),
            **environment,
        }
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            status = self.execute(["--inventory", inventory, *arguments], variables, output, errors)
            for written in (output, errors):
                written.seek(0)
            loads = log.value - before if self.watched else None
            return Run(status, output.read(), errors.read(), loads)

    def execute(
        self, arguments: list[str | Path], environment: dict[str, str], output: IO[str], errors: IO[str]
    ) -> int:
        """Run ansible-playbook with these arguments alone; its exit status."""
        return start_playbook(
            *arguments,
            environment=environment,
            folder=self.folder,
            output=output,
            errors=errors,
            mounts=self.mounts,
        )()

    def play(self, tasks: str, hosts: int = 1, header: str = "", **environment: str) -> Run:
        """Run one play with these tasks, in YAML, on all hosts."""
        playbook = self.folder / "play.yml"
        playbook.write_text(f"- hosts: all\n  gather_facts: false\n{header}  tasks:\n{tasks}")
        return self.run(playbook, "--forks", "10", hosts=hosts, **environment)

    def left_behind(self) -> list[Path]:
        """What runs have left in Ansible's folders for temporary files."""
        return list((self.home / ".ansible" / "tmp").rglob("*"))
