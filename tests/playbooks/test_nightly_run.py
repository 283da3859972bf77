# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nightly run on a controller without systemd, from set-up to removal.

A stand-in takes the crontab, and the tests start what its entry names. The scenario dev_machine has a real systemd.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.tests.playbooks.authorities import make_authority
from ansible_collections.anchorage.pki.tests.playbooks.scheduled_runs import AWKWARD, ScheduledRun

pytestmark = pytest.mark.long

PLAYBOOK = "anchorage.pki.nightly"


@pytest.fixture
def night(private_folder: Path) -> ScheduledRun:
    return ScheduledRun(private_folder, "nightly_run", PLAYBOOK, "nightly.log")


def test_cron_runs_the_playbook_site_until_that_is_undone(night: ScheduledRun) -> None:
    before = night.files()
    authority, told = night.folder / "authority", night.folder / "told"
    # A host would have this machine's trust stores: there is none of this name.
    variables = {"anchorage_authority": str(authority), "anchorage_hosts": "nobody", "anchorage_report_file": "report"}
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
    assert json.loads((night.folder / "report").read_text())["complete"]
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


def see_failures(night: ScheduledRun, told: Path) -> None:
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
def test_an_option_that_cannot_work_is_refused(night: ScheduledRun, option: dict[str, object], reason: str) -> None:
    refused = night.asked(f"--extra-vars={json.dumps(option)}")
    assert refused.status == 2
    assert reason.format(folder=night.folder) in " ".join(refused.output.split())
    assert set(night.files()) == {"crontab"}


@pytest.mark.parametrize("missing", [("crontab",), ("flock", "timeout")], ids=["no cron", "a Mac's cron"])
def test_where_nothing_can_start_it_that_is_said(night: ScheduledRun, missing: tuple[str, ...]) -> None:
    for name in ("chmod", "flock", "id", "mkdir", "rm", "sh", "sleep", "timeout", "uname"):
        (night.programs / name).symlink_to(str(shutil.which(name)))
    for name in missing:
        (night.programs / name).unlink()
    refused = night.run(PLAYBOOK, PATH=str(night.programs))
    assert refused.status == 2, refused.output
    reason = (
        f"systemctl --user reaches no systemd, and there is no program {', '.join(missing)}, which cron's way needs"
    )
    assert reason in " ".join(refused.output.split())
    assert set(night.files()) == {"crontab"}
