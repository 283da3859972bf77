# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook ledger: what it lists, writes and forgets, and where hosts differ from it.

The hosts are this machine, each with a folder of its own.
"""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

from ansible_collections.anchorage.pki.tests.playbooks.authorities import make_authority
from ansible_collections.anchorage.pki.tests.playbooks.fleets import Fleet
from ansible_collections.anchorage.pki.tests.playbooks.plays import Run, away


def ledger(fleet: Fleet, step: str, *options: str, hosts: int = 2, **variables: object) -> Run:
    given = {f"anchorage_ledger_{name}": value for name, value in variables.items()}
    return fleet.run("ledger", *options, hosts=hosts, anchorage_ledger_step=step, **given)


def succeed(run: Run) -> str:
    assert run.status == 0, run.output + run.errors
    return run.text


def test_a_ledger_is_listed_exported_verified_and_forgets_a_host(private_folder: Path) -> None:
    fleet = Fleet(private_folder)
    make_authority(fleet.authority)
    succeed(fleet.run("issue"))
    serials = {host: fleet.serial(host) for host in ("host1", "host2")}

    text = succeed(ledger(fleet, "list"))
    assert all(serial in text for serial in serials.values())
    assert "2 certificates: 2 deployed" in text
    text = succeed(ledger(fleet, "list", search=serials["host2"]))
    assert (serials["host1"] in text, serials["host2"] in text) == (False, True)

    exported = fleet.folder / "ledger.jsonl"
    assert "changed=1" in succeed(ledger(fleet, "export", file=str(exported)))
    assert "changed=0" in succeed(ledger(fleet, "export", file=str(exported)))
    assert stat.S_IMODE(exported.stat().st_mode) == 0o600
    rows = [json.loads(line) for line in exported.read_text().splitlines()]
    assert {row["serial_number"] for row in rows if row["kind"] == "leaf"} == set(serials.values())
    hostile = fleet.folder / "hostile.jsonl"
    other = {**rows[-1], "authority": "{{ 1 + 1 }}\x1b[2J", "sha256": "00", "serial_number": "666"}
    hostile.write_text(json.dumps({**other, "lines": 1, "host": "{{ lookup('pipe', 'touch /tmp/never') }}"}))
    run = ledger(fleet, "list", merge=[str(exported), str(hostile)])
    assert "666" in succeed(run)
    assert "AUTHORITY" in run.text
    assert "{{ lookup('pipe', 'touch /tmp/never') }}" in run.text
    assert "\x1b[2J" not in run.output
    assert not Path("/tmp/never").exists()
    hostile.write_text("{}")
    refused = ledger(fleet, "list", merge=[str(hostile)])
    assert refused.status != 0
    assert "line 1: is no certificate of a ledger" in refused.text

    assert "host1: 1 place in the ledger, 0 differences" in succeed(ledger(fleet, "verify"))
    shutil.rmtree(fleet.folder / "host2" / "site")
    text = succeed(ledger(fleet, "verify"))
    assert f"the leaf {serials['host2']} is not there" in text
    unreached = fleet.run("ledger", anchorage_ledger_step="verify", **away("host2"))
    assert unreached.status != 0
    assert "host1: 1 place in the ledger, 0 differences" in unreached.text
    assert "host2: was not looked at, and has leaves in the ledger" in unreached.text

    assert "is in the inventory" in ledger(fleet, "forget", host="host2", reason="scrapped").text
    check = ledger(fleet, "forget", "--check", "--diff", hosts=1, host="host2", reason="scrapped")
    assert "+host2: scrapped" in succeed(check)
    text = succeed(ledger(fleet, "forget", hosts=1, host="host2", reason="scrapped"))
    assert serials["host2"] in text
    assert "changed=0" in succeed(ledger(fleet, "forget", hosts=1, host="host2", reason="scrapped"))
    assert fleet.leaves == {"deployed": 1, "superseded": 1}
    assert "host2 is gone for good since" in succeed(ledger(fleet, "list"))
    assert "0 leaf certificates pruned" in succeed(ledger(fleet, "prune"))


def test_a_host_that_was_forgotten_and_comes_back_keeps_its_leaf_unless_that_was_revoked(
    folder_with_leaves: Path,
) -> None:
    fleet = Fleet(folder_with_leaves)
    serials = {host: fleet.serial(host) for host in ("host1", "host2")}
    succeed(ledger(fleet, "forget", hosts=1, host="host2", reason="scrapped"))
    succeed(fleet.run("issue", hosts=1))
    assert "host2 is gone for good since" in succeed(ledger(fleet, "list"))

    succeed(fleet.run("issue"))
    assert {host: fleet.serial(host) for host in serials} == serials
    assert (fleet.leaves, fleet.is_stapled("host2")) == ({"deployed": 2}, True)
    assert "is gone for good" not in succeed(ledger(fleet, "list"))
    assert "host2: 1 place in the ledger, 0 differences" in succeed(ledger(fleet, "verify"))

    succeed(ledger(fleet, "forget", hosts=1, host="host2", reason="stolen"))
    revoked = fleet.run("revoke", hosts=1, anchorage_revoke_serial=serials["host2"])
    succeed(revoked)
    succeed(fleet.run("issue"))
    assert fleet.serial("host2") != serials["host2"]
    assert fleet.is_stapled("host2")
