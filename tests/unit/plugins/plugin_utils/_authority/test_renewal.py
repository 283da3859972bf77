# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is due in an authority, and when exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    Authority,
    CertifiedKey,
    Epoch,
    IssuingAuthority,
    Standing,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import Lifetimes, Policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.renewal import (
    Part,
    Step,
    needed_issuers,
    plan_authority,
    responder_warnings,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Subject, Validity, sign_root
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import PrivateKey

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)

Certify = Callable[..., CertifiedKey]


@pytest.fixture
def certify(leaf_key: PrivateKey, now: datetime) -> Certify:
    """A function that makes a certificate that ends at a given time; what is due depends on nothing else in it."""

    def make(number: int, left: timedelta, life: timedelta) -> CertifiedKey:
        validity = Validity(now + left - life, now + left)
        return CertifiedKey(Path(str(number)), sign_root(leaf_key, Subject(str(number)), validity, None))

    return make


@pytest.fixture
def in_its_prime(policy: Policy, certify: Certify) -> Authority:
    """An authority in which nothing is due for long."""
    root, issuing, responder = (
        certify(1, 3650 * DAY, 3650 * DAY),
        certify(1, 1095 * DAY, 1095 * DAY),
        certify(1, 30 * DAY, 30 * DAY),
    )
    issuer = IssuingAuthority(issuing.folder, issuing.certificate, (responder,))
    return Authority(Path("/authority"), policy, (Epoch(1, Standing.ACTIVE, (root,), (issuer,)),))


def changed(authority: Authority, **parts: tuple[CertifiedKey, ...]) -> Authority:
    """The authority with other certificates in its only epoch."""
    return replace(authority, epochs=(replace(authority.epochs[0], **parts),))


def issuer(key: CertifiedKey, *responders: CertifiedKey) -> IssuingAuthority:
    return IssuingAuthority(key.folder, key.certificate, responders)


def words(steps: tuple[Step, ...]) -> list[str]:
    return [str(step) for step in steps]


def parts(steps: tuple[Step, ...]) -> list[tuple[Part, int, int]]:
    return [(step.part, step.number, step.issuer) for step in steps]


def test_a_new_authority_needs_everything_in_this_order(policy: Policy, now: datetime) -> None:
    assert words(plan_authority(None, policy, {}, now)) == [
        "policy: there is no authority yet",
        "root certificate 1: there is none yet",
        "issuing authority 1: there is none yet",
        "OCSP responder 1 of issuing authority 1: the issuing authority is new",
    ]


def test_nothing_is_due_in_its_prime(in_its_prime: Authority, policy: Policy, now: datetime) -> None:
    assert plan_authority(in_its_prime, policy, {}, now) == ()


def test_another_policy_is_written_down(in_its_prime: Authority, policy: Policy, now: datetime) -> None:
    changed = replace(policy, lifetimes=replace(policy.lifetimes, staple=3))
    assert words(plan_authority(in_its_prime, changed, {}, now)) == ["policy: its options changed"]


def test_the_root_is_due_in_its_last_third(in_its_prime: Authority, policy, certify, now: datetime) -> None:
    def plan(left: timedelta) -> list[str]:
        aging = changed(in_its_prime, roots=(certify(1, left, 3000 * DAY),))
        return words(plan_authority(aging, policy, {}, now))

    assert plan(1000 * DAY + SECOND) == []
    assert plan(1000 * DAY) == ["root certificate 2: the last one ends on 2029-02-25; the key stays"]
    assert plan(-DAY) == ["root certificate 2: the last one ends on 2026-05-31; the key stays"]


def test_only_the_newest_root_counts(in_its_prime: Authority, policy: Policy, certify: Certify, now: datetime) -> None:
    renewed = changed(in_its_prime, roots=(certify(1, -DAY, 3650 * DAY), certify(2, 3000 * DAY, 3650 * DAY)))
    assert plan_authority(renewed, policy, {}, now) == ()


def test_a_root_that_ends_before_a_leaf_would_is_due(in_its_prime: Authority, policy, certify, now: datetime) -> None:
    """Such a root comes from a short root_lifetime, raised since then together with leaf_lifetime."""
    short = changed(in_its_prime, roots=(certify(1, 90 * DAY, 100 * DAY),))
    assert parts(plan_authority(short, policy, {}, now)) == [(Part.ROOT, 2, 0)]


