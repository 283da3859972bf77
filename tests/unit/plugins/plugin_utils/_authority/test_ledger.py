# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger: what is entered stays, whoever writes beside it, and whatever happens to the disk."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sqlite3
import stat
import subprocess
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import sql
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger, open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger_urls import ledger_url
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import (
    LeafPlace,
    StapleRecord,
    StapleTimes,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signing import sign_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.verification import Staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.file_systems import network_file_system
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer
from cryptography import x509

PLACE = LeafPlace("web1", "/etc/pki/anchorage", "app")
ISSUER = "1" * 64
MakeLeaf = Callable[..., x509.Certificate]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def ledger(either_path: Path) -> Iterator[Ledger]:
    with open_ledger(either_path, create=True) as opened:
        yield opened


@pytest.fixture
def file_ledger(path: Path) -> Iterator[Ledger]:
    with open_ledger(path, create=True) as opened:
        yield opened


def enter(ledger: Ledger, certificate: x509.Certificate, place: LeafPlace = PLACE, issuer: str = ISSUER) -> str:
    with ledger.transaction():
        ledger.record_leaf(certificate, issuer, place, ["app.test"], "controller")
    return fingerprint(certificate)


def test_a_new_ledger_is_private_with_all_its_files(path: Path, make_leaf: MakeLeaf) -> None:
    former = os.umask(0)
    try:
        with open_ledger(path, create=True) as ledger:
            enter(ledger, make_leaf())
            assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
            assert len(list(path.parent.iterdir())) == 3
    finally:
        os.umask(former)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_ledger_keeps_what_was_entered(either_path: Path, make_leaf: MakeLeaf) -> None:
    leaf = make_leaf()
    with open_ledger(either_path, create=True) as ledger:
        enter(ledger, leaf)
    with open_ledger(either_path) as ledger:
        record = ledger.leaf(PLACE, fingerprint(leaf))
    assert record is not None
    assert record.certificate == leaf
    assert (record.issuer_sha256, record.private_key, record.status) == (ISSUER, "controller", "signed")
    assert record.sha256 == fingerprint(leaf)
    assert record.staples == ()


def test_creating_twice_keeps_what_is_there(either_path: Path, make_leaf: MakeLeaf) -> None:
    with open_ledger(either_path, create=True) as ledger:
        enter(ledger, make_leaf())
    with open_ledger(either_path, create=True) as ledger:
        assert ledger.leaf_counts() == {"signed": 1}


def test_a_ledger_survives_a_power_cut(file_ledger: Ledger, path: Path) -> None:
    with sqlite3.connect(path) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()
    assert file_ledger._connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_leaf_is_entered_once(ledger: Ledger, make_leaf: MakeLeaf, now: datetime) -> None:
    leaf = make_leaf()
    sha256 = enter(ledger, leaf)
    with ledger.transaction():
        ledger.mark_deployed(PLACE, sha256, "", now)
    with pytest.raises(Exception, match=r"(?i)unique"):
        enter(ledger, leaf)
    assert ledger.leaf_counts() == {"deployed": 1}


def test_entering_the_authoritys_own_again_changes_nothing(ledger: Ledger, authority) -> None:
    with ledger.transaction():
        ledger.record_own("root", authority.root.certificate, authority.root.sha256)
        ledger.record_own("root", authority.root.certificate, authority.root.sha256)
    assert ledger.authorities() == {authority.root.sha256}


def test_the_authoritys_own_certificates_are_no_leaves(ledger: Ledger, authority) -> None:
    with ledger.transaction():
        ledger.record_own("root", authority.root.certificate, authority.root.sha256)
        ledger.record_own("issuing", authority.issuing.certificate, authority.root.sha256)
        ledger.record_own("responder", authority.issuing.responder.certificate, authority.issuing.sha256)
    assert ledger.authorities() == {authority.root.sha256, authority.issuing.sha256}
    assert ledger.leaf_counts() == {}
    assert ledger.last_leaf_ends() == {}


@pytest.mark.parametrize(
    "elsewhere",
    [
        LeafPlace("web2", PLACE.destination, PLACE.name),
        LeafPlace(PLACE.host, "/srv/tls", PLACE.name),
        LeafPlace(PLACE.host, PLACE.destination, "other"),
    ],
)
def test_a_leaf_is_known_at_its_own_place_only(ledger: Ledger, make_leaf: MakeLeaf, elsewhere: LeafPlace) -> None:
    sha256 = enter(ledger, make_leaf())
    assert ledger.leaf(PLACE, sha256) is not None
    assert ledger.leaf(elsewhere, sha256) is None
    assert ledger.current_leaf(elsewhere) is None


def test_the_current_leaf_is_the_one_in_use_or_else_the_last_one_signed(
    ledger: Ledger, make_leaf: MakeLeaf, now: datetime
) -> None:
    def current() -> str | None:
        record = ledger.current_leaf(PLACE)
        return record and record.sha256

    assert current() is None
    first, second, third = (enter(ledger, make_leaf()) for _round in range(3))
    assert current() == third
    with ledger.transaction():
        ledger.mark_deployed(PLACE, second, "", now)
    assert current() == second
    fourth = enter(ledger, make_leaf())
    assert current() == second
    with ledger.transaction():
        ledger.mark_deployed(PLACE, fourth, "", now)
    assert current() == fourth
    assert ledger.leaf_counts() == {"deployed": 1, "superseded": 3}
    assert ledger.leaf(PLACE, first) is not None


def test_deploying_elsewhere_supersedes_nothing_here(ledger: Ledger, make_leaf: MakeLeaf, now: datetime) -> None:
    other = LeafPlace("web2", PLACE.destination, PLACE.name)
    here, there = enter(ledger, make_leaf()), enter(ledger, make_leaf(), other)
    with ledger.transaction():
        ledger.mark_deployed(PLACE, here, "", now)
        ledger.mark_deployed(other, there, "", now)
    assert ledger.leaf_counts() == {"deployed": 2}


def test_a_revoked_leaf_stays_revoked(ledger: Ledger, make_leaf: MakeLeaf, now: datetime) -> None:
    revoked = enter(ledger, make_leaf())
    with ledger.transaction():
        ledger.revocations.enter(revoked, "superseded", True, now)
    with ledger.transaction():
        ledger.mark_deployed(PLACE, revoked, "", now)
        ledger.mark_removed(PLACE)
    record = ledger.leaf(PLACE, revoked)
    assert record is not None
    assert record.status == "revoked"
    assert ledger.current_leaf(PLACE) is None


# Places


def test_a_place_is_known_from_the_signing_to_the_removal(ledger: Ledger, make_leaf: MakeLeaf, now: datetime) -> None:
    short, long = make_leaf(days=10), make_leaf(days=90)
    enter(ledger, long)
    deployed = enter(ledger, short)
    assert ledger.places() == {PLACE: long.not_valid_after_utc}
    with ledger.transaction():
        ledger.mark_deployed(PLACE, deployed, "", now)
    assert ledger.places() == {PLACE: short.not_valid_after_utc}
    for _round in range(2):
        with ledger.transaction():
            ledger.mark_removed(PLACE)
        assert ledger.places() == {}
        assert ledger.leaf_counts() == {"superseded": 2}
    assert ledger.current_leaf(PLACE) is None
    assert ledger.leaf(PLACE, deployed) is not None


def test_a_removal_is_of_one_place_only(ledger: Ledger, make_leaf: MakeLeaf) -> None:
    others = [replace(PLACE, host="web2"), replace(PLACE, destination="/srv/tls"), replace(PLACE, name="other")]
    for place in (PLACE, *others):
        enter(ledger, make_leaf(), place)
    with ledger.transaction():
        ledger.mark_removed(PLACE)
    assert set(ledger.places()) == set(others)
    assert set(ledger.places(PLACE.host)) == set(others[1:])
    assert ledger.places("web3") == {}


def test_the_authoritys_own_certificates_have_no_place(ledger: Ledger, authority) -> None:
    with ledger.transaction():
        ledger.record_own("root", authority.root.certificate, authority.root.sha256)
    assert ledger.places() == {}


def test_the_places_of_one_host_are_found_by_an_index(file_ledger: Ledger) -> None:
    query = "EXPLAIN QUERY PLAN " + sql.PLACES_OF_HOST
    (step,) = file_ledger._connection.execute(query, ("web1",)).fetchall()
    assert "SEARCH certificates USING INDEX leaf_on_host (host=?)" in step[-1]


def test_the_last_leafs_end_is_known_for_each_issuer(ledger: Ledger, make_leaf: MakeLeaf) -> None:
    longest = make_leaf(days=90)
    enter(ledger, longest)
    enter(ledger, make_leaf(days=30))
    short = make_leaf(days=10)
    enter(ledger, short, issuer="2" * 64)
    assert ledger.last_leaf_ends() == {ISSUER: longest.not_valid_after_utc, "2" * 64: short.not_valid_after_utc}


def test_what_is_no_leaf_ends_none_of_an_issuers_leaves(ledger: Ledger, make_leaf: MakeLeaf, authority) -> None:
    issuing, root = authority.issuing, authority.root.sha256
    enter(ledger, leaf := make_leaf(days=10), issuer=issuing.sha256)
    with ledger.transaction():
        ledger.record_own("root", authority.root.certificate, root)
        ledger.record_own("issuing", issuing.certificate, root)
        ledger.record_own("responder", issuing.responder.certificate, issuing.sha256)
    assert ledger.last_leaf_ends() == {issuing.sha256: leaf.not_valid_after_utc}


def test_the_staples_of_a_leaf_are_found_by_their_digest(
    ledger: Ledger, make_leaf: MakeLeaf, issuing: Signer, responder: Signer, now: datetime
) -> None:
    leaf = make_leaf()
    staples = [sign_staple(leaf, issuing.certificate, responder, days, now) for days in (7, 3)]
    enter(ledger, leaf)
    with ledger.transaction():
        for staple in (*staples, staples[0]):
            ledger.record_staple(staple, fingerprint(leaf))
    record = ledger.leaf(PLACE, fingerprint(leaf))
    assert record is not None
    assert [entry.sha256 for entry in record.staples] == [staple.sha256 for staple in staples]
    found = record.staple(staples[1].sha256)
    assert found is not None
    assert (found.this_update, found.next_update) == (staples[1].this_update, staples[1].next_update)
    assert record.staple("0" * 64) is None


def test_a_staple_is_kept_whole_and_counts_as_deployed_once_its_host_has_confirmed_it(
    ledger: Ledger, make_leaf: MakeLeaf, issuing: Signer, responder: Signer, now: datetime
) -> None:
    leaf, sibling = make_leaf(), make_leaf()
    first, second = (sign_staple(leaf, issuing.certificate, responder, days, now) for days in (7, 3))
    for certificate in (leaf, sibling):
        enter(ledger, certificate)
    with ledger.transaction():
        for staple in (first, second):
            ledger.record_staple(staple, fingerprint(leaf))

    def recorded() -> list[StapleRecord]:
        record = ledger.leaf(PLACE, fingerprint(leaf))
        assert record is not None
        return list(record.staples)

    assert [(staple.der, staple.renew_at) for staple in recorded()] == [
        (staple.der, staple.renew_at) for staple in (first, second)
    ]
    assert [staple.deployed_at for staple in recorded()] == [None, None]
    for leaf_sha256, staple_sha256, at, deployed in (
        (fingerprint(leaf), "", now, [None, None]),
        (fingerprint(sibling), second.sha256, now, [None, None]),
        (fingerprint(leaf), second.sha256, now, [None, now]),
        (fingerprint(leaf), second.sha256, now + timedelta(days=1), [None, now]),
    ):
        with ledger.transaction():
            ledger.mark_deployed(PLACE, leaf_sha256, staple_sha256, at)
        assert [staple.deployed_at for staple in recorded()] == deployed


# Staples in use, and those that are due


@pytest.fixture
def staple(make_leaf: MakeLeaf, issuing: Signer, responder: Signer, now: datetime) -> Callable[..., Staple]:
    """A function that signs a staple for a leaf."""

    def sign(leaf: x509.Certificate, days: int = 7, at: datetime = now) -> Staple:
        return sign_staple(leaf, issuing.certificate, responder, days, at)

    return sign


def confirmed(ledger: Ledger, leaf: x509.Certificate, staple: Staple, at: datetime, place: LeafPlace = PLACE) -> None:
    """Enter a staple, and that the host has it."""
    with ledger.transaction():
        ledger.record_staple(staple, fingerprint(leaf))
        ledger.mark_deployed(place, fingerprint(leaf), staple.sha256, at)


def times(staple: Staple) -> StapleTimes:
    return StapleTimes(staple.next_update, staple.renew_at)


def test_a_staple_is_due_from_its_time_on_once_a_host_has_it(ledger: Ledger, make_leaf, staple, now: datetime) -> None:
    leaf = make_leaf()
    enter(ledger, leaf)
    signed = staple(leaf)
    with ledger.transaction():
        ledger.record_staple(signed, fingerprint(leaf))
    assert ledger.due_staples(signed.next_update) == {}
    confirmed(ledger, leaf, signed, now)
    assert ledger.due_staples(signed.renew_at - timedelta(seconds=1)) == {}
    for at in (signed.renew_at, signed.next_update + timedelta(days=1)):
        assert ledger.due_staples(at) == {PLACE: times(signed)}


def test_what_was_signed_and_not_confirmed_leaves_due_what_the_host_has(ledger, make_leaf, staple, now) -> None:
    leaf = make_leaf()
    enter(ledger, leaf)
    former, later = staple(leaf), now + timedelta(days=4)
    newer = staple(leaf, at=later)
    confirmed(ledger, leaf, former, now)
    with ledger.transaction():
        ledger.record_staple(newer, fingerprint(leaf))
    assert ledger.due_staples(later) == {PLACE: times(former)}
    confirmed(ledger, leaf, newer, later)
    assert ledger.due_staples(later) == {}
    assert ledger.staples_in_use() == {PLACE: times(newer)}
    confirmed(ledger, leaf, former, later)
    assert ledger.due_staples(later) == {PLACE: times(former)}
    found = ledger.leaf(PLACE, fingerprint(leaf))
    assert [entry.deployed_at for entry in found.staples] == [now, later]


def _supersede(ledger: Ledger, place: LeafPlace, make_leaf: MakeLeaf, now: datetime) -> None:
    ledger.record_leaf(another := make_leaf(), ISSUER, place, ["app.test"], "controller")
    ledger.mark_deployed(place, fingerprint(another), "", now)


@pytest.mark.parametrize(
    "end",
    [
        lambda ledger, place, _leaf, _make, _now: ledger.mark_removed(place),
        lambda ledger, place, _leaf, make_leaf, now: _supersede(ledger, place, make_leaf, now),
        lambda ledger, place, leaf, _make, now: ledger.mark_deployed(place, fingerprint(leaf), "", now),
        lambda ledger, place, leaf, _make, now: ledger.mark_deployed(place, fingerprint(leaf), "0" * 64, now),
    ],
    ids=["the leaf was removed", "another leaf", "no staple any more", "a staple that nobody knows"],
)
def test_a_staple_that_its_host_no_longer_has_is_not_due(ledger, make_leaf, staple, now: datetime, end) -> None:
    elsewhere = replace(PLACE, host="web2")
    for place in (PLACE, elsewhere):
        leaf = make_leaf()
        enter(ledger, leaf, place)
        signed = staple(leaf)
        confirmed(ledger, leaf, signed, now, place)
    assert set(ledger.due_staples(signed.next_update)) == {PLACE, elsewhere}
    with ledger.transaction():
        end(ledger, elsewhere, leaf, make_leaf, now)
    assert set(ledger.due_staples(signed.next_update)) == {PLACE}
    assert set(ledger.staples_in_use()) == {PLACE}
    assert set(ledger.staples_in_use("web2")) == set()
    count = "SELECT COUNT(*) FROM staples WHERE in_use"
    assert ledger._connection.execute(count).fetchone() == (1,)


def test_the_staple_of_a_leaf_that_ended_is_not_due_and_of_one_that_was_revoked_is_at_once(
    ledger: Ledger, make_leaf, staple, now: datetime
) -> None:
    leaf = make_leaf(days=5)
    enter(ledger, leaf)
    signed = staple(leaf)
    confirmed(ledger, leaf, signed, now)
    end = leaf.not_valid_after_utc
    assert set(ledger.due_staples(end - timedelta(seconds=1))) == {PLACE}
    assert ledger.due_staples(end) == {}
    assert ledger.due_staples(now) == {}
    with ledger.transaction():
        ledger.revocations.enter(fingerprint(leaf), "superseded", True, now)
    assert set(ledger.due_staples(now)) == {PLACE}
    assert ledger.due_staples(end) == {}
    with ledger.transaction():
        ledger.mark_deployed(PLACE, fingerprint(leaf), "", now)
    assert ledger.due_staples(now) == {}


def test_the_longest_due_comes_first(ledger: Ledger, make_leaf, staple, now: datetime) -> None:
    places = [replace(PLACE, host=f"web{number}") for number in range(3)]
    for days, place in zip((3, 1, 2), places, strict=True):
        leaf = make_leaf()
        enter(ledger, leaf, place)
        confirmed(ledger, leaf, staple(leaf, days), now, place)
    assert list(ledger.due_staples(now + timedelta(days=7))) == [places[1], places[2], places[0]]


def test_due_staples_are_found_by_indexes_of_those_in_use(file_ledger: Ledger) -> None:
    plan = file_ledger._connection.execute("EXPLAIN QUERY PLAN " + sql.DUE_STAPLES, (1, 1)).fetchall()
    words = [step[-1] for step in plan]
    assert "SEARCH staples USING INDEX staple_due (renew_at<?)" in words
    assert "SEARCH staples USING INDEX staple_start (this_update>?)" in words
    assert "SEARCH certificates USING INDEX sqlite_autoindex_certificates_1 (sha256=?)" in words
    assert not any(step.startswith("SCAN") for step in words)


def test_a_place_is_marked_by_its_own_rows_alone(file_ledger: Ledger) -> None:
    """However many staples are in use elsewhere."""
    plan = file_ledger._connection.execute("EXPLAIN QUERY PLAN " + sql.MARK_NONE_IN_USE, ("", "", "")).fetchall()
    assert "SEARCH staples USING INDEX staple_of (certificate_sha256=?)" in plan[0][-1]


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        (sql.IS_AWAITED, ("", "", "")),
        (sql.PENDING_PLACES, (1,)),
        (sql.KNOWN_BY_SERIAL, ("",)),
        (sql.GOOD_UNTIL, ("",)),
        (sql.IS_REVOKED, ("",)),
        (sql.LAST_LEAF_ENDS, ()),
        (sql.FORGET_RESPONSES, (1,)),
    ],
)
def test_what_is_asked_of_one_or_a_few_is_found_by_indexes(
    file_ledger: Ledger, statement: str, values: tuple[object, ...]
) -> None:
    plan = [step[-1] for step in file_ledger._connection.execute("EXPLAIN QUERY PLAN " + statement, values)]
    assert any(step.startswith("SEARCH") for step in plan)
    tables = ("certificates", "staples", "last", "responses", "revocations", "leaf")
    assert not [step for step in plan if step.startswith(tuple(f"SCAN {table}" for table in tables))]


