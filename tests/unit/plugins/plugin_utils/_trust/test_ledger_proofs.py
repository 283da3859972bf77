# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host's answer proves of roots that were to go."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import ABSENT, TRUSTED
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.ledger_proofs import enter_proofs, proofs_of

NEW, OLD = "2" * 64, "1" * 64
KINDS = ("system", "java")


def answer(root: str, system: str, java: str) -> dict[str, Any]:
    """The result of trust_anchor for a host with two stores, in these states."""
    stores = [
        {"kind": "system", "name": "Debian", "state": system, "evidence": []},
        {"kind": "java", "name": "/usr/lib/jvm/17", "state": java, "evidence": []},
    ]
    return {"anchor": {"sha256": root}, "stores": stores}


def states(folder: Path, root: str, now: datetime, *answers: tuple[Mapping[str, Any], list[str]]) -> dict[str, str]:
    """What the ledger has of a root in the stores of a host, after these answers with the roots that were to go."""
    path = folder / "ledger.sqlite3"
    with open_ledger(path, create=True):
        pass
    for result, superseded in answers:
        assert enter_proofs(path, "web1", proofs_of(result, superseded), KINDS, now) == []
    with open_ledger(path) as ledger:
        return {seen.store.partition(":")[0]: seen.state for seen in ledger.proofs.of_root(root)}


def test_a_root_is_gone_from_each_store_that_has_the_new_one(tmp_path: Path, now: datetime) -> None:
    trusted, purged = answer(OLD, TRUSTED, TRUSTED), answer(NEW, TRUSTED, "pending")
    assert states(tmp_path, OLD, now, (trusted, []), (purged, [OLD])) == {"system": ABSENT, "java": ABSENT}


@pytest.mark.parametrize("state", ["failed", "needs_user", "blocked", "unavailable", "stale"])
def test_a_store_that_could_not_be_purged_proves_nothing(tmp_path: Path, now: datetime, state: str) -> None:
    trusted, purged = answer(OLD, TRUSTED, TRUSTED), answer(NEW, TRUSTED, state)
    assert states(tmp_path, OLD, now, (trusted, []), (purged, [OLD])) == {"system": ABSENT, "java": state}


def test_a_run_that_purges_nothing_says_nothing_of_the_old_root(tmp_path: Path, now: datetime) -> None:
    trusted, kept = answer(OLD, TRUSTED, TRUSTED), answer(NEW, TRUSTED, TRUSTED)
    assert states(tmp_path, OLD, now, (trusted, []), (kept, [])) == {"system": TRUSTED, "java": TRUSTED}