def test_the_issuing_authority_is_due_when_less_than_a_leafs_lifetime_is_left(
    in_its_prime: Authority, policy: Policy, certify: Certify, now: datetime
) -> None:
    def plan(left: timedelta, leaf: int = 90) -> list[tuple[Part, int, int]]:
        lifetimes = replace(policy.lifetimes, leaf=leaf)
        aging = changed(in_its_prime, issuers=(issuer(certify(1, left, 1095 * DAY), certify(1, 20 * DAY, 30 * DAY)),))
        steps = plan_authority(
            replace(aging, policy=replace(policy, lifetimes=lifetimes)), replace(policy, lifetimes=lifetimes), {}, now
        )
        return parts(steps)

    due = [(Part.ISSUING, 2, 0), (Part.RESPONDER, 1, 2)]
    assert plan(90 * DAY + SECOND) == []
    assert plan(90 * DAY) == due
    assert plan(90 * DAY + SECOND, leaf=365) == due
    assert plan(-DAY) == due


def test_the_reason_of_a_new_issuing_authority_is_reported(in_its_prime, policy, certify, now: datetime) -> None:
    aging = changed(in_its_prime, issuers=(issuer(certify(7, 10 * DAY, 1095 * DAY)),))
    assert words(plan_authority(aging, policy, {}, now)) == [
        "issuing authority 8: the last one ends on 2026-06-11, before a leaf of 90 days would",
        "OCSP responder 1 of issuing authority 8: the issuing authority is new",
    ]


def test_a_responder_is_due_at_half_of_its_life(in_its_prime: Authority, policy, certify, now: datetime) -> None:
    def plan(left: timedelta, responder: int = 30) -> list[str]:
        lifetimes = replace(policy.lifetimes, responder=responder)
        aging = changed(
            replace(in_its_prime, policy=replace(policy, lifetimes=lifetimes)),
            issuers=(issuer(certify(1, 1000 * DAY, 1095 * DAY), certify(4, left, 30 * DAY)),),
        )
        return words(plan_authority(aging, aging.policy, {}, now))

    assert plan(15 * DAY + SECOND) == []
    assert plan(15 * DAY) == ["OCSP responder 5 of issuing authority 1: the last one ends on 2026-06-16"]
    assert plan(20 * DAY, responder=60) == ["OCSP responder 5 of issuing authority 1: the last one ends on 2026-06-21"]


@pytest.mark.parametrize(
    "lifetimes", [Lifetimes(), Lifetimes(responder=14, staple=7), Lifetimes(responder=2, staple=1)]
)
def test_a_responder_that_is_not_due_outlives_a_new_staple(lifetimes: Lifetimes) -> None:
    assert timedelta(days=lifetimes.responder) / 2 >= timedelta(days=lifetimes.staple)


def test_a_missing_responder_is_made(in_its_prime: Authority, policy: Policy, now: datetime) -> None:
    bare = changed(in_its_prime, issuers=(replace(in_its_prime.issuing, responders=()),))
    assert words(plan_authority(bare, policy, {}, now)) == [
        "OCSP responder 1 of issuing authority 1: there is none yet"
    ]


def test_an_old_issuing_authority_keeps_a_responder_until_its_last_leaf_ends(
    in_its_prime: Authority, policy: Policy, certify: Certify, now: datetime
) -> None:
    old = issuer(certify(1, 60 * DAY, 1095 * DAY), certify(3, 10 * DAY, 30 * DAY))
    new = issuer(certify(2, 1000 * DAY, 1095 * DAY), certify(1, 20 * DAY, 30 * DAY))
    both = changed(in_its_prime, issuers=(old, new))

    def plan(leaf_ends: dict[str, datetime]) -> list[tuple[Part, int, int]]:
        return parts(plan_authority(both, policy, leaf_ends, now))

    assert plan({old.sha256: now + SECOND}) == [(Part.RESPONDER, 4, 1)]
    assert plan({old.sha256: now}) == []
    assert plan({old.sha256: now - DAY, new.sha256: now + 80 * DAY}) == []
    assert plan({}) == []


