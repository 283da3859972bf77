# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A controller without systemd, on which roles have a playbook run at certain times."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from ansible_collections.anchorage.pki.tests.playbooks.plays import Controller, Run, startup_variables

#: Words that mean something to systemd, to cron, to a shell or to a template, unless they are quoted.
AWKWARD = '50% of "it" isn\'t $HOME \\n ; #'
PROGRAMS = {
    "systemctl": "exit 1",
    "crontab": 'if [ "$1" = -l ]; then cat "$HOME/crontab"; else cp "$1" "$HOME/crontab"; fi',
    "loginctl": """
        case "$*" in
            show-user*) cat "$HOME/lingers" 2> /dev/null || echo no ;;
            *enable-linger) [ -e "$HOME/permitted" ] && echo yes > "$HOME/lingers" ;;
            *disable-linger) rm "$HOME/lingers" ;;
        esac
    """,
}


class ScheduledRun(Controller):
    """A controller with a home and a current folder that are awkward to quote, and with stand-ins for programs."""

    settings = {}  # the configuration in the current folder is one of those things that a scheduled run has to find

    def __init__(self, folder: Path, role: str, playbook: str, log: str) -> None:
        self.role, self.playbook = role, playbook
        self.outside = folder
        (folder / "my 100% 'folder'").mkdir()
        super().__init__(folder / "my 100% 'folder'")
        self.programs = folder / "programs"
        self.programs.mkdir()
        for name, script in PROGRAMS.items():
            (self.programs / name).write_text(f"#!/bin/sh\n{script}\n")
            (self.programs / name).chmod(0o755)
        self.crontab = self.home / "crontab"
        self.crontab.write_text("# The user's own\n")
        self.log = self.home / ".local/state/anchorage" / log

    def run(self, *arguments: str | Path, hosts: int = 1, **environment: str) -> Run:
        """Run ansible-playbook with the stand-ins. Units of the system's, which root would have, are out of reach."""
        environment = {"PATH": os.pathsep.join([str(self.programs), os.environ["PATH"]]), **environment}
        return super().run("--extra-vars=scheduled_playbook_scope=user", *arguments, hosts=hosts, **environment)

    def asked(self, *options: str) -> Run:
        """Have the playbook run at its times, with these options."""
        return self.run(self.playbook, *options)

    def uninstalled(self, *options: str) -> Run:
        """Undo that."""
        play = self.folder / "uninstall.yml"
        tasks = [{"include_role": {"name": f"anchorage.pki.{self.role}", "tasks_from": "uninstall"}}]
        play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
        return self.run(play, *options)

    def pass_by(self) -> int:
        """Do what cron does at the hour, and return with which status that ended."""
        line = self.crontab.read_text().splitlines()[-1]
        command = line.split(maxsplit=5)[5].replace("\\%", "%")
        environment = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", **startup_variables()}
        return subprocess.run(["/bin/sh", "-c", command], env=environment, cwd=self.home, check=False).returncode

    def files(self) -> dict[str, str]:
        """The files in the home, with their modes."""
        return {
            str(path.relative_to(self.home)): oct(path.stat().st_mode & 0o777)
            for path in self.home.rglob("*")
            if path.is_file() and ".ansible" not in path.parts
        }
