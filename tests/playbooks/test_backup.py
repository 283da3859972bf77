# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The drill of a restore: an authority is backed up, goes on to issue and to revoke, is lost, and is restored.

The hosts are this machine, each with a folder of its own.
"""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path
from typing import NamedTuple

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.tests.playbooks.authorities import make_authority, make_due
from ansible_collections.anchorage.pki.tests.playbooks.fleets import NAMED, Fleet
from ansible_collections.anchorage.pki.tests.playbooks.live_servers import Client, live_client, serve_by_nginx
from ansible_collections.anchorage.pki.tests.playbooks.plays import Run
from cryptography import x509

pytestmark = pytest.mark.long

PASSPHRASE = "correct horse battery"


@pytest.fixture
def fleet(private_folder: Path) -> Fleet:
    """Two hosts with a leaf each, of which one is named to ``site`` so far, and what was published of them."""
    fleet = Fleet(private_folder)
    make_authority(fleet.authority)
    fleet.variables |= {
        "anchorage_publish": f"{fleet.folder}/{{{{ inventory_hostname }}}}-public",
        "anchorage_backup_passphrase": PASSPHRASE,
        "trust_anchor_stores": [],
    }
    succeed(fleet.run("issue"))
    succeed(fleet.run("publish"))
    return fleet


def succeed(run: Run) -> Run:
    assert run.status == 0, run.output + run.errors
    assert PASSPHRASE not in run.output + run.errors
    return run


def published(fleet: Fleet) -> list[str]:
    """The lists that are published on the controller."""
    return [str(path) for path in (fleet.folder / "localhost-public" / "crl").glob("*.crl")]


def revoked(fleet: Fleet) -> set[str]:
    """The serial numbers on these lists."""
    lists = [x509.load_der_x509_crl(Path(path).read_bytes()) for path in published(fleet)]
    return {f"{entry.serial_number:x}" for each in lists for entry in each}


def numbers(fleet: Fleet) -> list[int]:
    lists = [x509.load_der_x509_crl(Path(path).read_bytes()) for path in sorted(published(fleet))]
    return [each.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number for each in lists]


def check_report(fleet: Fleet, is_pending: bool) -> None:
    """See that the doctor and its page tell whether a restore is pending, with the way out."""
    files = {name: f"{fleet.folder}/fleet.{ending}" for name, ending in (("page", "html"), ("file", "json"))}
    run = succeed(fleet.run("report", **{f"anchorage_report_{name}": path for name, path in files.items()}))
    told = json.loads(Path(files["file"]).read_text())
    assert (told["authority"]["pending_restore"] is not None) == is_pending
    for text in (run.text, " ".join(told["warnings"]), Path(files["page"]).read_text()):
        assert ("does not know what was revoked since" in text) == is_pending
        assert ("anchorage_restore_without_lists=true" in text) == is_pending
        assert "WarningSummary" not in text


def test_a_lost_authority_is_restored_while_all_hosts_serve(fleet: Fleet) -> None:
    ports = serve_by_nginx(fleet, ["host1", "host2"])
    succeed(fleet.run("issue"))
    with live_client(fleet, ports) as client:
        drill(fleet, client)
        client.check()


def drill(fleet: Fleet, client: Client) -> None:
    """No host gets another leaf for the restore, and the client is refused by none of them."""
    backup = fleet.folder / "authority.backup"
    first = succeed(fleet.run("backup", anchorage_backup_file=str(backup)))
    assert "restored once to see that it can be" in first.text
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600

    lost = go_on(fleet)
    client.check()
    shutil.rmtree(fleet.authority)
    client.check()
    restored = succeed(fleet.run("restore", anchorage_backup_file=str(backup)))
    assert "What was revoked after the backup of" in restored.text
    assert "anchorage_restore_lists" in restored.text
    again = succeed(fleet.run("restore", anchorage_backup_file=str(backup)))
    assert ("before, and is left alone" in again.text, "changed=0" in again.text) == (True, True)
    check_nothing_is_signed(fleet, lost)
    client.check()
    check_all_is_found(fleet, lost)


class Lost(NamedTuple):
    """What the backup does not have: the serial numbers of the leaves in use, by their hosts, those that were revoked,
    of which the backup has the ``old`` one as good, and the numbers of the published lists."""

    serials: dict[str, str]
    revoked: set[str]
    old: str
    numbers: list[int]


def go_on(fleet: Fleet) -> Lost:
    """A leaf that the backup has is revoked and replaced, its successor too; another one is only replaced."""
    old = fleet.serial("host1")
    succeed(fleet.revoke(**NAMED))
    lost_and_revoked = fleet.serial("host1")
    succeed(fleet.revoke(**NAMED))
    renamed = {"leaf_certificate_certificates": [{"name": "site", "names": ["site.test", "more.test"]}]}
    fleet.variables |= renamed
    succeed(fleet.run("issue"))
    assert revoked(fleet) == {old, lost_and_revoked}
    return Lost(serials_of(fleet), {old, lost_and_revoked}, old, numbers(fleet))


def serials_of(fleet: Fleet) -> dict[str, str]:
    return {host: fleet.serial(host) for host in ("host1", "host2")}


def check_nothing_is_signed(fleet: Fleet, lost: Lost) -> None:
    """See that nothing is signed or published before it is known what was revoked, and that hosts keep what they
    have."""
    make_due(fleet.authority, "host1")
    for playbook in ("site", "publish", "refresh_staples"):
        early = fleet.run(playbook)
        assert early.status != 0, early.output
        assert "does not know what was revoked since" in early.text
    assert serials_of(fleet) == lost.serials
    assert revoked(fleet) == lost.revoked
    check_report(fleet, is_pending=True)


def check_all_is_found(fleet: Fleet, lost: Lost) -> None:
    """Enter the published lists, and see that a run finds what the ledger lost, and that the next one has nothing to
    do."""
    entered = succeed(fleet.run("restore", "--diff", anchorage_restore_lists=published(fleet)))
    assert (
        "2 revocations entered by the published lists, of which 1 of certificates that were issued after"
        in entered.text
    )

    done = succeed(fleet.run("site"))
    assert "which the ledger lost by a restore" in done.text
    assert serials_of(fleet) == lost.serials
    assert all(map(fleet.is_stapled, lost.serials))
    with open_ledger(fleet.authority / "ledger.sqlite3", read_only=True) as ledger:
        known = {entry.serial: entry for entry in ledger.entries.all() if entry.kind == "leaf"}
        assert {known[serial].status for serial in lost.serials.values()} == {"deployed"}
        assert known[lost.old].status == "revoked"
    assert revoked(fleet) == lost.revoked
    # That of the root has nothing new to say.
    assert [new >= former for new, former in zip(numbers(fleet), lost.numbers, strict=True)] == [True, True]
    assert max(numbers(fleet)) > max(lost.numbers)

    check_report(fleet, is_pending=False)
    again = succeed(fleet.run("site"))
    assert "which the ledger lost by a restore" not in again.text
    assert serials_of(fleet) == lost.serials


def test_a_leaf_that_was_revoked_after_the_backup_and_stayed_loses_its_staple(fleet: Fleet) -> None:
    backup = fleet.folder / "authority.backup"
    succeed(fleet.run("backup", anchorage_backup_file=str(backup)))
    fleet.variables |= {"leaf_certificate_certificates": [{"name": "site", "names": ["site.test", "more.test"]}]}
    succeed(fleet.run("issue"))
    serial, staple = fleet.serial("host1"), fleet.folder / "host1/site/current/staple.der"
    succeed(fleet.revoke(**NAMED, anchorage_revoke_reissue=False))
    assert not staple.exists()
    shutil.rmtree(fleet.authority)
    succeed(fleet.run("restore", anchorage_backup_file=str(backup), anchorage_restore_lists=published(fleet)))

    done = succeed(fleet.run("issue", leaf_certificate_issue=False))
    assert fleet.serial("host1") == serial
    assert not staple.exists(), done.output
    assert serial in revoked(fleet)
