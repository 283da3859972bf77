# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook report in real runs: its page and its JSON, with a host that is out of reach.

The hosts are this machine, whose trust stores are looked at and left alone.
"""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.tests.playbooks.fleets import Fleet
from ansible_collections.anchorage.pki.tests.playbooks.plays import away


@pytest.fixture
def fleet(private_folder: Path) -> Fleet:
    return Fleet(private_folder)


def test_it_writes_what_the_doctor_shows(fleet: Fleet) -> None:
    issued = fleet.run("site", "--tags=authority,issue", hosts=1)
    assert issued.status == 0, issued.text
    files = {
        "anchorage_report_page": f"{fleet.folder}/fleet.html",
        "anchorage_report_file": f"{fleet.folder}/fleet.json",
    }
    run = fleet.run("report", **files, **away("host2"))
    assert run.status == 0, run.text
    document = json.loads((fleet.folder / "fleet.json").read_text())
    leaves = {row["host"]: row for row in document["leaves"]}
    assert leaves["host1"]["state"] == "deployed"
    assert leaves["host2"]["state"] == "unreachable"
    assert {row["state"] for row in document["trust"] if row["host"] == "host2"} == {"unreachable"}
    assert document["authority"]["leaves"] == {"deployed": 1}
    page = (fleet.folder / "fleet.html").read_text()
    assert document["authority"]["anchors"][0]["sha256"] in page
    for row in document["trust"]:
        assert f">{row['store']}</td>" in page
    assert f"The report is in {fleet.folder}/fleet.html." in run.output
    assert {stat.S_IMODE((fleet.folder / name).stat().st_mode) for name in ("fleet.html", "fleet.json")} == {0o600}


def test_without_an_authority_it_says_so_and_leaves_what_is_no_file(fleet: Fleet) -> None:
    (fleet.folder / "link.html").symlink_to("elsewhere")
    run = fleet.run("report", hosts=1, anchorage_report_page=f"{fleet.folder}/link.html")
    assert run.status != 0
    assert f"page: {fleet.folder}/link.html is not a regular file." in run.text
    assert not (fleet.folder / "elsewhere").exists()
    page = fleet.folder / "fleet.html"
    checked = fleet.run("report", "--check", hosts=1, anchorage_report_page=str(page))
    assert (checked.status, page.exists()) == (0, False), checked.text
    run = fleet.run("report", hosts=1, anchorage_report_page=str(page))
    assert run.status == 0, run.text
    assert "There is no authority in" in page.read_text()


def export(fleet: Fleet) -> Path:
    """The ledger of a controller, as it exports it."""
    path = fleet.folder / "ledger.jsonl"
    run = fleet.run("ledger", hosts=1, anchorage_ledger_step="export", anchorage_ledger_file=str(path))
    assert run.status == 0, run.text
    return path


def test_it_tells_of_the_ledgers_that_other_controllers_exported(fleet: Fleet) -> None:
    others = {}
    for name in ("berlin", "lisbon"):
        (fleet.folder / name).mkdir()
        others[name] = Fleet(fleet.folder / name)
        subject = {"certificate_authority_subject": {"common_name": f"{name} <b>&amp;</b>"}}
        issued = others[name].run("site", "--tags=authority,issue", hosts=1, **subject)
        assert issued.status == 0, issued.text
    exported = {name: str(export(other)) for name, other in others.items()}
    page, file = fleet.folder / "fleet.html", fleet.folder / "fleet.json"
    files = {"anchorage_report_page": str(page), "anchorage_report_file": str(file)}
    run = fleet.run("report", hosts=1, **files, anchorage_report_ledgers=list(exported.values()))
    assert run.status == 0, run.text
    told = json.loads(file.read_text())
    lines = [json.loads(line) for path in exported.values() for line in Path(path).read_text().splitlines()]
    assert len(told["exported"]) == len(lines)
    leaves = {row["ledger"]: row for row in told["exported"] if row["kind"] == "leaf"}
    for name, path in exported.items():
        row = leaves[path]
        assert (row["authority"], row["state"]) == (f"{name} <b>&amp;</b>", "deployed")
        assert row["serial_number"] == others[name].serial("host1")
        assert f">{name} &lt;b&gt;&amp;amp;&lt;/b&gt;</td>" in page.read_text()

    # Of what is cut off, be it between two lines, nothing is told.
    before = page.read_bytes(), file.read_bytes()
    whole = Path(exported["lisbon"]).read_bytes()
    for content, reason in ((whole[:-9], "is no certificate"), (whole[: whole.index(b"\n") + 1], "has 1 of")):
        Path(exported["lisbon"]).write_bytes(content)
        refused = fleet.run("report", hosts=1, **files, anchorage_report_ledgers=list(exported.values()))
        assert (refused.status != 0, reason in refused.text) == (True, True), refused.text
        assert (page.read_bytes(), file.read_bytes()) == before
