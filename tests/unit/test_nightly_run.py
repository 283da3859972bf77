# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nightly run on a controller without systemd, from set-up to removal, and what its units are made of.

A stand-in takes the crontab, and the tests start what its entry names. The scenario dev_machine has a real systemd.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    Passphrases,
    carry_out,
    plan_provisioning,
)
from ansible_collections.anchorage.pki.tests.unit.plays import Controller, Run, startup_variables

ROLE = Path(__file__).resolve().parents[2] / "roles" / "nightly_run"
PLAYBOOK = "anchorage.pki.nightly"
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


class Night(Controller):
    """A controller with a home and a current folder that are awkward to quote, and with stand-ins for programs."""

    settings = {}  # the configuration in the current folder is one of those things that a night has to find

    def __init__(self, folder: Path) -> None:
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
        self.log = self.home / ".local/state/anchorage/nightly.log"

    def run(self, *arguments: str | Path, hosts: int = 1, **environment: str) -> Run:
        """Run ansible-playbook with the stand-ins. Units of the system's, which root would have, are out of reach."""
        environment = {"PATH": os.pathsep.join([str(self.programs), os.environ["PATH"]]), **environment}
        return super().run("--extra-vars=nightly_run_scope=user", *arguments, hosts=hosts, **environment)

    def asked(self, *options: str) -> Run:
        """Set up the nightly run, with these options."""
        return self.run(PLAYBOOK, *options)

    def uninstalled(self, *options: str) -> Run:
        """Remove it again."""
        play = self.folder / "uninstall.yml"
        tasks = [{"include_role": {"name": "anchorage.pki.nightly_run", "tasks_from": "uninstall"}}]
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


@pytest.fixture
def night(private_folder: Path) -> Night:
    return Night(private_folder)


def make_authority(folder: Path) -> None:
    now = datetime.now(timezone.utc)
    folder.mkdir(mode=0o700)
    carry_out(plan_provisioning(folder, {}, "Test authority", now), Passphrases(), now)


def test_cron_runs_the_playbook_site_until_that_is_undone(night: Night) -> None:
    before = night.files()
    authority, told = night.folder / "authority", night.folder / "told"
    # A host would have this machine's trust stores: there is none of this name.
    variables = {"anchorage_authority": str(authority), "anchorage_hosts": "nobody"}
    script = 'eval "$ANCHORAGE_NIGHTLY_LOG" > "$1"; printf "%s\\n" "$2" >> "$1"'
    failing = ["sh", "-c", script, "sh", str(told), AWKWARD]
    options = f"--extra-vars={json.dumps(variables | {'nightly_run_on_failure': failing})}"
    # Which runs read it, and in which folder they were started.
    (night.folder / "ansible.cfg").write_text("[defaults]\nlog_path = {{CWD}}/runs\n")

    planned = night.asked(options, "--check")
    assert (planned.status, night.files()) == (0, before), planned.output
    assert "changed=5 " in planned.output
    done = night.asked(options)
    assert "changed=5 " in done.output
    assert "authority (still to be made" in done.output
    assert night.files() == before | {
        ".local/share/anchorage/nightly_run.json": "0o600",
        ".local/share/anchorage/nightly_run.sh": "0o700",
    }
    again = night.asked(options)
    assert "changed=0 " in again.output, again.output

    make_authority(authority)
    (night.folder / "runs").unlink()
    assert night.pass_by() == 0, night.log.read_text()
    assert "PLAY RECAP" in night.log.read_text()
    assert "PLAY RECAP" in (night.folder / "runs").read_text()
    assert night.files()[".local/state/anchorage/nightly.log"] == "0o600"
    assert not told.exists()
    see_failures(night, told)

    later = night.asked(options, "--extra-vars=nightly_run_time=23:59")
    assert "changed=1 " in later.output, later.output
    stays = night.uninstalled("--extra-vars=anchorage_hosts=one")
    assert "changed=0 " in stays.output
    assert "The nightly run stays. It is for nobody of the inventory" in stays.output
    planned = night.uninstalled("--check")
    assert "changed=3 " in planned.output, planned.output
    assert "nightly_run.sh" in night.crontab.read_text()
    assert "changed=3 " in night.uninstalled().output
    assert night.files() == before
    assert night.crontab.read_text() == "# The user's own\n"
    assert not night.log.parent.exists()
    assert "changed=0 " in night.uninstalled().output


