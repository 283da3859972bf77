# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of trust settings: what they make a root for TLS servers, by the version of macOS and by each key of theirs."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._macos.trust_settings import (
    ADMIN,
    SYSTEM,
    USER,
    Trust,
    domains_for,
    evaluate,
)
from ansible_collections.anchorage.pki.tests.macos_double.double import BASIC, MAIL, SSL
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_root, named

ROOT, OTHER = der_of(make_root("Root")), der_of(make_root("Other"))
INTERMEDIATE = der_of(make_root("Intermediate", issuer=named("Root")))
TRUST_ROOT, TRUST_AS_ROOT, DENY, UNSPECIFIED = 1, 2, 3, 4
NEW, OLD = (11,), (10, 15, 7)


def rule(**values: Any) -> dict[str, Any]:
    """One dictionary of settings."""
    nothing = {"policy": None, "policy_name": None, "key_usage": None, "result": None, "is_limited": False}
    return {**nothing, **values}


def entry(der: bytes, *settings: dict[str, Any], failure: int | None = None) -> dict[str, Any]:
    failed = None if failure is None else {"code": failure, "message": None}
    return {"der": base64.b64encode(der).decode(), "failure": failed, "settings": list(settings)}


def domain(*certificates: dict[str, Any], failure: int | None = None) -> dict[str, Any]:
    failed = None if failure is None else {"code": failure, "message": None}
    return {"failure": failed, "certificates": list(certificates)}


def trust(version: tuple[int, ...] = NEW, **domains: dict[str, Any]) -> Trust:
    """What is trusted with domains by their names; one that is not named is empty."""
    names = {USER: "user", ADMIN: "admin", SYSTEM: "system"}
    order = domains_for(version)
    return evaluate(order, [domains.get(names[each], domain(failure=-25263)) for each in order])


@pytest.mark.parametrize(
    ("version", "order"),
    [
        ((10, 15, 7), [USER, ADMIN, SYSTEM]),
        *((version, [ADMIN, USER, SYSTEM]) for version in [(10, 16), (11, 7), (13, 7, 4), (13, 7, 5), (15, 1), (26,)]),
    ],
)
def test_the_domain_that_decides_comes_first(version: tuple[int, ...], order: list[int]) -> None:
    assert domains_for(version) == order


ALL, SERVERS, FOR_MAIL = (
    rule(result=1),
    rule(policy=SSL, policy_name="sslServer", result=1),
    rule(policy=MAIL, result=1),
)


@pytest.mark.parametrize(
    ("settings", "trusted"),
    [
        ([], True),
        ([ALL], True),
        ([rule()], True),
        ([SERVERS], True),
        ([rule(policy=SSL, result=1)], True),
        ([rule(policy=SSL, policy_name="sslClient", result=1)], False),
        ([rule(policy=BASIC, policy_name="basicX509", result=1)], False),
        ([FOR_MAIL], False),
        ([FOR_MAIL, SERVERS], True),
        ([rule(result=DENY), SERVERS], False),
        ([SERVERS, rule(result=DENY)], True),
        ([rule(policy=MAIL, result=DENY), SERVERS], True),
        ([rule(policy=SSL, result=DENY)], False),
        ([rule(result=UNSPECIFIED)], False),
        ([rule(result=TRUST_AS_ROOT)], False),
        ([rule(result=0)], False),
        ([rule(result=1, is_limited=True)], False),
        ([rule(result=DENY, is_limited=True), SERVERS], True),
        ([rule(result=1, key_usage=8)], True),
        ([rule(result=1, key_usage=9)], True),
        ([rule(result=1, key_usage=-1)], True),
        ([rule(result=1, key_usage=2**32 - 1)], True),
        ([rule(result=1, key_usage=1)], False),
        ([rule(result=1, key_usage=0)], False),
    ],
)
def test_the_first_settings_for_servers_decide(settings: list[dict[str, Any]], trusted: bool) -> None:
    found = trust(admin=domain(entry(ROOT, *settings)))
    assert found.roots == ({ROOT: ADMIN} if trusted else {})
    assert found.untrusted == {ADMIN: int(not trusted), USER: 0, SYSTEM: 0}
    assert found.failures == []