@pytest.mark.parametrize("of_the_issuer", [False, True])
def test_whether_a_leaf_is_revoked_is_read_again_inside_a_transaction(
    ledger: Ledger, either_path: Path, make_leaf: MakeLeaf, authority, now: datetime, of_the_issuer: bool
) -> None:
    issuing = authority.issuing
    with ledger.transaction():
        ledger.record_own("issuing", issuing.certificate, authority.root.sha256)
    sha256, other = enter(ledger, make_leaf(), issuer=issuing.sha256), enter(ledger, make_leaf())
    assert not ledger.revocations.is_revoked(sha256)
    with open_ledger(either_path) as another, another.transaction():
        another.revocations.enter(issuing.sha256 if of_the_issuer else sha256, "superseded", True, now)
    with ledger.transaction():
        assert ledger.revocations.is_revoked(sha256)
    assert not any(map(ledger.revocations.is_revoked, (other, "0" * 64)))


def test_staples_that_ended_long_ago_are_forgotten_wherever_they_are(
    ledger: Ledger, make_leaf: MakeLeaf, issuing: Signer, now: datetime
) -> None:
    places = [PLACE, PLACE, replace(PLACE, host="web2")]
    leaves = [make_leaf(days=300) for _place in places]

    def record(leaf: x509.Certificate, weeks: int) -> None:
        # The issuing authority answers itself here, since no delegate lives that long.
        staple = sign_staple(leaf, issuing.certificate, issuing, 7, now + timedelta(weeks=weeks))
        with ledger.transaction():
            ledger.record_staple(staple, fingerprint(leaf))

    def weeks_of(leaf: x509.Certificate, place: LeafPlace) -> list[int]:
        found = ledger.leaf(place, fingerprint(leaf))
        assert found is not None
        return [round((staple.this_update - now) / timedelta(weeks=1)) for staple in found.staples]

    for leaf, place in zip(leaves, places, strict=True):
        enter(ledger, leaf, place)
        for weeks in (0, 3):
            record(leaf, weeks)
    with ledger.transaction():
        ledger.forget_staples(now + timedelta(weeks=6))
    record(leaves[1], 6)
    assert [weeks_of(leaf, place) for leaf, place in zip(leaves, places, strict=True)] == [[3], [3, 6], [3]]


