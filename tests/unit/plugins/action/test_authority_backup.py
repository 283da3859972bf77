# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action authority_backup from a task's arguments to a file and back."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.anchorage.pki.plugins.action.authority_backup import ActionModule
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    Passphrases,
    carry_out,
    plan_provisioning,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError

PASSPHRASE = "correct horse battery"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder, now = tmp_path / "authority", datetime.now(timezone.utc)
    folder.mkdir(mode=0o700)
    carry_out(plan_provisioning(folder, {}, "Kept authority", now), Passphrases(), now)
    return folder


def run(folder: Path, step: str, check_mode: bool = False, **arguments: Any) -> dict[str, Any]:
    action = ActionModule.__new__(ActionModule)
    if step != "enter_lists":
        arguments = {"backup_passphrase": PASSPHRASE, **arguments}
    arguments |= {"authority": str(folder), "step": step}
    action._task = SimpleNamespace(args=arguments, async_val=0, environment=None, check_mode=check_mode, diff=True)
    given = action.validate_argument_spec(action.ARGUMENT_SPEC, **action.CONDITIONS)[1]
    return action.act(given, {"inventory_hostname": "localhost"})


def test_a_backup_is_made_and_restored_and_completed(folder: Path, tmp_path: Path) -> None:
    file, new = tmp_path / "authority.backup", tmp_path / "new"
    planned = run(folder, "back_up", check_mode=True, file=str(file))
    assert (planned["changed"], planned["size"], file.exists()) == (True, None, False)
    made = run(folder, "back_up", file=str(file))
    assert (made["changed"], made["files"], made["warnings"]) == (True, 8, [])
    assert PASSPHRASE not in str(made) + str(planned)
    planned = run(new, "restore", check_mode=True, file=str(file))
    assert (planned["files"], new.exists()) == (8, False)
    restored = run(new, "restore", file=str(file))
    assert restored["created_at"] == made["created_at"]
    # Asked alone, it only says what is missing.
    asked = run(new, "enter_lists")
    assert (asked["changed"], asked["revoked"]) == (False, [])
    assert "What was revoked after the backup of" in asked["lines"][0]
    planned = run(new, "enter_lists", check_mode=True, without_lists=True)
    with open_ledger(new / "ledger.sqlite3", read_only=True) as ledger:
        assert ledger.restores.pending() is not None
    assert run(new, "enter_lists", without_lists=True) == planned
    assert planned["changed"] is True
    again = run(new, "enter_lists", without_lists=True)
    assert (again["changed"], again["lines"][-1][:33]) == (False, "All that was revoked is known. Ru")


@pytest.mark.parametrize(
    ("step", "arguments", "reason"),
    [
        ("back_up", {"file": "/x", "backup_passphrase": "short"}, r"backup_passphrase: give at least 16 characters\.$"),
        ("back_up", {"file": "relative"}, "is a relative path"),
        ("restore", {"file": "/nowhere/at/all"}, "cannot be read"),
        ("restore", {"file": "/x", "ledger_url": "postgresql://db/a"}, "is restored with a ledger in the folder"),
        ("restore", {"file": "/x", "without_lists": True}, "go with step=enter_lists"),
        ("back_up", {"file": "/x", "lists": ["a"]}, "go with step=enter_lists"),
    ],
)
def test_what_makes_no_sense_is_refused(folder: Path, step: str, arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(PkiError, match=reason):
        run(folder, step, **arguments)


@pytest.mark.parametrize("step", ["back_up", "restore"])
def test_a_file_has_to_be_named(folder: Path, step: str) -> None:
    with pytest.raises(AnsibleActionFail, match="file"):
        run(folder, step)
