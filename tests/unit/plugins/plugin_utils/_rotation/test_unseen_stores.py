# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A home that is not mounted, whose NSS database trusted the old root: nothing ends until somebody has seen it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.results import rotation_result
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.status import Status
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.transaction import RotationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.ledger_proofs import enter_proofs, proofs_of
from ansible_collections.anchorage.pki.tests.unit.rotations import rotated

DAY = timedelta(days=1)
KINDS = ("system", "nss")
HOME = "/home/alice/.pki/nssdb"
BOTH = {"system": "debian", "nss": HOME}
MOUNTED_NO_MORE = {"system": "debian"}


def answer(sha256: str, stores: Mapping[str, str]) -> dict[str, Any]:
    """What a task says that made the stores trust a root; no other one is there."""
    entries = [
        {"kind": kind, "name": name, "state": "trusted", "evidence": ["it is there"], "read_by": ["somebody"]}
        for kind, name in stores.items()
    ]
    return {"anchor": {"sha256": sha256}, "stores": entries}


def show(authority: Authority, root: int, purged: list[int], stores: Mapping[str, str], now: datetime) -> None:
    """Enter what a task of trust_anchor brings, which knows that the old root is to go."""
    sha256 = {each.number: each.sha256 for each in authority.roots}
    proofs = proofs_of(answer(sha256[root], stores), [sha256[number] for number in purged])
    assert enter_proofs(authority.ledger_path, "web1", proofs, KINDS, now, [sha256[number] for number in purged]) == []


@contextmanager
def rotation(authority: Authority, now: datetime) -> Iterator[RotationTransaction]:
    with open_ledger(authority.ledger_path) as ledger:
        yield RotationTransaction(authority.folder, ledger, ("web1",), now)


def told(authority: Authority, now: datetime) -> dict[str, Any]:
    with rotation(authority, now) as transaction:
        looked = transaction.look()
        assert looked is not None
        return rotation_result(transaction.authority(), Status(transaction.authority(), *looked, transaction.terms, {}))


@pytest.mark.parametrize("way_out", ["mounted", "left out"])
def test_it_keeps_the_old_root_and_is_named(own_authority: Authority, now: datetime, way_out: str) -> None:
    show(own_authority, 1, [], BOTH, now)
    authority, later = rotated(own_authority, State.PURGING, now), now + 10 * DAY
    show(authority, 2, [1], MOUNTED_NO_MORE, later)
    reason = (
        f"the root is trusted, not absent, in {HOME}, which no run has seen since {now:%Y-%m-%d}: run once where it is "
        "there, with nss in trust_anchor_stores, or leave the host out"
    )
    for day in (0, 6, 20):  # and however often runs see the others
        show(authority, 2, [1], MOUNTED_NO_MORE, later + day * DAY)
        status = told(authority, later + day * DAY)
        assert status["blockers"] == [{"host": "web1", "reason": reason}]
        assert f"  web1: {reason}" in status["lines"]
        with rotation(authority, later + day * DAY) as transaction:
            assert transaction.advance(Passphrases()) is None
    end = later + 20 * DAY
    if way_out == "mounted":
        show(authority, 2, [1], BOTH, end)
    else:
        with rotation(authority, end) as transaction:
            transaction.leave_out("web1", "alice has left", "ops")
    with rotation(authority, end) as transaction:
        assert transaction.advance(Passphrases()) is State.DONE
    assert told(authority, end)["still_trusting"] == ([] if way_out == "mounted" else ["web1"])


def test_for_the_new_root_it_keeps_nobody(own_authority: Authority, now: datetime) -> None:
    """Whoever mounts it later refuses the new leaves until a run has been there; nobody trusts too much."""
    authority = rotated(own_authority, State.DISTRIBUTING, now)
    show(authority, 2, [], BOTH, now)
    show(authority, 2, [], MOUNTED_NO_MORE, now + DAY)
    with rotation(authority, now + DAY) as transaction:
        assert transaction.advance(Passphrases()) is State.SWITCHING