def test_a_staple_that_its_host_still_has_is_kept_however_old_it_is(
    ledger: Ledger, make_leaf, issuing: Signer, now: datetime
) -> None:
    """Or else a host that was away for a month would not be due any more."""
    leaf, later = make_leaf(days=300), now + timedelta(days=60)
    enter(ledger, leaf)
    installed = sign_staple(leaf, issuing.certificate, issuing, 7, now)
    confirmed(ledger, leaf, installed, now)
    with ledger.transaction():
        ledger.record_staple(sign_staple(leaf, issuing.certificate, issuing, 7, later), fingerprint(leaf))
        ledger.forget_staples(later)
    assert ledger.due_staples(later) == {PLACE: times(installed)}


def test_the_staples_of_leaves_that_ended_long_ago_are_forgotten_everywhere(
    ledger: Ledger, make_leaf, staple, now: datetime
) -> None:
    ended, valid = make_leaf(days=5), make_leaf(days=90)
    places = [replace(PLACE, host=host) for host in ("gone", "away")]
    for place, leaf in zip(places, (ended, valid), strict=True):
        enter(ledger, leaf, place)
        confirmed(ledger, leaf, staple(leaf, 3), now, place)

    def kept(at: datetime) -> list[int]:
        with ledger.transaction():
            ledger.forget_staples(at)
        records = [ledger.leaf(place, fingerprint(leaf)) for place, leaf in zip(places, (ended, valid), strict=True)]
        return [len(record.staples) for record in records]

    assert kept(ended.not_valid_after_utc + timedelta(days=30)) == [1, 1]
    assert kept(ended.not_valid_after_utc + timedelta(days=30, seconds=1)) == [0, 1]
    assert set(ledger.places()) == set(places)