@pytest.mark.parametrize(
    ("settings", "trusted"),
    [([], False), ([ALL], False), ([rule(result=2)], True), ([rule(policy=SSL, result=2)], True)],
)
def test_what_is_not_self_signed_has_to_be_trusted_as_a_root(settings: list[dict[str, Any]], trusted: bool) -> None:
    assert trust(user=domain(entry(INTERMEDIATE, *settings))).roots == ({INTERMEDIATE: USER} if trusted else {})


def test_other_uses_are_no_limits_for_the_roots_of_apple() -> None:
    assert trust(system=domain(entry(ROOT, FOR_MAIL), entry(OTHER))).roots == {ROOT: SYSTEM, OTHER: SYSTEM}
    assert trust(system=domain(entry(ROOT, rule(result=DENY)))).roots == {}


@pytest.mark.parametrize(
    ("version", "user", "admin", "root_of"),
    [
        (NEW, [rule(result=DENY)], [ALL], ADMIN),
        (NEW, [ALL], [rule(result=DENY)], None),
        (NEW, [ALL], [FOR_MAIL], None),
        (OLD, [rule(result=DENY)], [ALL], None),
        (OLD, [ALL], [rule(result=DENY)], USER),
        (OLD, [FOR_MAIL], [ALL], None),
    ],
)
def test_all_settings_of_one_domain_decide(
    version: tuple[int, ...], user: list[dict[str, Any]], admin: list[dict[str, Any]], root_of: int | None
) -> None:
    everywhere = {
        "user": domain(entry(ROOT, *user)),
        "admin": domain(entry(ROOT, *admin)),
        "system": domain(entry(ROOT)),
    }
    assert trust(version, **everywhere).roots == ({} if root_of is None else {ROOT: root_of})


def test_a_domain_that_fails_is_told_and_nothing_of_it_is_used() -> None:
    found = trust(admin=domain(failure=-36), system=domain(entry(ROOT)))
    assert found.roots == {ROOT: SYSTEM}
    (failure,) = found.failures
    assert (failure.domain, failure.attempts, failure.whole_domain) == (ADMIN, 4, True)
    assert failure.status is not None
    assert failure.status.name == "ioErr"
    assert "(ioErr, -36)" in failure.message


def test_a_certificate_whose_settings_fail_fails_its_domain() -> None:
    found = trust(admin=domain(entry(ROOT), entry(OTHER, failure=-26276)))
    assert found.roots == {}
    assert [(failure.attempts, failure.whole_domain) for failure in found.failures] == [(2, True)]


@pytest.mark.parametrize("code", [-25300, -25263])
def test_a_certificate_that_lost_its_settings_meanwhile_has_none(code: int) -> None:
    found = trust(admin=domain(entry(ROOT, failure=code)), system=domain(entry(ROOT)))
    assert found.roots == {ROOT: SYSTEM}
    assert found.failures == []


def test_damaged_settings_leave_out_one_certificate_with_a_word() -> None:
    found = trust(admin=domain(entry(ROOT, failure=-25262), entry(OTHER)), system=domain(entry(ROOT)))
    assert found.roots == {OTHER: ADMIN}
    (failure,) = found.failures
    assert (failure.attempts, failure.whole_domain) == (1, False)
    assert "-25262" in failure.message


def test_what_is_no_certificate_is_left_out_with_a_word() -> None:
    found = trust(admin=domain(entry(b"0\x01\x00"), entry(OTHER)))
    assert found.roots == {OTHER: ADMIN}
    assert [failure.message[:31] for failure in found.failures] == ["an entry is not a certificate: "]
    assert not found.failures[0].whole_domain
