# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person has the ledger forget."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger, open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.care import KEEP_DAYS, forget, prune
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.results import forget_result, prune_result

DAY = timedelta(days=1)
PLACE = LeafPlace("web1", "/etc/pki/anchorage", "app")


@pytest.fixture
def ledger(own_authority: Authority, make_leaf, now: datetime) -> Iterator[Ledger]:
    """A ledger with a leaf that was replaced by another one."""
    with open_ledger(own_authority.ledger_path) as opened:
        with opened.transaction():
            for _number in range(2):
                leaf = make_leaf()
                opened.record_leaf(leaf, own_authority.issuing.sha256, PLACE, ["app.test"], "controller")
                opened.mark_deployed(PLACE, fingerprint(leaf), "", now)
        yield opened


def test_what_ended_long_ago_is_pruned_once(own_authority: Authority, ledger: Ledger, now: datetime) -> None:
    end = ledger.current_leaf(PLACE).certificate.not_valid_after_utc
    assert prune(own_authority, ledger, KEEP_DAYS, end + KEEP_DAYS * DAY, False) == []
    late = end + (KEEP_DAYS + 1) * DAY
    planned = prune(own_authority, ledger, KEEP_DAYS, late, True)
    assert prune(own_authority, ledger, KEEP_DAYS, late, False) == planned
    assert [entry.status for entry in planned] == ["superseded"]
    result = prune_result(planned)
    assert (result["changed"], result["pruned"]) == (True, [planned[0].serial])
    assert planned[0].serial in result["diff"]["before"]
    assert prune(own_authority, ledger, KEEP_DAYS, late, False) == []
    assert prune_result([])["changed"] is False


@pytest.mark.parametrize("days", [-1, 0, 29, 36501])
def test_less_days_than_a_list_may_need_are_refused(own_authority: Authority, ledger, now: datetime, days: int) -> None:
    with pytest.raises(PkiError, match=f"keep_days: is {days}; give 30 to 36500 days"):
        prune(own_authority, ledger, days, now, False)


def test_days_are_no_less_than_a_staple_lasts(make_authority, tmp_path, now: datetime) -> None:
    authority = make_authority(tmp_path / "long", staple_lifetime=60, responder_lifetime=200)
    with open_ledger(authority.ledger_path) as ledger, pytest.raises(PkiError, match="give 60 to"):
        prune(authority, ledger, 59, now, False)


def test_a_host_is_forgotten_once(ledger: Ledger, now: datetime) -> None:
    def run(check: bool = False, inventory: tuple[str, ...] = ("web2",)) -> object:
        return forget(ledger, "web1", "scrapped", "me", inventory, now, check)

    with pytest.raises(PkiError, match="web1 is in the inventory"):
        run(inventory=("web1", "web2"))
    with pytest.raises(PkiError, match="the ledger knows no host 'web3'"):
        forget(ledger, "web3", "scrapped", "me", (), now, False)
    planned = run(check=True)
    assert ledger.entries.forgotten() == []
    assert len(planned) == 2
    assert run() is not None
    assert run() is None
    assert [gone.host for gone in ledger.entries.forgotten()] == ["web1"]


def test_valid_leaves_of_a_host_that_is_gone_are_warned_of(ledger: Ledger, now: datetime) -> None:
    leaves = forget(ledger, "web1", "scrapped", "me", (), now, True)
    result, warnings = forget_result("web1", "scrapped", leaves)
    assert (result["changed"], len(result["valid"])) == (True, 2)
    assert all(serial in warnings[0] for serial in result["valid"])
    assert forget_result("web1", "scrapped", None) == (
        {
            "changed": False,
            "valid": [],
            "lines": ["as before"],
            "diff": {
                "before_header": "hosts that are gone for good",
                "after_header": "hosts that are gone for good",
                "before": "",
                "after": "",
            },
        },
        [],
    )