def test_staples_that_ended_are_found_by_an_index(file_ledger: Ledger) -> None:
    query = "EXPLAIN QUERY PLAN " + sql.FORGET_STAPLES
    first = file_ledger._connection.execute(query, (1,)).fetchall()[0]
    assert first[-1] == "SEARCH staples USING INDEX staple_end (next_update<?)"


def test_a_staple_needs_its_leaf(
    either_path: Path, make_leaf, issuing: Signer, responder: Signer, now: datetime
) -> None:
    leaf = make_leaf()
    staple = sign_staple(leaf, issuing.certificate, responder, 7, now)
    with (
        pytest.raises(PkiError, match=r"(?i)foreign key constraint"),
        open_ledger(either_path, create=True) as ledger,
        ledger.transaction(),
    ):
        ledger.record_staple(staple, fingerprint(leaf))


def test_a_transaction_that_fails_in_the_middle_leaves_nothing(
    ledger: Ledger, either_path: Path, make_leaf: MakeLeaf
) -> None:
    def stop_in_the_middle() -> None:
        with ledger.transaction():
            ledger.record_leaf(make_leaf(), ISSUER, PLACE, ["app.test"], "controller")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_in_the_middle()
    assert ledger.leaf_counts() == {}
    enter(ledger, make_leaf())
    with open_ledger(either_path) as another:
        assert another.leaf_counts() == {"signed": 1}


