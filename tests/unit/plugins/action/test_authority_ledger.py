# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action authority_ledger from a task's arguments to the ledger and back."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.action.authority_ledger import ActionModule
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proofs import Proof
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    Passphrases,
    carry_out,
    plan_provisioning,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError

NOW = datetime.now(timezone.utc)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority of whose root a host has shown that it trusts it."""
    folder = tmp_path / "authority"
    folder.mkdir(mode=0o700)
    made = carry_out(plan_provisioning(folder, {}, "Kept authority", NOW), Passphrases(), NOW)
    proof = Proof(made.root.sha256, "system", "Debian", "trusted", "0")
    with open_ledger(made.ledger_path) as ledger, ledger.transaction():
        ledger.proofs.enter("web7", ledger.proofs.difference("web7", [proof], ["system"], NOW), NOW)
    return made


def run(authority: Authority, check_mode: bool = False, diff: bool = True, **arguments: Any) -> dict[str, Any]:
    action = ActionModule.__new__(ActionModule)
    arguments["authority"] = str(authority.folder)
    action._task = SimpleNamespace(args=arguments, async_val=0, environment=None, check_mode=check_mode, diff=diff)
    given = action.validate_argument_spec(action.ARGUMENT_SPEC, **action.CONDITIONS)[1]
    return action.act(given, {"inventory_hostname": "localhost", "groups": {"all": ["web1"]}})


def test_a_serial_number_finds_what_is_no_leaf(authority: Authority) -> None:
    serial = f"{authority.root.certificate.serial_number:x}"
    (found,) = run(authority, search=serial)["certificates"]
    assert (found["kind"], found["authority"], found["state"]) == ("root", "Kept authority", "signed")
    assert run(authority)["lines"] == ["No certificate fits."]


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_export_is_written_once_and_not_in_check_mode(authority: Authority, tmp_path: Path, form: str) -> None:
    file = tmp_path / "ledger"
    given = {"step": "export", "file": str(file), "format": form}
    planned = run(authority, check_mode=True, **given)
    assert (planned["changed"], file.exists()) == (True, False)
    assert "3 certificates" in planned["diff"]["after"]
    assert run(authority, **given) == planned
    again = run(authority, **given)
    assert (again["changed"], again["diff"]["after"]) == (False, "")
    assert "diff" not in run(authority, diff=False, **given)


def test_a_host_is_forgotten_with_a_diff_and_once(authority: Authority) -> None:
    given = {"step": "forget", "host": "web7", "reason": "scrapped"}
    planned = run(authority, check_mode=True, **given)
    assert planned["diff"]["after"] == "web7: scrapped\n"
    assert run(authority)["forgotten"] == []
    assert run(authority, **given) == planned
    assert run(authority, **given)["changed"] is False
    (gone,) = run(authority)["forgotten"]
    assert (gone["host"], gone["reason"]) == ("web7", "scrapped")
    with pytest.raises(PkiError, match="web1 is in the inventory"):
        run(authority, step="forget", host="web1", reason="scrapped")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"step": "prune", "host": "web1"}, "host: goes with step=list or step=forget"),
        ({"step": "list", "file": "/x"}, "file: goes with step=export"),
        ({"step": "list", "reason": "x"}, "reason: goes with step=forget"),
        ({"step": "export", "file": "/x", "search": "a"}, "search: goes with step=list"),
        ({"step": "forget", "host": "web7", "reason": " "}, "reason: is empty"),
        ({"ends_within_days": 0}, "ends_within_days: is 0; give 1 to 36500 days"),
        ({"step": "prune", "keep_days": 1}, "keep_days: is 1; give 30 to 36500 days"),
        ({"step": "export", "file": "/"}, "is not a regular file"),
    ],
)
def test_what_makes_no_sense_is_refused(authority: Authority, arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(PkiError, match=reason):
        run(authority, **arguments)


def test_nothing_is_old_enough_to_be_pruned(authority: Authority) -> None:
    result = run(authority, step="prune")
    assert (result["changed"], result["lines"]) == (False, ["0 leaf certificates pruned"])
