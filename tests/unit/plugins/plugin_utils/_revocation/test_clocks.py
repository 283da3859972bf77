# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was entered and signed by a clock that was ahead is put right once the clock is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.requests import DIGESTS
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import response_path
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import SKEW
from ansible_collections.anchorage.pki.tests.unit.function_host import Host
from cryptography.x509 import ocsp

DAY = timedelta(days=1)
WEB1 = {"name": "app", "host": "web1"}


def answers(fleet: Any, host: str) -> list[ocsp.OCSPResponse]:
    """What is published about the leaf of a host."""
    paths = [response_path(fleet.leaves[host], fleet.authority.issuing.certificate, digest) for digest in DIGESTS]
    return [ocsp.load_der_ocsp_response((fleet.public / path).read_bytes()) for path in paths]


# The leaves end after 90 days: there, a response ends no later than one that was signed in time.
@pytest.mark.parametrize(("begin", "ahead"), [(0, 20), (0, 1), (85, 2)])
def test_responses_and_lists_of_the_future_are_signed_again(fleet, make_authority, begin: int, ahead: int) -> None:
    fleet = fleet.at(begin * DAY)
    fleet.authority = make_authority(fleet.authority.folder, at=fleet.now)
    fleet.run(**WEB1, after=ahead * DAY)
    assert fleet.run(check=True)["changed"]
    result = fleet.run()
    assert (result["changed"], result["crl"], result["ocsp"]) == (True, "signed", "signed")
    for answer in [*answers(fleet, "web1"), *answers(fleet, "web2")]:
        assert answer.this_update_utc <= fleet.now < answer.next_update_utc
    for signer in (fleet.authority.issuing, fleet.authority.root):
        assert fleet.crl(signer.certificate).last_update_utc <= fleet.now
    assert not fleet.run()["changed"]


def test_a_clock_that_is_a_little_ahead_signs_nothing_twice(fleet) -> None:
    fleet.run(after=SKEW * 2)  # they are backdated
    assert not fleet.run()["changed"]
    fleet.run(after=DAY)  # nothing is due yet
    fleet.run(**WEB1, after=DAY + SKEW)
    assert not fleet.run(after=DAY)["changed"]


def test_a_staple_of_the_future_is_due(own_authority: Authority, host: Host, renew, now) -> None:
    renew()
    renew(now + 10 * DAY)
    with open_ledger(own_authority.ledger_path) as ledger:
        assert ledger.due_staples(now + 10 * DAY - SKEW * 2) == {}
        assert set(ledger.due_staples(now)) == set(ledger.staples_in_use())
        renew(issues=False)
        assert ledger.due_staples(now) == {}
        (times,) = ledger.staples_in_use().values()
    assert times.next_update == now + 7 * DAY - SKEW
    assert host.calls == ["inspect", "deploy"] * 3


def test_a_revocation_of_the_future_is_told_as_one_of_now(fleet) -> None:
    """A list may not begin later than now, nor before what it tells of (RFC 5280, sections 5.1.2.4 and 5.3.1)."""
    fleet.run()
    fleet.run(**WEB1, after=20 * DAY)
    for later in (timedelta(), 5 * DAY):
        fleet.run(after=later)
        crl, at = fleet.crl(), fleet.now + later
        (entry,) = crl
        assert entry.serial_number == fleet.leaves["web1"].serial_number
        assert entry.revocation_date_utc == crl.last_update_utc == at < crl.next_update_utc
        for answer in answers(fleet, "web1"):
            assert answer.certificate_status is ocsp.OCSPCertStatus.REVOKED
            assert answer.revocation_time_utc == answer.this_update_utc == at < answer.next_update_utc
    fleet.run(after=26 * DAY)  # by then it is one of the past
    (entry,) = fleet.crl()
    assert entry.revocation_date_utc == fleet.now + 20 * DAY


def test_the_list_of_the_root_tells_a_revocation_of_the_future_as_one_of_now(fleet) -> None:
    serial = f"{fleet.authority.issuing.certificate.serial_number:x}"
    fleet.run(serial=serial, after=400 * DAY)
    fleet.run()
    (entry,) = crl = fleet.crl(fleet.authority.root.certificate)
    assert entry.revocation_date_utc == crl.last_update_utc == fleet.now
    assert crl.next_update_utc > fleet.now
