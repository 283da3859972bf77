# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Revocations, lists and responses of two controllers that share a ledger in PostgreSQL."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.locks import publishing
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.moving import move_to_server
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.shared_files import fetch, join
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import response_path
from ansible_collections.anchorage.pki.tests.unit.processes import fork_all
from ansible_collections.anchorage.pki.tests.unit.scratch_postgresql import ScratchServer
from cryptography import x509
from cryptography.x509 import ocsp

HOUR = timedelta(hours=1)


@pytest.fixture
def controllers(fleet: Any, new_database: str, tmp_path: Path) -> list[Any]:
    """The fleet as each of two controllers sees it, which publish in folders of their own."""
    move_to_server(fleet.authority.folder, new_database)
    other = Path(shutil.copytree(fleet.authority.folder, tmp_path / "other", ignore=lambda *_all: ["ledger.url"]))
    (other / "ledger.sqlite3").unlink()
    assert join(other, new_database, makes=False)
    fetch(other, new_database)
    second = replace(fleet, authority=read_authority(other), public=tmp_path / "public of the other")
    return [fleet, second]


def number(fleet: Any) -> int:
    return fleet.crl().extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def status(fleet: Any, host: str) -> ocsp.OCSPCertStatus:
    path = response_path(fleet.leaves[host], fleet.authority.issuing.certificate, "sha1")
    return ocsp.load_der_ocsp_response((fleet.public / path).read_bytes()).certificate_status


def test_what_one_controller_revokes_the_other_one_publishes(controllers: list[Any], new_database: str) -> None:
    first, second = controllers
    first.run(name="app", host="web1")
    assert {entry.serial_number for entry in first.crl()} == {first.leaves["web1"].serial_number}
    assert (status(first, "web1"), status(first, "web2")) == (ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.GOOD)
    second.run(after=HOUR)
    assert {entry.serial_number for entry in second.crl()} == {first.leaves["web1"].serial_number}
    assert status(second, "web1") is ocsp.OCSPCertStatus.REVOKED
    second.run(after=HOUR, name="app", host="web2")
    assert {entry.serial_number for entry in second.crl()} == {leaf.serial_number for leaf in first.leaves.values()}
    assert number(second) > number(first)
    assert status(second, "web2") is ocsp.OCSPCertStatus.REVOKED
    again = first.run(after=2 * HOUR)
    assert number(first) >= number(second)
    assert status(first, "web2") is ocsp.OCSPCertStatus.REVOKED
    assert again["crl"] == "signed"
    assert first.run(after=2 * HOUR)["changed"] is False


def test_lists_of_two_controllers_at_once_have_a_number_each(
    controllers: list[Any], database_server: ScratchServer, new_database: str
) -> None:
    def revoke(which: int) -> None:
        fleet = controllers[which % 2]
        with publishing(fleet.authority.folder):
            fleet.run(name="app", host=f"web{which % 2 + 1}", after=which * HOUR)

    fork_all(revoke, 2)
    fork_all(revoke, 6)
    rows = database_server.rows(new_database, "SELECT issuer_key, number, der FROM lists WHERE der IS NOT NULL")
    numbers = [(key, number) for key, number, _der in rows]
    assert len(numbers) == len(set(numbers))
    for _key, taken, der in rows:
        crl = x509.load_der_x509_crl(bytes(der))
        assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == taken
    revoked = database_server.rows(new_database, "SELECT COUNT(*) FROM revocations")
    assert revoked == [(2,)]
