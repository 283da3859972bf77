# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the ledger tells whoever looks after it, and what may be taken out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.entries import Forgotten
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger, open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.moving import move_to_server
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proofs import Proof
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import DueResponse, LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signing import (
    StapleRequest,
    sign_response,
    sign_staple,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import BACKDATE
from cryptography import x509

DAY = timedelta(days=1)
PLACE = LeafPlace("web1", "/etc/pki/anchorage", "app")
Issue = Callable[..., x509.Certificate]


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, own_authority: Authority) -> Iterator[Ledger]:
    if request.param == "postgresql":
        move_to_server(own_authority.folder, request.getfixturevalue("new_database"))
    with open_ledger(own_authority.ledger_path) as opened:
        yield opened


@pytest.fixture
def issue(own_authority: Authority, ledger: Ledger, make_leaf, issuing: Signer, responder: Signer, now) -> Issue:
    """A function that signs a leaf with a staple for a place; with ``deploy`` the host confirms it."""

    def run(place: LeafPlace = PLACE, deploy: bool = True) -> x509.Certificate:
        leaf = make_leaf()
        staple = sign_staple(leaf, issuing.certificate, responder, 7, now)
        with ledger.transaction():
            ledger.record_leaf(leaf, own_authority.issuing.sha256, place, ["app.test"], "controller")
            ledger.record_staple(staple, fingerprint(leaf))
            if deploy:
                ledger.mark_deployed(place, fingerprint(leaf), staple.sha256, now)
        return leaf

    return run


def revoke(ledger: Ledger, leaf: x509.Certificate, reissue: bool | None, now: datetime) -> None:
    with ledger.transaction():
        ledger.revocations.enter(fingerprint(leaf), "superseded", reissue, now)


def test_it_has_every_certificate(ledger: Ledger, own_authority: Authority, issue: Issue, now: datetime) -> None:
    leaf = issue()
    revoke(ledger, leaf, True, now)
    entries = {entry.sha256: entry for entry in ledger.entries.all()}
    assert sorted(entry.kind for entry in entries.values()) == ["issuing", "leaf", "responder", "root"]
    assert entries[own_authority.root.sha256].place == LeafPlace("", "", "")
    entry = entries[fingerprint(leaf)]
    assert (entry.place, entry.names, entry.private_key) == (PLACE, ("app.test",), "controller")
    assert (entry.not_before, entry.not_after) == (leaf.not_valid_before_utc, leaf.not_valid_after_utc)
    assert (entry.status, entry.revoked_at, entry.reason) == ("revoked", now, "superseded")
    assert (entry.serial, entry.staple_until) == (f"{leaf.serial_number:x}", now + 7 * DAY - BACKDATE)


def prunable(ledger: Ledger, before: datetime) -> set[str]:
    return set(ledger.entries.prunable(before))


def test_what_was_replaced_can_go_once_it_ended(ledger: Ledger, issue: Issue, now: datetime) -> None:
    first, second = issue(), issue()
    end = first.not_valid_after_utc
    assert prunable(ledger, end) == set()
    assert prunable(ledger, end + DAY) == {fingerprint(first)}
    with ledger.transaction():
        ledger.entries.prune([fingerprint(first)])
    assert ledger.leaf(PLACE, fingerprint(first)) is None
    assert ledger.current_leaf(PLACE).sha256 == fingerprint(second)
    assert ledger.damage() == ""


def test_what_may_be_on_a_host_stays(ledger: Ledger, issue: Issue, now: datetime) -> None:
    issue()
    issue(LeafPlace("web2", "/etc/pki/anchorage", "app"), deploy=False)
    assert prunable(ledger, now + 1000 * DAY) == set()


def test_a_revocation_stays_that_keeps_its_place_empty(ledger: Ledger, issue: Issue, now: datetime) -> None:
    blocking, other = issue(), issue(LeafPlace("web2", "/etc/pki/anchorage", "app"))
    revoke(ledger, blocking, False, now)
    revoke(ledger, other, True, now)
    with ledger.transaction():
        for place in (PLACE, LeafPlace("web2", "/etc/pki/anchorage", "app")):
            ledger.mark_removed(place)
    assert prunable(ledger, now + 1000 * DAY) == {fingerprint(other)}
    with ledger.transaction():
        ledger.entries.prune([fingerprint(other)])
    assert ledger.revocations.block(PLACE) is not None


