# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The timer of refresh_staples on a controller without systemd, from set-up to removal.

A stand-in takes the crontab, and the tests start what its entry names. The scenario dev_machine has a real systemd.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.tests.playbooks.authorities import make_authority
from ansible_collections.anchorage.pki.tests.playbooks.scheduled_runs import ScheduledRun
from ansible_collections.anchorage.pki.tests.unit.exposition import read_metrics

pytestmark = pytest.mark.long

PLAYBOOK = "anchorage.pki.refresh_staples_timer"
RESPONDER_END = "anchorage_responder_not_after_timestamp_seconds"


@pytest.fixture
def timer(private_folder: Path) -> ScheduledRun:
    return ScheduledRun(private_folder, "staple_refresh", PLAYBOOK, "staple-refresh.log")


def entry(timer: ScheduledRun) -> tuple[str, str, str]:
    """The minute and the hours of the entry in the crontab, and its other fields."""
    minute, hours, days = timer.crontab.read_text().splitlines()[-1].split(maxsplit=5)[:3]
    return minute, hours, days


def test_cron_refreshes_staples_until_that_is_undone(timer: ScheduledRun) -> None:
    before = timer.files()
    authority, told = timer.folder / "authority", timer.folder / "told"
    variables = {
        "anchorage_authority": str(authority),
        "anchorage_metrics_file": "~/my metrics.prom",
        "staple_refresh_on_failure": ["sh", "-c", 'eval "$ANCHORAGE_STAPLE_REFRESH_LOG" > "$1"', "sh", str(told)],
    }
    options = f"--extra-vars={json.dumps(variables)}"
    planned = timer.asked(options, "--check")
    assert (planned.status, timer.files()) == (0, before), planned.output
    assert "changed=5 " in planned.output
    done = timer.asked(options)
    assert "changed=5 " in done.output, done.output
    assert "starts: every 6 hours, in the hour after 00:00, by cron" in done.output
    kept = {".local/share/anchorage/staple_refresh.json": "0o600", ".local/share/anchorage/staple_refresh.sh": "0o700"}
    assert timer.files() == before | kept
    assert "changed=0 " in timer.asked(options).output
    _minute, hours, days = entry(timer)
    assert (hours, days) == ("0,6,12,18", "*")

    assert timer.pass_by() != 0
    assert f"There is no authority in {authority}." in " ".join(told.read_text().split())
    make_authority(authority)
    for folder in ("root", "issuing"):
        (authority / folder / "1" / "key.pem").unlink()
    assert timer.pass_by() == 0, timer.log.read_text()
    assert set(read_metrics((timer.home / "my metrics.prom").read_text())) == {RESPONDER_END}
    assert timer.files()["my metrics.prom"] == "0o644"
    # From now on, one that is gone is missed before anything else.
    assert timer.asked(options).status == 0
    authority.rename(timer.folder / "elsewhere")
    assert timer.pass_by() != 0
    assert "authority/policy.json" in told.read_text()

    stays = timer.uninstalled("--extra-vars=anchorage_hosts=one")
    assert "The staple refresh stays. It is for all of the inventory" in stays.output
    assert "changed=4 " in timer.uninstalled("--check").output
    assert "changed=4 " in timer.uninstalled().output
    assert timer.files() == before
    assert not timer.log.parent.exists()
    assert "changed=0 " in timer.uninstalled().output


@pytest.mark.parametrize(("hours", "fields"), [(1, ",".join(map(str, range(24)))), (12, "0,12")])
def test_the_hours_in_between_are_an_option(timer: ScheduledRun, hours: int, fields: str) -> None:
    done = timer.asked(f"--extra-vars=staple_refresh_hours={hours}")
    assert done.status == 0, done.output
    minute, found, _days = entry(timer)
    assert found == fields
    assert 0 <= int(minute) < 60


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ({"staple_refresh_hours": 5}, "staple_refresh_hours"),
        ({"staple_refresh_inventory": ["nowhere"]}, "there is no {folder}/nowhere. Run this with --inventory"),
        ({"anchorage_metrics_file": "/nowhere/x.prom"}, "anchorage_metrics_file is /nowhere/x.prom. Give a path that"),
        ({"anchorage_metrics_file": "metrics.txt"}, "anchorage_metrics_file is metrics.txt. Give a path that ends"),
    ],
)
def test_an_option_that_cannot_work_is_refused(timer: ScheduledRun, option: dict[str, object], reason: str) -> None:
    refused = timer.asked(f"--extra-vars={json.dumps(option)}")
    assert refused.status == 2
    assert reason.format(folder=timer.folder) in " ".join(refused.output.split())
    assert set(timer.files()) == {"crontab"}


def test_without_an_authority_it_refreshes_staples_of_others(timer: ScheduledRun) -> None:
    """None of which there are here, so that the host, which nobody names, is called in vain."""
    connection = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False}
    host = {**connection, "ocsp_staple_certificates": [{"name": "shop", "certificate": "/nowhere.pem"}]}
    inventory = timer.folder / "others.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"one": host}}}))
    done = timer.asked(f"--extra-vars=staple_refresh_inventory={inventory.name}")
    assert "until then, each run fails where hosts have leaf certificates)" in done.output, done.output
    assert timer.pass_by() != 0
    assert "/nowhere.pem cannot be read" in timer.log.read_text(), timer.log.read_text()


def test_it_comes_and_goes_beside_the_nightly_run(timer: ScheduledRun) -> None:
    night = "anchorage.pki.nightly"
    assert timer.run(night).status == 0
    nightly = timer.files(), timer.crontab.read_text()
    assert timer.asked().status == 0
    assert timer.crontab.read_text().startswith(nightly[1])
    assert "changed=0 " in timer.run(night).output
    assert timer.uninstalled().status == 0
    assert (timer.files(), timer.crontab.read_text()) == nightly
