# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An authority whose root gives way to one with another key: which of them signs, which hosts trust, what is due."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import DeployedLeaf
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import Delivery
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    Authority,
    CertifiedKey,
    Standing,
    fingerprint,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    Passphrases,
    plan_provisioning,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace, LeafRecord
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.renewal import needed_issuers
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import COMPROMISED, State
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import Action, decide
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.transaction import LeafTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.issuers import list_issuers
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import is_issued_by, key_identifier
from ansible_collections.anchorage.pki.tests.unit.function_host import Host
from ansible_collections.anchorage.pki.tests.unit.interruptions import killed_at
from ansible_collections.anchorage.pki.tests.unit.rotations import begin, make, move, rotated
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

DAY = timedelta(days=1)
MADE = [state for state in State if state is not State.PLANNED]


def numbers(keys: Sequence[CertifiedKey]) -> list[int]:
    return [key.number for key in keys]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def steps(authority: Authority, at: datetime) -> list[str]:
    """What certificate_authority would do, without the reasons."""
    return [str(step).partition(":")[0] for step in plan_provisioning(authority.folder, {}, "Unused", at).steps]


def test_a_plain_authority_is_one_epoch_and_its_ledger_is_not_even_opened(own_authority: Authority) -> None:
    own_authority.ledger_path.unlink()
    again = read_authority(own_authority.folder)
    assert [(epoch.number, epoch.standing) for epoch in again.epochs] == [(1, Standing.ACTIVE)]
    assert again.anchors() == (again.root,)
    assert again.superseded() == ()


def test_planning_makes_nothing_but_an_entry(own_authority: Authority, now: datetime) -> None:
    before = {path: content for path, content in files(own_authority.folder).items() if "ledger" not in path}
    assert rotated(own_authority, State.PLANNED, now) == own_authority
    assert {path: content for path, content in files(own_authority.folder).items() if "ledger" not in path} == before
    with (
        open_ledger(own_authority.ledger_path) as ledger,
        pytest.raises(sqlite3.IntegrityError),
        ledger.transaction(),
    ):
        ledger.rotations.begin(own_authority.root.sha256, "a second one", now)


@pytest.mark.parametrize(
    ("state", "active", "trusted", "superseded"),
    [
        (State.MADE, 1, [1], []),
        (State.DISTRIBUTING, 1, [1, 2], []),
        (State.SWITCHING, 2, [2, 1], []),
        (State.DRAINING, 2, [2, 1], []),
        (State.PURGING, 2, [2], [1]),
        (State.DONE, 2, [2], [1]),
        (State.ABORTED, 1, [1], [2]),
    ],
)
def test_each_state_says_who_signs_and_whom_hosts_trust(
    own_authority: Authority, now: datetime, state: State, active: int, trusted: list[int], superseded: list[int]
) -> None:
    authority = rotated(own_authority, state, now)
    assert numbers(authority.roots) == numbers(authority.issuers) == [1, 2]
    assert (authority.root.number, authority.issuing.number) == (active, active)
    assert authority.issuing.responder.number == 1
    assert numbers(authority.anchors()) == trusted
    assert numbers(authority.superseded()) == superseded
    assert steps(authority, now) == []


def test_the_successor_has_a_key_and_a_name_of_its_own(own_authority: Authority, now: datetime) -> None:
    former, new = rotated(own_authority, State.MADE, now).epochs
    assert (former.roots, former.issuers) == (own_authority.roots, own_authority.issuers)
    assert new.root.certificate.public_key() != former.root.certificate.public_key()
    assert new.root.certificate.subject.rfc4514_string() == "CN=Test authority root 2"
    assert new.issuers[0].certificate.subject.rfc4514_string() == "CN=Test authority issuing 2"
    for key in (new.root, *new.issuers, new.issuers[0].responder):
        assert key.key(None, "passphrase").public_key() == key.certificate.public_key()
    with open_ledger(own_authority.ledger_path) as ledger:
        assert {new.root.sha256, new.issuers[0].sha256} < ledger.authorities()
        assert [rotation.to_root for rotation in ledger.rotations.all()] == [new.root.sha256]