def see_failures(night: Night, told: Path) -> None:
    """What is missing makes a night fail, which is told; and it makes no other authority."""
    night.log.write_text("earlier\n" * 1_000_000)
    inventory, authority = night.folder / "inventory.json", night.folder / "authority"
    inventory.rename(night.folder / "elsewhere")
    assert night.pass_by() != 0
    assert f"Completely failed to parse inventory source {inventory}" in told.read_text().replace("\n", " ")
    assert told.read_text().endswith(f"{AWKWARD}\n")
    assert night.log.stat().st_size < 1_100_000
    (night.folder / "elsewhere").rename(inventory)

    authority.rename(night.folder / "elsewhere")
    assert night.pass_by() != 0
    assert "authority/policy.json" in night.log.read_text().rpartition("RECAP")[2]
    assert not authority.exists()


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ({"nightly_run_time": 1410}, 'nightly_run_time is 1410. Give hours and minutes, from "00:00" to'),
        ({"nightly_run_inventory": ["nowhere"]}, "there is no {folder}/nowhere. Run this with --inventory"),
    ],
)
def test_an_option_that_cannot_work_is_refused(night: Night, option: dict[str, object], reason: str) -> None:
    refused = night.asked(f"--extra-vars={json.dumps(option)}")
    assert refused.status == 2
    assert reason.format(folder=night.folder) in " ".join(refused.output.split())
    assert set(night.files()) == {"crontab"}


def test_where_nothing_can_start_it_that_is_said(night: Night) -> None:
    (night.programs / "crontab").unlink()
    for name in ("chmod", "id", "mkdir", "rm", "sh", "sleep", "uname"):
        (night.programs / name).symlink_to(str(shutil.which(name)))
    refused = night.run(PLAYBOOK, PATH=str(night.programs))
    assert refused.status == 2, refused.output
    assert "systemctl --user reaches no systemd, and there is no program crontab. Install cron" in refused.output
    assert set(night.files()) == {"crontab"}


LINGERING = """
    - file: {path: ~/.local/share/anchorage, state: directory}
    - include_role: {name: anchorage.pki.nightly_run, tasks_from: lingering}
    - file: {path: ~/permitted, state: touch}
    - include_role: {name: anchorage.pki.nightly_run, tasks_from: lingering}
    - include_role: {name: anchorage.pki.nightly_run, tasks_from: lingering}
    - fail:
      when: lookup('file', '~/lingers') != 'yes'
    - include_role: {name: anchorage.pki.nightly_run, tasks_from: remove}
"""


def test_a_user_who_may_not_have_systemd_linger_is_told_who_may(night: Night) -> None:
    played = night.play(LINGERING)
    before, after = played.output.rsplit("TASK [file]", 1)
    assert "sudo loginctl enable-linger" in before
    assert before.count("changed: ") == 1
    assert "sudo loginctl enable-linger" not in after
    # The folder, the file that permits it, asking, and remembering that; the third time has nothing to do.
    # To remove the nightly run is to undo and to forget that.
    assert "changed=6 " in played.output, played.output
    assert set(night.files()) == {"crontab", "permitted"}


def test_systemd_takes_the_units_whatever_the_paths_hold(night: Night) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("not installed: systemd-analyze")
    units = night.outside / "units"
    units.mkdir()
    variables = {
        "ansible_playbook_python": f"/opt/{AWKWARD}/python",
        "nightly_run_folder": str(night.folder),
        "nightly_run_scheduler": "systemd",
        "nightly_run_time": "23:59",
        "nightly_run_on_failure": ["sh", "-c", "one\ntwo", AWKWARD],
        "nightly_run_authority": {"folder": f"/srv/{AWKWARD}"},
    }
    names = sorted(path.name.removesuffix(".j2") for path in ROLE.glob("templates/anchorage-*"))
    tasks = f"""
    - include_vars: {ROLE}/vars/main.yml
    - template: {{src: "{ROLE}/templates/{{{{ item }}}}.j2", dest: "{units}/{{{{ item }}}}"}}
      loop: {json.dumps(names)}
    """
    rendered = night.play(tasks, header=f"  vars: {json.dumps(variables)}\n")
    assert rendered.status == 0, rendered.output
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(units / name for name in names)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    failure = (units / "anchorage-nightly-failure.service").read_text()
    awkward = r"""50%% of \"it\" isn't $$HOME \\n ; #"""
    assert f'\nExecStart=/usr/bin/env "sh" "-c" "one\\ntwo" "{awkward}"\n' in failure