def test_an_error_of_the_caller_is_not_the_ledgers(either_path: Path) -> None:
    with pytest.raises(BrokenPipeError), open_ledger(either_path, create=True):
        raise BrokenPipeError("the connection to the host broke")


# What cannot be used


def test_a_missing_ledger_is_not_made_by_reading(path: Path) -> None:
    with pytest.raises(PkiError, match=r"ledger.sqlite3 is missing. Restore"), open_ledger(path):
        pytest.fail("there was a ledger")
    assert not path.exists()


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough" * 200, b"SQLite format 3\0" + b"\0" * 84]
)
def test_a_damaged_ledger_asks_for_the_backup_and_stays_as_it_is(path: Path, content: bytes, create: bool) -> None:
    path.write_bytes(content)
    with pytest.raises(PkiError, match=r"The ledger .* cannot be used .*backup"), open_ledger(path, create=create):
        pytest.fail("the ledger was opened")
    assert path.read_bytes() == content


def test_a_ledger_with_a_damaged_page_asks_for_the_backup(path: Path, make_leaf: MakeLeaf) -> None:
    with open_ledger(path, create=True) as ledger:
        enter(ledger, make_leaf())
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(PkiError, match=r"malformed.*backup"), open_ledger(path) as ledger:
        ledger.leaf_counts()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE certificates SET certificate = x'3003020101' WHERE name = 'app'", "leaf app of web1 "),
        ("UPDATE certificates SET certificate = 'text' WHERE name = 'app'", "leaf app of web1 "),
        ("UPDATE certificates SET not_after = 1 << 60 WHERE name = 'app'", "the time 1152921504606846976"),
    ],
)
def test_a_damaged_entry_is_named_and_keeps_no_other_host_from_its_own(
    path: Path, make_leaf: MakeLeaf, statement: str, words: str
) -> None:
    other = LeafPlace("web2", "/etc/pki/anchorage", "other")
    with open_ledger(path, create=True) as ledger, ledger.transaction():
        for place in (LeafPlace("web1", "/etc/pki/anchorage", "app"), other):
            ledger.record_leaf(make_leaf(f"{place.name}.test"), "ab" * 32, place, [], "controller")
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
    with open_ledger(path) as ledger:
        assert ledger.current_leaf(other) is not None
    with pytest.raises(PkiError) as caught:
        read_all(path)
    assert str(caught.value).startswith(f"The ledger {path} has a damaged entry: {words}")
    assert "from a backup, by the playbook anchorage.pki.restore." in str(caught.value)