@pytest.mark.parametrize("state", MADE)
def test_a_renewed_root_stays_in_its_epoch(
    own_authority: Authority, make_authority: Callable[..., Authority], now: datetime, state: State
) -> None:
    before = rotated(own_authority, state, now)
    authority = make_authority(own_authority.folder, at=now + 3400 * DAY)
    assert numbers(authority.roots) == [1, 2, 3]
    assert [epoch.standing for epoch in authority.epochs] == [epoch.standing for epoch in before.epochs]
    assert (authority.root.number, authority.active.number) == (3, before.active.number)
    assert authority.root.certificate.public_key() == before.root.certificate.public_key()
    assert authority.root.certificate.subject == before.root.certificate.subject


def test_after_an_abort_the_next_root_is_a_third_one(own_authority: Authority, now: datetime) -> None:
    aborted = rotated(own_authority, State.ABORTED, now)
    authority = rotated(aborted, State.SWITCHING, now)
    assert [epoch.standing for epoch in authority.epochs] == [Standing.FORMER, Standing.RETIRED, Standing.ACTIVE]
    assert numbers(authority.anchors()) == [3, 1]
    assert authority.root.certificate.subject.rfc4514_string() == "CN=Test authority root 3"
    authority = move(authority, State.DONE, now)
    again = rotated(authority, State.DISTRIBUTING, now)
    assert numbers(again.anchors()) == [3, 4]
    assert numbers(again.superseded()) == [1, 2]


def test_a_run_that_is_killed_is_finished_by_the_next(own_authority: Authority, now: datetime, tmp_path: Path) -> None:
    begin(own_authority, now)
    for step in count(1):
        planned = read_authority(shutil.copytree(own_authority.folder, tmp_path / str(step)))
        killed = killed_at(step, partial(make, planned, now))
        former = read_authority(planned.folder)
        assert former.anchors() == planned.anchors() == (former.root,)
        with open_ledger(planned.ledger_path) as ledger:
            is_made = ledger.rotations.all()[-1].state is State.MADE
        authority = former if is_made else make(planned, now)
        assert numbers(authority.roots) == numbers(authority.issuers) == [1, 2]
        assert [epoch.standing for epoch in authority.epochs] == [Standing.ACTIVE, Standing.COMING]
        assert steps(authority, now) == []
        if not killed:
            break
    assert step > 20


def test_two_runs_at_once_do_not_both_move_it_on(own_authority: Authority, now: datetime) -> None:
    authority = rotated(own_authority, State.MADE, now)
    with open_ledger(authority.ledger_path) as ledger:
        seen = ledger.rotations.all()[-1]
        move(authority, State.DISTRIBUTING, now)
        with pytest.raises(PkiError, match="no longer made: another run moved it on"), ledger.transaction():
            ledger.rotations.move(seen, State.ABORTED, now)


# What is foreign, still


def test_a_root_that_the_ledger_does_not_know_is_foreign(
    own_authority: Authority, make_authority: Callable[..., Authority], now: datetime, tmp_path: Path
) -> None:
    authority = rotated(own_authority, State.DISTRIBUTING, now)
    namesake = make_authority(tmp_path / "namesake")
    shutil.copytree(namesake.root.folder, own_authority.folder / "root/3")
    with pytest.raises(PkiError, match=r"root/3/certificate.pem is not of this authority: it has another key than .*1"):
        read_authority(own_authority.folder)
    shutil.rmtree(own_authority.folder / "root/3")
    with closing(sqlite3.connect(authority.ledger_path)) as ledger:
        ledger.executescript("DELETE FROM rotations")
    with pytest.raises(
        PkiError, match=r"root/1/certificate.pem is not of this authority: it has another key than .*2"
    ) as refusal:
        read_authority(own_authority.folder)
    # It may be the one that hosts trust: an older copy of the folder would lose it.
    assert "Where ledger.sqlite3 is older than the rest of the authority's folder, put its newest" in str(refusal.value)


