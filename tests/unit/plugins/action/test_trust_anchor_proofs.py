# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action trust_anchor from a task's arguments to the authority's ledger, with a host in a scratch folder."""

from __future__ import annotations

import os
import plistlib
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proofs import Proof
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import carry_out, plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of
from ansible_collections.anchorage.pki.tests.unit.rotations import move, rotated
from ansible_collections.anchorage.pki.tests.unit.scratch_debian import PROGRAM, ScratchDebian
from ansible_collections.anchorage.pki.tests.unit.trust_actions import Action, Look
from cryptography.hazmat.primitives.serialization import Encoding

pytestmark = pytest.mark.skipif(
    not os.path.exists(PROGRAM) or shutil.which("openssl") is None,
    reason="needs Debian's packages ca-certificates and openssl",
)


@pytest.fixture
def host(tmp_path: Path) -> ScratchDebian:
    return ScratchDebian(tmp_path / "host")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    now, folder = datetime.now(timezone.utc), tmp_path / "authority"
    folder.mkdir(mode=0o700)
    return carry_out(plan_provisioning(folder, {}, "Proved authority", now), Passphrases(), now)


@pytest.fixture
def trust(host: ScratchDebian, authority: Authority) -> Callable[..., dict[str, Any]]:
    def run(mode: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        arguments = {"authority": str(authority.folder), "stores": ["system"], **options}
        return Action(host, arguments, **(mode or {})).run()

    return run


def proved(authority: Authority) -> dict[int, list[tuple[str, str, str]]]:
    """What the ledger knows of each root: host, store and state."""
    now = datetime.now(timezone.utc)
    with open_ledger(authority.ledger_path, read_only=True) as ledger:
        seen = {root.number: ledger.proofs.of_root(root.sha256) for root in authority.roots}
    assert all(now - timedelta(minutes=5) < each.seen_at <= now for proofs in seen.values() for each in proofs)
    return {number: [(each.host, each.store, each.state) for each in proofs] for number, proofs in seen.items()}


def test_what_a_host_shows_is_in_the_ledger(trust: Callable, authority: Authority) -> None:
    trust(mode={"check_mode": True})
    assert proved(authority) == {1: []}
    assert trust()["changed"]
    assert proved(authority) == {1: [("web1", "system:debian", "trusted")]}
    before = authority.ledger_path.read_bytes()
    assert not trust()["changed"]
    assert authority.ledger_path.read_bytes() == before
    trust(mode={"delegate_to": "web2"})
    assert proved(authority) == {1: [(name, "system:debian", "trusted") for name in ("web1", "web2")]}
    trust(state="absent")
    assert proved(authority)[1][0] == ("web1", "system:debian", "absent")


def test_a_failure_is_no_proof(trust: Callable, authority: Authority, host: ScratchDebian) -> None:
    trust()
    (host.root / "etc/ssl/certs/ca-certificates.crt").unlink()
    host.set_program("#!/bin/sh\nexit 3\n")
    assert trust()["failed"]
    assert proved(authority) == {1: [("web1", "system:debian", "failed")]}


def test_both_roots_are_proved_and_then_that_one_is_gone(trust: Callable, authority: Authority) -> None:
    now = datetime.now(timezone.utc)
    rotating = rotated(authority, State.DISTRIBUTING, now)
    trust()
    assert proved(rotating) == {number: [("web1", "system:debian", "trusted")] for number in (1, 2)}
    move(rotating, State.PURGING, now)
    trust()
    assert proved(rotating)[1] == [("web1", "system:debian", "trusted")]  # as it was seen last
    result = trust(purge_superseded=True)
    assert [each["sha256"] for each in result["purged"]] == [rotating.roots[0].sha256]
    gone = {1: [("web1", "system:debian", "absent")], 2: [("web1", "system:debian", "trusted")]}
    assert proved(rotating) == gone
    trust(purge_superseded=True)
    assert proved(rotating) == gone


@pytest.mark.parametrize("state", [State.DISTRIBUTING, State.DRAINING, State.PURGING, State.ABORTED])
def test_a_store_that_is_not_seen_is_gone_for_roots_that_stay(
    trust: Callable, authority: Authority, state: State
) -> None:
    """As one in a home that is not mounted."""
    now = datetime.now(timezone.utc)
    rotating = move(rotated(authority, State.DISTRIBUTING, now), state, now)
    with open_ledger(authority.ledger_path) as ledger, ledger.transaction():
        proofs = [Proof(root.sha256, "system", "elsewhere", "trusted", "0" * 64) for root in rotating.roots]
        ledger.proofs.enter("web1", ledger.proofs.difference("web1", proofs, (), now), now)
    trust(purge_superseded=True)
    there = [number for number, shown in proved(rotating).items() if ("web1", "system:elsewhere", "trusted") in shown]
    assert there == {State.DISTRIBUTING: [], State.ABORTED: [2]}.get(state, [1])


def test_a_root_that_should_be_gone_and_is_there_is_told(
    trust: Callable, authority: Authority, host: ScratchDebian
) -> None:
    """By a look at all stores, and by the task that may purge it and was not asked to."""
    now = datetime.now(timezone.utc)
    arguments = {"authority": str(authority.folder), "stores": ["system"]}

    def look() -> list[tuple[str, list[str]]]:
        told = Look(host, arguments).run()
        assert "warnings" not in told
        there = told.get("superseded_anchors", [])
        return [(each["sha256"], [store["state"] for store in each["stores"]]) for each in there]

    trust()
    rotating = rotated(authority, State.SWITCHING, now)
    old = rotating.roots[0].sha256
    assert (look(), "warnings" in trust()) == ([], False)
    for state in (State.PURGING, State.DONE):
        move(rotating, state, now)
        assert look() == [(old, ["trusted"])]
        (warning,) = trust()["warnings"]
        assert "is a root that is to be trusted no more, and is still installed: run the playbook" in warning
    assert "warnings" not in trust(purge_superseded=True, mode={"check_mode": True})
    assert "warnings" not in trust(purge_superseded=True)
    assert (look(), "warnings" in trust()) == ([(old, [])], False)


def test_the_profile_for_macs_has_the_roots_that_hosts_must_trust(
    trust: Callable, authority: Authority, tmp_path: Path
) -> None:
    path, now = tmp_path / "anchorage.mobileconfig", datetime.now(timezone.utc)

    def write() -> tuple[bool, bytes]:
        changed = trust(profile_path=str(path))["profile"]["changed"]
        return changed, path.read_bytes()

    def roots(profile: bytes) -> list[bytes]:
        return [payload["PayloadContent"] for payload in plistlib.loads(profile)["PayloadContent"]]

    first = write()[1]
    rotating = rotated(authority, State.MADE, now)
    assert write() == (False, first)
    old, new = (root.certificate.public_bytes(Encoding.DER) for root in rotating.roots)
    assert roots(first) == [old]
    move(rotating, State.DISTRIBUTING, now)
    assert trust(mode={"check_mode": True}, profile_path=str(path))["profile"]["changed"]
    assert path.read_bytes() == first
    changed, both = write()
    assert (changed, roots(both)) == (True, [old, new])
    for state in (State.SWITCHING, State.DRAINING):  # nobody has to install it again
        move(rotating, state, now)
        assert write() == (False, both)
    move(rotating, State.PURGING, now)
    changed, last = write()
    assert (changed, roots(last)) == (True, [new])
    assert write() == (False, last)
    # A device management service has each one take the place of the former.
    assert len({plistlib.loads(profile)["PayloadIdentifier"] for profile in (first, both, last)}) == 1


def test_an_anchor_of_somebody_else_is_nobodys_proof(trust: Callable, authority: Authority) -> None:
    trust(certificate=pem_of(make_root("Other", not_before=datetime.now(timezone.utc) - timedelta(days=1))).decode())
    assert proved(authority) == {1: []}


def test_a_ledger_that_cannot_be_used_is_a_warning(trust: Callable, authority: Authority) -> None:
    authority.ledger_path.write_bytes(b"no database")
    result = trust()
    assert result["stores"][0]["state"] == "trusted"
    assert [warning.partition(". ")[0] for warning in result["warnings"]] == [
        "The ledger does not know what this host trusts now"
    ]
    assert "restore the authority's folder from a backup" in result["warnings"][0]