def read_all(path: Path) -> None:
    with open_ledger(path) as ledger:
        ledger.entries.all()
        ledger.current_leaf(LeafPlace("web1", "/etc/pki/anchorage", "app"))


def test_an_empty_ledger_is_none(path: Path) -> None:
    path.touch()
    with pytest.raises(PkiError, match=r"is not a ledger of anchorage.pki"), open_ledger(path):
        pytest.fail("the ledger was opened")


def test_anothers_database_is_refused_and_left_alone(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (value)")
    other.execute("PRAGMA application_id = 7")
    other.close()
    before = path.read_bytes()
    for create in (True, False):
        with pytest.raises(PkiError, match=r"is not a ledger of anchorage.pki"), open_ledger(path, create=create):
            pytest.fail("the ledger was opened")
    other = sqlite3.connect(path)
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    other.close()
    assert len(path.read_bytes()) == len(before)


def test_a_newer_schema_asks_for_an_update(path: Path) -> None:
    with open_ledger(path, create=True):
        pass
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 7")
    newer.close()
    with (
        pytest.raises(PkiError, match=r"newer release of anchorage.pki \(schema 7, this one reads 6\). Update"),
        open_ledger(path),
    ):
        pytest.fail("the ledger was opened")


def test_a_ledger_on_a_network_file_system_is_refused(path: Path) -> None:
    mounts = path.with_name("mountinfo")
    mounts.write_text(f"40 27 0:35 / {path.parent} rw,relatime shared:20 - nfs4 server:/home rw\n")
    with (
        pytest.raises(PkiError, match=r"network file system \(nfs4\).*local disk.*option authority"),
        open_ledger(path, create=True, file_system=lambda folder: network_file_system(folder, mounts)),
    ):
        pytest.fail("the ledger was opened")
    assert not path.exists()


def test_a_ledger_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(PkiError, match=r"cannot be written: No such file or directory. Nothing was changed"),
        open_ledger(tmp_path / "missing" / "ledger.sqlite3", create=True),
    ):
        pytest.fail("the ledger was made")