def test_a_ledger_of_another_time_makes_no_foreign_root_the_active_one(
    own_authority: Authority, make_authority: Callable[..., Authority], now: datetime, tmp_path: Path
) -> None:
    rotated(own_authority, State.SWITCHING, now)
    namesake = make_authority(tmp_path / "namesake")
    shutil.rmtree(own_authority.folder / "root/2")
    shutil.copytree(namesake.root.folder, own_authority.folder / "root/2")
    with pytest.raises(PkiError, match=r"certificate.pem is not of this authority"):
        read_authority(own_authority.folder)


@pytest.mark.parametrize(("part", "signer"), [("issuing/1", "root/1"), ("issuing/2", "root/2")])
def test_each_issuing_certificate_is_held_against_the_root_that_signed_it(
    own_authority: Authority, make_authority, now: datetime, tmp_path: Path, part: str, signer: str
) -> None:
    rotated(own_authority, State.SWITCHING, now)
    namesake = rotated(make_authority(tmp_path / "namesake"), State.SWITCHING, now)
    shutil.copy(namesake.folder / part / "certificate.pem", own_authority.folder / part)
    with pytest.raises(PkiError, match=rf"{part}/certificate.pem is not of this authority: .*{signer}/.*did not sign"):
        read_authority(own_authority.folder)


# What is due


@pytest.mark.parametrize(
    ("state", "due"),
    [
        (State.MADE, [1, 2]),
        (State.DISTRIBUTING, [1, 2]),
        (State.SWITCHING, [2]),
        (State.PURGING, [2]),
        (State.ABORTED, [1]),
    ],
)
def test_who_signs_leaves_or_is_about_to_has_a_responder(
    own_authority: Authority, now: datetime, state: State, due: list[int]
) -> None:
    authority = rotated(own_authority, state, now)
    wanted = [f"OCSP responder 2 of issuing authority {number}" for number in due]
    assert steps(authority, now + 25 * DAY) == wanted
    assert numbers(needed_issuers(authority, {}, now)) == due


@pytest.mark.parametrize(
    ("state", "roots"), [(State.MADE, 2), (State.DRAINING, 2), (State.PURGING, 2), (State.DONE, 1), (State.ABORTED, 1)]
)
def test_every_root_that_somebody_may_trust_has_a_list(
    own_authority: Authority, now: datetime, state: State, roots: int
) -> None:
    authority = rotated(own_authority, state, now)
    signers = [issuer for issuer in list_issuers(authority, {}, now) if not issuer.signs_leaves]
    assert len({issuer.identifier for issuer in signers}) == len(signers) == roots
    assert key_identifier(authority.root.certificate) in [issuer.identifier for issuer in signers]


@pytest.mark.parametrize("state", [State.PLANNED, *MADE])
def test_a_leaf_of_the_old_root_is_replaced_from_the_switch_on(
    own_authority: Authority, make_leaf, request_leaf, now: datetime, state: State
) -> None:
    leaf = make_leaf()
    record = LeafRecord(fingerprint(leaf), leaf, own_authority.issuing.sha256, "controller", "deployed", ())
    authority = rotated(own_authority, state, now)
    request, deployed = request_leaf(staple=False), DeployedLeaf("app", 1, fingerprint(leaf))
    decision = decide(request, deployed, record, authority, now)
    gives_way = decision.reason == "the root of the deployed leaf gives way to another one"
    assert gives_way == (authority.active.number == 2)
    kept = decide(request_leaf(), deployed, record, authority, now, issue=False)
    assert kept.action is Action.STAPLE  # as long as it is in use


def test_an_authority_of_0_2_0_goes_the_same_way_but_its_root_cannot_vouch_for_the_new_one(
    folder_of_0_2_0: Path, make_leaf, now: datetime
) -> None:
    authority = rotated(read_authority(folder_of_0_2_0), State.SWITCHING, now)
    assert numbers(authority.anchors()) == [2, 1]
    assert authority.active.cross is None
    assert authority.chain(authority.issuing, make_leaf()) == (authority.issuing.certificate,)


# The former root's word for the new one