def test_a_revoked_leaf_stays_whose_staple_nobody_saw_go(ledger: Ledger, issue: Issue, now: datetime) -> None:
    leaf = issue()
    revoke(ledger, leaf, True, now)
    assert prunable(ledger, now + 1000 * DAY) == set()


def test_a_leaf_stays_as_long_as_an_answer_about_it_may_be_published(
    ledger: Ledger, issue: Issue, issuing: Signer, responder: Signer, now: datetime
) -> None:
    leaf = issue()
    issue()
    due = DueResponse(fingerprint(leaf), leaf, "sha256", None)
    signed = sign_response(StapleRequest(leaf, issuing.certificate, responder, 7), now, "sha256", None)
    with ledger.transaction():
        ledger.revocations.store_responses([(due, signed, now)])
    assert prunable(ledger, now + 1000 * DAY) == set()
    with ledger.transaction():
        ledger.revocations.forget_responses(now + 1000 * DAY)
    assert prunable(ledger, now + 1000 * DAY) == {fingerprint(leaf)}


def test_a_host_that_is_gone_counts_nowhere_and_its_leaves_stay_known(
    ledger: Ledger, own_authority: Authority, issue: Issue, now: datetime
) -> None:
    revoked, leaf = issue(LeafPlace("web1", "/etc/pki/anchorage", "old")), issue()
    stays = issue(LeafPlace("web2", "/etc/pki/anchorage", "app"))
    revoke(ledger, revoked, True, now)
    with ledger.transaction():
        ledger.rotations.begin(own_authority.root.sha256, "", now)
        ledger.rotations.count(ledger.rotations.current(), ["web1", "web2"])
        ledger.rotations.add_exception(ledger.rotations.current(), "web1", "scrapped", "me")
        proof = Proof(own_authority.root.sha256, "system", "Debian", "trusted", "0")
        for host in ("web1", "web2"):
            ledger.proofs.enter(host, ledger.proofs.difference(host, [proof], ["system"], now), now)
    assert {place.host for place in ledger.revocations.pending_places(now)} == {"web1"}
    assert (ledger.entries.knows_host("web1"), ledger.entries.counts_host("web1")) == (True, True)
    with ledger.transaction():
        ledger.entries.forget_host("web1", "scrapped", "me", now)
    assert (ledger.entries.knows_host("web1"), ledger.entries.counts_host("web1")) == (True, False)
    assert ledger.entries.forgotten() == [Forgotten("web1", "scrapped", "me", now)]
    assert {place.host for place in ledger.places()} == {"web2"}
    assert {place.host for place in ledger.due_staples(now + 6 * DAY)} == {"web2"}
    assert ledger.revocations.pending_places(now) == {}
    assert {place.host for place, _issuer in ledger.rotations.leaves_in_use(now)} == {"web2"}
    assert ledger.rotations.counted(ledger.rotations.current()) == {"web2"}
    assert ledger.rotations.exceptions(ledger.rotations.current()) == {}
    assert {seen.host for seen in ledger.proofs.of_root(own_authority.root.sha256)} == {"web2"}
    # Both can still be named.
    assert ledger.revocations.known(fingerprint(leaf)).status == "superseded"
    assert ledger.revocations.known(fingerprint(revoked)).revocation is not None
    assert ledger.revocations.known(fingerprint(stays)).status == "deployed"


def test_a_host_that_has_its_leaf_still_comes_back(ledger: Ledger, issue: Issue, now: datetime) -> None:
    leaf = issue()
    with ledger.transaction():
        ledger.entries.forget_host("web1", "scrapped", "me", now)
        ledger.mark_deployed(PLACE, fingerprint(leaf), "", now)
    assert (ledger.entries.forgotten(), ledger.entries.counts_host("web1")) == ([], True)


def test_a_host_without_a_leaf_is_known_by_what_it_trusts(ledger: Ledger, own_authority: Authority, now) -> None:
    assert ledger.entries.knows_host("web9") is False
    proof = Proof(own_authority.root.sha256, "system", "Debian", "trusted", "0")
    with ledger.transaction():
        ledger.proofs.enter("web9", ledger.proofs.difference("web9", [proof], ["system"], now), now)
    assert ledger.entries.knows_host("web9") is True
