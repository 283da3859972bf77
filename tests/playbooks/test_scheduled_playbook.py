# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is shared by the roles that have a playbook run: what its units are made of, and a systemd that lingers."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.tests.playbooks.scheduled_runs import AWKWARD, ScheduledRun

ROLE = Path(__file__).resolve().parents[2] / "roles" / "scheduled_playbook"


@pytest.fixture
def night(private_folder: Path) -> ScheduledRun:
    return ScheduledRun(private_folder, "nightly_run", "anchorage.pki.nightly", "nightly.log")


LINGERING = """
    - file: {path: ~/.local/share/anchorage, state: directory}
    - include_role: {name: anchorage.pki.scheduled_playbook, tasks_from: lingering}
    - file: {path: ~/permitted, state: touch}
    - include_role: {name: anchorage.pki.scheduled_playbook, tasks_from: lingering}
    - include_role: {name: anchorage.pki.scheduled_playbook, tasks_from: lingering}
    - fail:
      when: lookup('file', '~/lingers') != 'yes'
    - include_role: {name: anchorage.pki.scheduled_playbook, tasks_from: remove}
"""


NIGHTLY_RUN = {"scheduled_playbook_role": "nightly_run", "scheduled_playbook_unit": "anchorage-nightly"}


def test_a_user_who_may_not_have_systemd_linger_is_told_who_may(night: ScheduledRun) -> None:
    played = night.play(LINGERING, header=f"  vars: {json.dumps(NIGHTLY_RUN)}\n")
    before, after = played.output.rsplit("TASK [file]", 1)
    assert "sudo loginctl enable-linger" in before
    assert before.count("changed: ") == 1
    assert "sudo loginctl enable-linger" not in after
    # The folder, the file that permits it, asking, and remembering that; the third time has nothing to do.
    # To remove the nightly run is to undo and to forget that.
    assert "changed=6 " in played.output, played.output
    assert set(night.files()) == {"crontab", "permitted"}


LINGERING_FOR_TWO = """
    - file: {path: "~/{{ item }}", state: directory}
      loop: [.local/share/anchorage, permitted]
    - include_role: {name: anchorage.pki.scheduled_playbook, tasks_from: "{{ item[0] }}"}
      vars: {scheduled_playbook_role: "{{ item[1] }}", scheduled_playbook_unit: "anchorage-{{ item[1] }}"}
      loop: %s
"""


def test_the_last_role_to_go_ends_the_lingering(night: ScheduledRun) -> None:
    steps = [("lingering", "one"), ("lingering", "two"), ("remove", "one")]
    played = night.play(LINGERING_FOR_TWO % json.dumps(steps))
    assert played.status == 0, played.output
    assert (night.home / "lingers").read_text() == "yes\n"
    assert set(night.files()) == {"crontab", "lingers", ".local/share/anchorage/two.lingering"}
    night.play(LINGERING_FOR_TWO % json.dumps([("remove", "two")]))
    assert set(night.files()) == {"crontab"}


def test_what_lingered_before_goes_on(night: ScheduledRun) -> None:
    (night.home / "lingers").write_text("yes\n")
    played = night.play(LINGERING_FOR_TWO % json.dumps([("lingering", "one"), ("remove", "one")]))
    assert played.status == 0, played.output
    assert set(night.files()) == {"crontab", "lingers"}


def test_systemd_takes_the_units_whatever_the_paths_hold(night: ScheduledRun) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("not installed: systemd-analyze")
    units = night.outside / "units"
    units.mkdir()
    variables = {
        **NIGHTLY_RUN,
        "ansible_playbook_python": f"/opt/{AWKWARD}/python",
        "scheduled_playbook_authority": {"folder": f"/srv/{AWKWARD}"},
        "scheduled_playbook_folder": str(night.folder),
        "scheduled_playbook_inventory": [f"/srv/{AWKWARD}"],
        "scheduled_playbook_makes_authority": True,
        "scheduled_playbook_on_failure": ["sh", "-c", "one\ntwo", AWKWARD],
        "scheduled_playbook_playbook": "anchorage.pki.site",
        "scheduled_playbook_hours": 12,
        "scheduled_playbook_scheduler": "systemd",
        "scheduled_playbook_time": "00:59",
    }
    names = ["anchorage-nightly.service", "anchorage-nightly-failure.service", "anchorage-nightly.timer"]
    tasks = f"""
    - include_vars: {ROLE}/vars/main.yml
    - template:
        src: "{ROLE}/templates/{{{{ item | replace('anchorage-nightly', 'scheduled') }}}}.j2"
        dest: "{units}/{{{{ item }}}}"
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