def test_a_leaf_of_the_new_root_is_sent_with_the_former_ones_word_for_it(
    own_authority: Authority, make_leaf, now: datetime
) -> None:
    leaf = make_leaf()
    authority = rotated(own_authority, State.SWITCHING, now)
    former, new = authority.epochs
    issuing, cross = authority.chain(new.issuers[0], leaf)
    assert issuing == new.issuers[0].certificate
    assert (cross.subject, cross.public_key()) == (new.root.certificate.subject, new.root.certificate.public_key())
    assert is_issued_by(cross, former.root.certificate)
    assert key_identifier(cross) == key_identifier(new.root.certificate)
    assert cross.not_valid_after_utc <= former.root.certificate.not_valid_after_utc
    assert authority.chain(former.issuers[0], leaf) == (former.issuers[0].certificate,)
    # Whatever becomes of the rotation: no leaf is to be replaced for the sake of it.
    for state in (State.DRAINING, State.PURGING, State.DONE):
        authority = move(authority, state, now)
        assert authority.chain(authority.issuing, leaf) == (issuing, cross)
    later = make_leaf(at=cross.not_valid_after_utc)
    assert authority.chain(authority.issuing, later) == (issuing,)


def test_a_root_that_others_may_sign_with_vouches_for_nobody(own_authority: Authority, now: datetime) -> None:
    with open_ledger(own_authority.ledger_path) as ledger, ledger.transaction():
        ledger.rotations.begin(own_authority.root.sha256, COMPROMISED, now)
    assert make(own_authority, now).epochs[1].cross is None


@pytest.mark.parametrize("word", ["root/2/cross.pem of a namesake", "issuing/1/certificate.pem"])
def test_a_word_for_another_root_is_foreign(
    own_authority: Authority, make_authority: Callable[..., Authority], now: datetime, tmp_path: Path, word: str
) -> None:
    rotated(own_authority, State.SWITCHING, now)
    path, _of, namesake = word.partition(" of ")
    other = rotated(make_authority(tmp_path / "namesake"), State.SWITCHING, now) if namesake else own_authority
    shutil.copy(other.folder / path, own_authority.folder / "root/2/cross.pem")
    with pytest.raises(PkiError, match=r"root/2/cross.pem is not of this authority: .*Restore"):
        read_authority(own_authority.folder)


def test_what_the_active_root_signs_needs_no_other_roots_key(
    own_authority: Authority, make_authority: Callable[..., Authority], now: datetime
) -> None:
    authority = rotated(own_authority, State.MADE, now)
    (authority.epochs[1].root.folder / "key.pem").unlink()  # it is kept elsewhere until the switch
    renewed = make_authority(own_authority.folder, at=now + 1010 * DAY)
    assert numbers(renewed.active.issuers) == [1, 3]


def test_leaves_are_issued_with_that_chain_and_kept_with_it(
    own_authority: Authority, request_leaf, make_leaf, now: datetime
) -> None:
    authority, host = rotated(own_authority, State.SWITCHING, now), Host()

    def run(authority: Authority, name: str = "app", **options: str) -> tuple[Action, list[Delivery]]:
        with open_ledger(authority.ledger_path) as ledger:
            transaction = LeafTransaction(authority, Passphrases(), ledger, host, None, now)
            place = LeafPlace("web1", "/etc/pki/anchorage", name)
            plans, _inspection = transaction.plan([request_leaf(name, **options)], [place])
            signed, _deployment = transaction.carry_out(plans)
        return plans[0].decision.action, [leaf.delivery for leaf in signed]

    passphrase, chain = "of a bundle, and long", authority.chain(authority.issuing, make_leaf())
    for name, options in (("app", {}), ("bundled", {"pkcs12_passphrase": passphrase})):
        action, (delivery,) = run(authority, name, **options)
        assert action is Action.LEAF
        assert tuple(x509.load_pem_x509_certificates(delivery.chain.encode())) == chain
    others = pkcs12.load_pkcs12(delivery.pkcs12, passphrase.encode()).additional_certs
    assert {each.certificate for each in others} == {*chain}
    assert run(authority) == (Action.NONE, [])
    assert run(move(authority, State.DONE, now)) == (Action.NONE, [])