def test_an_issuing_authority_that_retires_now_keeps_its_responder_for_its_leaves(
    in_its_prime: Authority, policy: Policy, certify: Certify, now: datetime
) -> None:
    retiring = issuer(certify(1, 80 * DAY, 1095 * DAY), certify(3, 10 * DAY, 30 * DAY))
    aging = changed(in_its_prime, issuers=(retiring,))
    successor = [(Part.ISSUING, 2, 0), (Part.RESPONDER, 1, 2)]
    assert parts(plan_authority(aging, policy, {}, now)) == successor
    with_leaves = plan_authority(aging, policy, {retiring.sha256: now + 70 * DAY}, now)
    assert parts(with_leaves) == [successor[0], (Part.RESPONDER, 4, 1), successor[1]]


def test_a_responder_that_ends_with_its_issuer_is_not_made_again_and_again(
    in_its_prime: Authority, policy: Policy, certify: Certify, now: datetime
) -> None:
    old = issuer(certify(1, 5 * DAY, 1095 * DAY), certify(3, 5 * DAY, 20 * DAY))
    both = changed(in_its_prime, issuers=(old, replace(in_its_prime.issuing, folder=Path("2"))))
    assert plan_authority(both, policy, {old.sha256: now + 4 * DAY}, now) == ()
    cut_short = issuer(certify(1, 5 * DAY, 1095 * DAY), certify(3, 4 * DAY, 20 * DAY))
    both = changed(both, issuers=(cut_short, both.issuers[1]))
    assert parts(plan_authority(both, policy, {cut_short.sha256: now + 4 * DAY}, now)) == [(Part.RESPONDER, 4, 1)]


@pytest.mark.parametrize(
    ("missing", "wanted"),
    [
        ("root", [(Part.ROOT, 1, 0), (Part.ISSUING, 1, 0), (Part.RESPONDER, 1, 1)]),
        ("issuing", [(Part.ISSUING, 1, 0), (Part.RESPONDER, 1, 1)]),
    ],
)
def test_what_an_interrupted_run_did_not_make_is_made(in_its_prime, policy, now, missing: str, wanted: list) -> None:
    unfinished = replace(in_its_prime, epochs=()) if missing == "root" else changed(in_its_prime, issuers=())
    assert parts(plan_authority(unfinished, policy, {}, now)) == wanted


# Warnings


def test_a_responder_that_ends_within_two_weeks_is_warned_of(policy: Policy, certify: Certify, now: datetime) -> None:
    def warned(left: timedelta, life: timedelta = 30 * DAY) -> list[str]:
        issuing = issuer(certify(2, 1000 * DAY, 1095 * DAY), certify(1, left, life))
        return responder_warnings([issuing], replace(policy.lifetimes, responder=life // DAY), now)

    assert warned(14 * DAY + SECOND) == []
    for left in (14 * DAY, SECOND, -DAY):
        (warning,) = warned(left)
        assert warning.startswith(f"The OCSP responder of issuing authority 2 ends on {now + left:%Y-%m-%d}, and no")
    # One that lives for two weeks altogether is renewed at half of them.
    assert warned(8 * DAY, 14 * DAY) == []
    assert len(warned(7 * DAY, 14 * DAY)) == 1


def test_what_nobody_can_renew_or_there_is_none_of_is_no_warning(policy: Policy, certify: Certify, now) -> None:
    with_its_issuer = issuer(certify(1, 3 * DAY, 1095 * DAY), certify(1, 3 * DAY, 30 * DAY))
    assert responder_warnings([with_its_issuer, issuer(certify(2, 900 * DAY, 1095 * DAY))], policy.lifetimes, now) == []


def test_an_issuing_authority_is_needed_while_it_has_a_leaf_or_signs_new_ones(
    in_its_prime: Authority, certify: Certify, now: datetime
) -> None:
    old, older = (issuer(certify(number, number * DAY, 1095 * DAY)) for number in (50, 20))
    authority = changed(in_its_prime, issuers=(older, old, *in_its_prime.issuers))
    ends = {old.sha256: now + DAY, older.sha256: now}
    assert [needed.number for needed in needed_issuers(authority, ends, now)] == [1, 50]