def _fill_the_disk(path: Path, certificates: list[x509.Certificate], answers) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 8192,) * 2)
    try:
        with open_ledger(path) as ledger, ledger.transaction():
            for number, certificate in enumerate(certificates):
                ledger.record_leaf(certificate, ISSUER, PLACE, [f"{number}.test"] * 50, "controller")
    except PkiError as error:
        answers.put("".join(traceback.format_exception(error, chain=False)))
    else:
        answers.put("written")


def test_a_file_that_may_not_grow_loses_nothing(path: Path, make_leaf: MakeLeaf) -> None:
    with open_ledger(path, create=True) as ledger:
        enter(ledger, make_leaf())
    fork = multiprocessing.get_context("fork")
    answers = fork.SimpleQueue()
    writer = fork.Process(target=_fill_the_disk, args=(path, [make_leaf() for _round in range(80)], answers))
    writer.start()
    assert "cannot be used" in answers.get()
    writer.join()
    with open_ledger(path) as ledger:
        assert ledger.leaf_counts() == {"signed": 1}


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_loses_nothing_and_says_what_to_do(tmp_path: Path, make_leaf: MakeLeaf) -> None:
    def fill(ledger: Ledger) -> None:
        # More than SQLite keeps in memory until the transaction's end: it meets the full disk amid the inserts.
        for _dummy in range(40):
            ledger.record_leaf(make_leaf(), ISSUER, PLACE, ["app.test"] * 10_000, "controller")

    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", tmp_path], check=False)
    if mounted.returncode:
        pytest.skip("mounting is not permitted here")
    try:
        path = tmp_path / "ledger.sqlite3"
        with open_ledger(path, create=True) as ledger:
            kept = enter(ledger, make_leaf())
        with (
            pytest.raises(PkiError, match=r"disk is full\). Where the disk is full .* run again"),
            open_ledger(path) as ledger,
            ledger.transaction(),
        ):
            fill(ledger)
        with open_ledger(path) as ledger:
            assert ledger.leaf(PLACE, kept) is not None
            assert ledger.leaf_counts() == {"signed": 1}
    finally:
        subprocess.run(["umount", tmp_path], check=True)


