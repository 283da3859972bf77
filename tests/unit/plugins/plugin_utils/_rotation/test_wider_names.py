# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rotation that brings what an existing authority cannot become: wider names, another type of keys."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import next_policy as next_policies
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.next_policy import (
    NEXT_POLICY,
    read_next_policy,
    stored_next,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import decode_policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import check_requests
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.transaction import RotationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import read_public
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.constraints import DEFAULT_DOMAINS
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, key_type_of
from ansible_collections.anchorage.pki.tests.unit.interruptions import killed_at
from ansible_collections.anchorage.pki.tests.unit.rotations import follow
from cryptography import x509

DAY = timedelta(days=1)
#: The variables of an operator who wants another domain.
WIDE: Mapping[str, Any] = MappingProxyType({"permitted_domains": [*DEFAULT_DOMAINS, "example.com"]})
OTHER: dict[str, Any] = {"permitted_domains": [*DEFAULT_DOMAINS, "example.org"]}
BEFORE = (State.PLANNED, State.MADE, State.DISTRIBUTING)
AFTER = (State.SWITCHING, State.DRAINING, State.PURGING, State.DONE)


def begin(authority: Authority, now: datetime, options: Mapping[str, Any] = WIDE) -> None:
    with open_ledger(authority.ledger_path) as ledger:
        RotationTransaction(authority.folder, ledger, (), now).begin("more names", Passphrases(), options)


def advance(authority: Authority, now: datetime) -> State | None:
    follow(authority, now)
    with open_ledger(authority.ledger_path) as ledger:
        transaction = RotationTransaction(authority.folder, ledger, ("web1",), now)
        state = transaction.advance(Passphrases())
        transaction.clean_up([])
        return state


def abort(authority: Authority, now: datetime) -> None:
    with open_ledger(authority.ledger_path) as ledger:
        transaction = RotationTransaction(authority.folder, ledger, (), now)
        transaction.abort()
        transaction.clean_up([])


def widening(authority: Authority, state: State, now: datetime, options: Mapping[str, Any] = WIDE) -> Authority:
    """The authority with a rotation to wider names in that state."""
    begin(authority, now, options)
    reached: State | None = State.PLANNED
    while reached is not state:
        assert reached is not None
        reached = advance(authority, now if reached in (*BEFORE, State.SWITCHING) else now + 8 * DAY)
    return read_authority(authority.folder)


def domains(certificate: x509.Certificate) -> set[str]:
    """Those that a certificate of an authority permits."""
    permitted = certificate.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    return {subtree.value for subtree in permitted if isinstance(subtree, x509.DNSName)}


def permits(authority: Authority, name: str) -> bool:
    """Whether the authority's policy does, as the stored one has to say, too, once no run is cut off."""
    return authority.policy.constraints is not None and name in authority.policy.constraints.domains


@pytest.mark.parametrize("state", BEFORE)
def test_until_the_switch_names_are_those_of_the_old_root(
    own_authority: Authority, request_leaf, now: datetime, state: State
) -> None:
    authority = widening(own_authority, state, now)
    assert authority.policy == own_authority.policy
    assert "example.com" not in domains(authority.issuing.certificate) | domains(authority.root.certificate)
    request = request_leaf(names=("www.example.com", "app.test"))
    with pytest.raises(PkiError, match=r"only the new root .* permits www.example.com\. Until that is switching"):
        check_requests([request], authority.policy, partial(read_next_policy, authority))


@pytest.mark.parametrize("state", AFTER)
def test_from_the_switch_on_names_are_those_of_the_new_root(
    own_authority: Authority, request_leaf, now: datetime, state: State
) -> None:
    authority = widening(own_authority, state, now)
    path = authority.folder / "policy.json"
    assert decode_policy(path.read_bytes(), "it") == authority.policy
    assert path.stat().st_mode & 0o777 == 0o600
    assert not (authority.folder / NEXT_POLICY).exists()
    former, new = authority.epochs
    for certificate in (new.root.certificate, new.issuers[0].certificate):
        assert domains(certificate) == {*WIDE["permitted_domains"]}
    # Of verifiers that read no constraints of a root, too, whoever trusts the old one alone accepts no other names.
    assert new.cross is not None
    for certificate in (former.root.certificate, new.cross):
        assert domains(certificate) == {*DEFAULT_DOMAINS}
    check_requests([request_leaf(names=("www.example.com",))], authority.policy, partial(read_next_policy, authority))
    # As all that it makes later.
    assert plan_provisioning(authority.folder, WIDE, "", now + 1100 * DAY).policy == authority.policy


@pytest.mark.parametrize("state", BEFORE)
def test_an_abort_leaves_nothing_of_it(own_authority: Authority, now: datetime, state: State) -> None:
    authority = widening(own_authority, state, now)
    abort(authority, now)
    assert not (authority.folder / NEXT_POLICY).exists()
    begin(authority, now, {})
    assert advance(authority, now) is State.MADE
    assert "example.com" not in domains(read_authority(authority.folder).epochs[-1].root.certificate)


def test_a_leaf_that_the_old_root_does_not_permit_is_sent_without_its_word_for_the_new_one(
    own_authority: Authority, make_leaf, now: datetime
) -> None:
    authority = widening(own_authority, State.SWITCHING, now)
    issuing, cross = authority.issuing, authority.active.cross
    assert authority.chain(issuing, make_leaf("app.test", "10.0.0.1")) == (issuing.certificate, cross)
    for names in (("www.example.com",), ("app.test", "www.example.com"), ("app.test", "8.8.8.8")):
        assert authority.chain(issuing, make_leaf(*names)) == (issuing.certificate,)


def test_other_keys_and_all_names_are_brought_alike(own_authority: Authority, now: datetime) -> None:
    authority = widening(own_authority, State.SWITCHING, now, {"key_type": "ecdsa-p384", "unconstrained": True})
    assert (authority.policy.key_type, authority.policy.constraints) == (KeyType.ECDSA_P384, None)
    for key in (authority.root, authority.issuing, authority.issuing.responder):
        assert key_type_of(key.certificate.public_key()) is KeyType.ECDSA_P384
    with pytest.raises(x509.ExtensionNotFound):
        domains(authority.issuing.certificate)


# certificate_authority, which each run of site does


def test_without_a_rotation_it_points_to_one(own_authority: Authority, now: datetime) -> None:
    with pytest.raises(PkiError, match=r"cannot become .*example.com.*the playbook anchorage.pki.rotate_auth"):
        plan_provisioning(own_authority.folder, WIDE, "", now)
    for options in ({"permitted_domains": ["test"]}, {"subject": {"common_name": "Other"}}):
        with pytest.raises(PkiError, match=r"cannot become .*make a second authority") as caught:
            plan_provisioning(own_authority.folder, options, "", now)
        assert "rotate_authority" not in str(caught.value)


@pytest.mark.parametrize("state", [*BEFORE, *AFTER])
def test_it_takes_what_the_rotation_brings_for_what_is_wanted(
    own_authority: Authority, now: datetime, state: State
) -> None:
    authority = widening(own_authority, state, now)
    plan = plan_provisioning(authority.folder, WIDE, "", now)
    assert (plan.steps, plan.policy) == ((), authority.policy)
    with pytest.raises(PkiError, match=r"cannot become what the options ask for: permitted_domains is .*example.org"):
        plan_provisioning(authority.folder, OTHER, "", now)
    if state in BEFORE:  # for whoever has begun the rotation with variables of their own
        assert plan_provisioning(authority.folder, {"permitted_domains": [*DEFAULT_DOMAINS]}, "", now).steps == ()


@pytest.mark.parametrize("state", [*BEFORE, *AFTER])
def test_what_the_options_leave_out_is_as_either_root_has_it(
    own_authority: Authority, now: datetime, state: State
) -> None:
    authority = widening(own_authority, state, now, {**WIDE, "permitted_networks": ["0.0.0.0/0", "::/0"]})
    plan = plan_provisioning(authority.folder, WIDE, "", now)
    assert (plan.steps, plan.policy) == ((), authority.policy)


def test_what_it_renews_meanwhile_is_as_narrow_as_the_root_that_signs(
    own_authority: Authority, make_authority: Callable[..., Authority], now: datetime
) -> None:
    authority = widening(own_authority, State.DISTRIBUTING, now)
    renewed = make_authority(authority.folder, at=now + 3400 * DAY, **WIDE)
    for key in (renewed.root, renewed.issuing):
        assert key.number == 3
        assert "example.com" not in domains(key.certificate)


def test_lifetimes_and_urls_that_change_meanwhile_are_kept(
    own_authority: Authority, make_authority: Callable[..., Authority], now: datetime
) -> None:
    authority = widening(own_authority, State.DISTRIBUTING, now)
    changed = make_authority(authority.folder, leaf_lifetime=30, crl_url="http://pki.test/{issuer}.crl", **WIDE)
    assert not permits(changed, "example.com")
    assert advance(authority, now) is State.SWITCHING
    after = read_authority(authority.folder)
    assert permits(after, "example.com")
    assert (after.policy.lifetimes, after.policy.urls) == (changed.policy.lifetimes, changed.policy.urls)


# What is asked for


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"permitted_domains": ["example.com"]},
            r"no longer permits localhost, local, test, .*leaves cannot all follow",
        ),
        ({"permitted_networks": ["10.0.0.0/8"]}, r"no longer permits 127.0.0.0/8, .*leaves cannot all follow"),
        ({"permitted_domains": []}, "permitted_domains: name at least one domain"),
    ],
)
def test_what_leaves_could_not_follow_is_refused_before_anything_begins(
    own_authority: Authority, now: datetime, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(PkiError, match=words):
        begin(own_authority, now, options)
    with open_ledger(own_authority.ledger_path) as ledger:
        assert ledger.rotations.all() == []
    assert not (own_authority.folder / NEXT_POLICY).exists()


@pytest.mark.parametrize("state", BEFORE)
def test_one_on_its_way_brings_what_it_began_with(own_authority: Authority, now: datetime, state: State) -> None:
    authority = widening(own_authority, state, now)
    for options in (WIDE, {}, {"permitted_domains": [*DEFAULT_DOMAINS]}):
        begin(authority, now, options)
    with pytest.raises(PkiError, match=r"does not bring what the options ask for: permitted_domains is .*example.org"):
        begin(authority, now, OTHER)
    following = read_next_policy(authority)
    assert following is not None
    assert following.constraints is not None
    assert set(following.constraints.domains) == {*WIDE["permitted_domains"]}


def test_the_policy_of_an_older_release_is_kept_beside_the_one_that_is_brought(
    folder_of_0_2_0: Path, now: datetime
) -> None:
    authority, stored = read_authority(folder_of_0_2_0), (folder_of_0_2_0 / "policy.json").read_bytes()
    wide = [*authority.policy.constraints.domains, "example.com"] if authority.policy.constraints else []
    later = now + 365 * DAY  # its leaves have ended
    widening(authority, State.SWITCHING, later, {"permitted_domains": wide})
    assert (folder_of_0_2_0 / "policy.json.schema-1").read_bytes() == stored
    assert permits(read_authority(folder_of_0_2_0), "example.com")


# Killed anywhere


def kill_each(authority: Authority, work: Callable[[Authority], object], folder: Path, fewest: int) -> list[Authority]:
    """What is left of the authority by ``work`` that is killed before its first, second, ... change."""
    left = []
    for number in count(1):
        copy = read_authority(shutil.copytree(authority.folder, folder / str(number)))
        killed = killed_at(number, partial(work, copy))
        left.append(copy)
        if not killed:
            assert number > fewest
            return left
    raise AssertionError


def test_a_beginning_that_is_killed_has_begun_with_all_or_not_at_all(
    own_authority: Authority, now: datetime, tmp_path: Path
) -> None:
    begun = []
    for copy in kill_each(own_authority, partial(begin, now=now), tmp_path, 1):
        with open_ledger(copy.ledger_path) as ledger:
            begun.append(ledger.rotations.current() is not None)
        assert (read_next_policy(copy) is not None) is begun[-1]
        assert read_authority(copy.folder) == copy
        if not begun[-1]:
            begin(copy, now, {})  # which brings nothing of what the killed one wanted
            assert not (copy.folder / NEXT_POLICY).exists()
    assert begun[-1]


def test_a_beginning_that_is_killed_after_another_rotation_leaves_names_as_they_are(
    own_authority: Authority, now: datetime, tmp_path: Path
) -> None:
    authority = widening(own_authority, State.DONE, now)
    begin_again = partial(begin, now=now, options={"permitted_domains": [*WIDE["permitted_domains"], "example.net"]})
    for copy in kill_each(authority, begin_again, tmp_path, 1):
        assert not permits(read_authority(copy.folder), "example.net")
        advance(copy, now)
        assert not permits(read_authority(copy.folder), "example.net")
        stored = decode_policy((copy.folder / "policy.json").read_bytes(), "it")
        assert stored == authority.policy


def test_a_switch_that_is_killed_leaves_the_old_root_with_its_names_or_the_new_one_with_its_own(
    own_authority: Authority, now: datetime, tmp_path: Path
) -> None:
    authority, switched = widening(own_authority, State.DISTRIBUTING, now), set()
    for copy in kill_each(authority, partial(advance, now=now), tmp_path, 2):
        after = read_authority(copy.folder)
        switched.add(after.active.number)
        assert permits(after, "example.com") is (after.active.number == 2)
        while advance(copy, now) is not State.DRAINING:
            pass
        finished = read_authority(copy.folder)
        assert permits(finished, "example.com")
        assert not (copy.folder / NEXT_POLICY).exists()
    assert 2 in switched


def test_the_next_rotation_finishes_a_switch_that_was_killed(own_authority: Authority, now: datetime) -> None:
    policy, following = own_authority.folder / "policy.json", own_authority.folder / NEXT_POLICY
    former = policy.read_bytes()
    begin(own_authority, now)
    kept = following.read_bytes()
    authority = widening(own_authority, State.DONE, now)
    policy.write_bytes(former)
    following.write_bytes(kept)
    assert read_authority(authority.folder) == authority
    begin(authority, now, {})
    assert not (authority.folder / NEXT_POLICY).exists()
    assert read_authority(authority.folder).policy == authority.policy


def test_what_goes_while_it_is_read_is_none_and_what_cannot_be_read_is_told(
    own_authority: Authority, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = widening(own_authority, State.PLANNED, now).folder
    assert stored_next(folder) is not None

    def going(path: Path) -> bytes:
        path.unlink()
        return read_public(path)

    monkeypatch.setattr(next_policies, "read_public", going)
    assert stored_next(folder) is None
    monkeypatch.undo()
    (folder / NEXT_POLICY).mkdir()
    with pytest.raises(PkiError, match=r"policy.next.json"):
        stored_next(folder)


def test_an_abort_that_is_killed_is_one_or_none(own_authority: Authority, now: datetime, tmp_path: Path) -> None:
    authority = widening(own_authority, State.MADE, now)
    for copy in kill_each(authority, partial(abort, now=now), tmp_path, 0):
        with open_ledger(copy.ledger_path) as ledger:
            is_over = ledger.rotations.current() is None
        assert (read_next_policy(copy) is None) is is_over
        if not is_over:
            abort(copy, now)
        begin(copy, now, OTHER)
        following = read_next_policy(copy)
        assert following is not None
        assert following.constraints is not None
        assert "example.org" in following.constraints.domains
        assert "example.com" not in following.constraints.domains
