# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups and restores that are killed before each of their changes, and after each statement of SQL: until the next
run there is no authority or a whole one, and that run leaves nothing else."""

from __future__ import annotations

import itertools
import shutil
import stat
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._backup.encryption import decrypt
from ansible_collections.anchorage.pki.plugins.plugin_utils._backup.transaction import back_up, restore
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import AuthorityMissingError, PkiError
from ansible_collections.anchorage.pki.tests.unit.interruptions import dies_after, killed_at

pytestmark = pytest.mark.usefixtures("quick_keys")

PASSPHRASE = "correct horse battery"
HOUR = timedelta(hours=1)
KILLS = pytest.mark.parametrize("kill", [killed_at, dies_after])


@pytest.fixture
def backup(own_authority: Authority, tmp_path: Path, now: datetime) -> Path:
    target = tmp_path / "authority.backup"
    back_up(own_authority.folder, target, PASSPHRASE, now)
    restore(tmp_path / "other", target, PASSPHRASE, now + HOUR)
    return target


def files(folder: Path) -> dict[str, bytes]:
    """All that is in the folder of an authority, and not in its ledger."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
        if not path.name.startswith(("ledger.sqlite3", "lock"))
    }


def check_half(folder: Path, whole: Path, now: datetime) -> None:
    """See that what a kill left is closed to others, and is no authority, or a whole one that signs nothing yet."""
    for path in (folder, *folder.rglob("*")) if folder.exists() else ():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 or path.name == "lock", path
    names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if "policy.json" in names:
        assert read_authority(folder).root.sha256 == read_authority(whole).root.sha256
        with open_ledger(folder / "ledger.sqlite3", read_only=True) as ledger:
            assert ledger.restores.pending() is not None
    elif names <= {"lock"}:
        with pytest.raises(AuthorityMissingError):
            read_authority(folder)
    else:
        for work in (read_authority, lambda folder: plan_provisioning(folder, {}, "another authority", now)):
            with pytest.raises(PkiError, match="restore it from a backup"):
                work(folder)


@KILLS
def test_a_restore_that_is_killed_is_done_by_the_next_one(
    backup: Path, tmp_path: Path, now: datetime, kill: Callable[..., bool]
) -> None:
    whole, folder = tmp_path / "other", tmp_path / "new"
    for step in itertools.count(1):
        if not kill(step, lambda: restore(folder, backup, PASSPHRASE, now + HOUR)):
            break
        check_half(folder, whole, now)
        restore(folder, backup, PASSPHRASE, now + HOUR)
        assert files(folder) == files(whole)
        with open_ledger(folder / "ledger.sqlite3", read_only=True) as ledger:
            assert [restored.backed_up_at for restored in ledger.restores.all()] == [now]
        shutil.rmtree(folder)
    assert step > 20


def test_so_is_one_that_is_killed_while_it_clears_away_what_another_left(
    backup: Path, tmp_path: Path, now: datetime
) -> None:
    whole, folder, kept = tmp_path / "other", tmp_path / "new", tmp_path / "kept"

    def run() -> None:
        restore(folder, backup, PASSPHRASE, now + HOUR)

    for half in itertools.count(1):  # one of which only the policy is missing
        shutil.rmtree(folder, ignore_errors=True)
        assert killed_at(half, run)
        if {"root", "issuing", "ledger.sqlite3"} <= {path.name for path in folder.glob("*")}:
            break
    shutil.copytree(folder, kept)
    for step in itertools.count(1):
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
        if not killed_at(step, run):
            break
        check_half(folder, whole, now)
        run()
        assert files(folder) == files(whole)
    assert step > 20


@KILLS
def test_a_backup_that_is_killed_leaves_the_former_one_and_is_done_by_the_next(
    own_authority: Authority, backup: Path, now: datetime, kill: Callable[..., bool]
) -> None:
    before, former = files(own_authority.folder), backup.read_bytes()
    for step in itertools.count(1):
        backup.write_bytes(former)
        is_killed = kill(step, lambda: back_up(own_authority.folder, backup, PASSPHRASE, now + HOUR))
        if not is_killed:
            break
        assert stat.S_IMODE(backup.stat().st_mode) == 0o600
        decrypt(backup.read_bytes(), PASSPHRASE, "b")
        back_up(own_authority.folder, backup, PASSPHRASE, now + HOUR)
        assert files(own_authority.folder) == before
        assert {path.name for path in backup.parent.iterdir()} == {"authority", "authority.backup", "other"}
    assert step > 10


def test_what_is_not_of_the_backup_is_never_cleared_away(backup: Path, tmp_path: Path, now: datetime) -> None:
    folder = tmp_path / "new"
    (folder / ".new-restored").mkdir(parents=True)
    (folder / "root").mkdir()
    (folder / "mine").write_text("precious")
    folder.chmod(0o700)
    with pytest.raises(PkiError, match="is not empty, and nothing was restored"):
        restore(folder, backup, PASSPHRASE, now)
    assert (folder / "mine").read_text() == "precious"