# Several at once


def _sign_many(path: Path, host: str, certificates: list[x509.Certificate]) -> None:
    for certificate in certificates:
        with open_ledger(path) as ledger:
            enter(ledger, certificate, LeafPlace(host, "/etc/pki/anchorage", "app"))


def test_fifty_processes_lose_nothing_and_wait_for_each_other(either_path: Path, make_leaf: MakeLeaf) -> None:
    with open_ledger(either_path, create=True):
        pass
    fork = multiprocessing.get_context("fork")
    each = 20 if ledger_url(either_path.parent) is None else 4  # a connection is not as quick as a file
    work = {f"web{number}": [make_leaf() for _round in range(each)] for number in range(50)}
    writers = [fork.Process(target=_sign_many, args=(either_path, *task)) for task in work.items()]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    # None of them was told that the database is locked.
    assert [writer.exitcode for writer in writers] == [0] * 50
    with open_ledger(either_path) as ledger:
        assert ledger.leaf_counts() == {"signed": 50 * each}


def test_a_writer_that_does_not_end_is_reported(path: Path, make_leaf: MakeLeaf) -> None:
    with open_ledger(path, create=True) as hanging, hanging.transaction():
        with (
            pytest.raises(PkiError, match=r"database is locked.*a run hangs"),
            open_ledger(path, timeout=0.1) as ledger,
        ):
            enter(ledger, make_leaf())
        hanging.record_leaf(make_leaf(), ISSUER, PLACE, [], "controller")


def test_a_reader_does_not_wait_for_a_writer(path: Path, make_leaf: MakeLeaf) -> None:
    with open_ledger(path, create=True) as writer, writer.transaction():
        writer.record_leaf(make_leaf(), ISSUER, PLACE, [], "controller")
        with open_ledger(path) as reader:
            assert reader.leaf_counts() == {}


def test_times_are_kept_to_the_second_in_utc(ledger: Ledger, make_leaf: MakeLeaf, now: datetime) -> None:
    enter(ledger, make_leaf(days=1))
    (end,) = ledger.last_leaf_ends().values()
    assert end == now + timedelta(days=1) - timedelta(seconds=1)
    assert end.utcoffset() == timedelta(0)
