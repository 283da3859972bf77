# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups and restores of an authority's folder."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.accounts import Account
from ansible_collections.anchorage.pki.plugins.module_utils._host.as_user import call_as
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import schema
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer import Given
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import carry_out, plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._backup.transaction import back_up, restore
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.tests.unit.corporate_pki import corporate_root, pem

#: What keys cost, and that they are what the documentation says, is for test_encryption.py.
pytestmark = pytest.mark.usefixtures("quick_keys")

PASSPHRASE = "correct horse battery"
PLACE = LeafPlace("web1", "/etc/pki/anchorage", "app")
HOUR = timedelta(hours=1)
SOMEBODY = Account("somebody", 23456, 23457, "/")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "authority.backup"


def tree(folder: Path) -> dict[str, bytes]:
    """The files of an authority, but for those of its ledger and the lock."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(("ledger", "lock"))
    }


def test_a_restored_authority_is_the_same_and_knows_it(
    own_authority: Authority, make_leaf, target: Path, tmp_path: Path, now: datetime
) -> None:
    leaf = make_leaf()
    with open_ledger(own_authority.ledger_path) as ledger:
        with ledger.transaction():
            ledger.record_leaf(leaf, own_authority.issuing.sha256, PLACE, ["app.test"], "controller")
        # While the ledger is open, what was written last is in its write-ahead log alone.
        backup = back_up(own_authority.folder, target, PASSPHRASE, now)
    assert backup is not None
    assert (backup.size, backup.files) == (target.stat().st_size, 8)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    folder = tmp_path / "elsewhere" / "authority"
    restore(folder, target, PASSPHRASE, now + HOUR)
    assert tree(folder) == tree(own_authority.folder)
    assert read_authority(folder).root.sha256 == own_authority.root.sha256
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with open_ledger(folder / "ledger.sqlite3") as ledger:
        assert ledger.current_leaf(PLACE).sha256 == fingerprint(leaf)
        pending = ledger.restores.pending()
        assert (pending.backed_up_at, pending.restored_at) == (now, now + HOUR)
    with closing(sqlite3.connect(folder / "ledger.sqlite3")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert not list(folder.glob(".new-*")) + list(own_authority.folder.glob(".new-*"))


def test_the_former_backup_stays_until_the_new_one_is_whole(
    own_authority: Authority, target: Path, now: datetime
) -> None:
    back_up(own_authority.folder, target, PASSPHRASE, now)
    former = target.read_bytes()
    assert back_up(own_authority.folder, target, PASSPHRASE, now, check_mode=True) is None
    assert target.read_bytes() == former
    (own_authority.issuing.folder / "certificate.pem").write_text("damaged")
    with pytest.raises(PkiError, match="no longer a certificate"):
        back_up(own_authority.folder, target, PASSPHRASE, now)
    assert target.read_bytes() == former
    assert sorted(path.name for path in target.parent.iterdir()) == ["authority", "authority.backup"]


def test_a_damaged_ledger_is_no_backup(own_authority: Authority, make_leaf, target: Path, now: datetime) -> None:
    with open_ledger(own_authority.ledger_path) as ledger, ledger.transaction():
        for number in range(200):
            place = LeafPlace(f"web{number}", "/etc/pki/anchorage", "app")
            ledger.record_leaf(make_leaf(), own_authority.issuing.sha256, place, ["app.test"], "controller")
    content = bytearray(own_authority.ledger_path.read_bytes())
    content[-4096:] = b"\xff" * 4096
    own_authority.ledger_path.write_bytes(content)
    with pytest.raises(PkiError, match=r"is damaged|cannot be used"):
        back_up(own_authority.folder, target, PASSPHRASE, now)
    assert not target.exists()


def test_a_part_that_the_ledger_knows_has_to_be_there(own_authority: Authority, target: Path, now: datetime) -> None:
    own_authority.issuing.folder.rename(target.parent / "away")
    with pytest.raises(PkiError, match="The ledger knows a certificate of the authority that is missing"):
        back_up(own_authority.folder, target, PASSPHRASE, now)


def test_a_key_that_is_kept_elsewhere_is_named(own_authority: Authority, target: Path, now: datetime) -> None:
    (own_authority.root.folder / "key.pem").unlink()
    backup = back_up(own_authority.folder, target, PASSPHRASE, now)
    assert backup is not None
    assert backup.without_key == (own_authority.root.folder,)


def test_the_key_of_anothers_root_is_not_missed(
    make_authority: Callable[..., Authority], private_folder: Path, target: Path, now: datetime
) -> None:
    asked = make_authority(private_folder / "below", issuing_request_path="/somewhere/issuing.csr")
    assert asked.request
    root = corporate_root(now)
    answer = Given("issuing_certificate", pem(root.sign(asked.request.request), *root.chain))
    made = carry_out(plan_provisioning(asked.folder, {}, "", now, [answer]), Passphrases(), now)
    backup = back_up(made.folder, target, PASSPHRASE, now)
    assert backup is not None
    assert backup.without_key == ()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("authority/backup", "is in the authority's folder"),
        ("missing/backup", "is in none"),
        (".", "is a folder"),
    ],
)
def test_a_backup_is_written_only_where_it_outlives_the_authority(
    own_authority: Authority, tmp_path: Path, now: datetime, name: str, reason: str
) -> None:
    with pytest.raises(PkiError, match=reason):
        back_up(own_authority.folder, tmp_path / name, PASSPHRASE, now)
    with pytest.raises(PkiError, match="is a relative path"):
        back_up(own_authority.folder, Path("backup"), PASSPHRASE, now)


def test_no_authority_is_replaced(own_authority: Authority, target: Path, tmp_path: Path, now: datetime) -> None:
    back_up(own_authority.folder, target, PASSPHRASE, now)
    before = tree(own_authority.folder)
    for check in (True, False):
        with pytest.raises(PkiError, match="There is an authority in"):
            restore(own_authority.folder, target, PASSPHRASE, now, check)
    assert tree(own_authority.folder) == before
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    (other / "root").mkdir()
    with pytest.raises(PkiError, match="is not empty, and nothing was restored"):
        restore(other, target, PASSPHRASE, now)


def test_check_mode_restores_nothing_and_tells_what_would_fail(
    own_authority: Authority, target: Path, tmp_path: Path, now: datetime
) -> None:
    back_up(own_authority.folder, target, PASSPHRASE, now)
    folder = tmp_path / "new"
    assert restore(folder, target, PASSPHRASE, now, check_mode=True).files == 8
    assert not folder.exists()
    with pytest.raises(PkiError, match="backup_passphrase"):
        restore(folder, target, "another horse battery", now, check_mode=True)
    with pytest.raises(PkiError, match="cannot be read: No such file"):
        restore(folder, tmp_path / "nothing", PASSPHRASE, now)


def test_a_folder_that_others_may_read_gets_no_keys(
    own_authority: Authority, target: Path, tmp_path: Path, now: datetime
) -> None:
    back_up(own_authority.folder, target, PASSPHRASE, now)
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(PkiError, match="is open to other users"):
        restore(folder, target, PASSPHRASE, now)
    assert list(folder.iterdir()) == []


def test_what_a_restore_that_was_killed_left_is_cleared_away(
    own_authority: Authority, target: Path, tmp_path: Path, now: datetime
) -> None:
    back_up(own_authority.folder, target, PASSPHRASE, now)
    folder = tmp_path / "new"
    (folder / ".new-killed").mkdir(parents=True)
    folder.chmod(0o700)
    restore(folder, target, PASSPHRASE, now)
    assert not list(folder.glob(".new-*"))
    assert read_authority(folder).root.sha256 == own_authority.root.sha256


def test_a_restored_folder_without_its_policy_is_no_authority(
    own_authority: Authority, target: Path, tmp_path: Path, now: datetime
) -> None:
    """The policy is moved last: what a power cut leaves of a restore is refused by everybody."""
    back_up(own_authority.folder, target, PASSPHRASE, now)
    folder = tmp_path / "new"
    restore(folder, target, PASSPHRASE, now)
    (folder / "policy.json").unlink()
    with pytest.raises(PkiError, match=r"contains files but no policy.json"):
        read_authority(folder)
    with pytest.raises(PkiError, match="is not empty"):
        restore(folder, target, PASSPHRASE, now)


def test_a_second_restore_of_the_same_backup_changes_nothing(
    own_authority: Authority, target: Path, tmp_path: Path, now: datetime
) -> None:
    back_up(own_authority.folder, target, PASSPHRASE, now)
    folder = tmp_path / "new"
    restore(folder, target, PASSPHRASE, now + HOUR)
    with open_ledger(folder / "ledger.sqlite3") as ledger, ledger.transaction():
        ledger.restores.mark_revocations_entered(now + HOUR)
    before = tree(folder)
    for check in (True, False):
        assert restore(folder, target, PASSPHRASE, now + 2 * HOUR, check).was_restored
    assert tree(folder) == before
    with open_ledger(folder / "ledger.sqlite3", read_only=True) as ledger:
        assert ledger.restores.pending() is None
    # That of a later moment is another one, as is the backup of another authority.
    back_up(folder, target, PASSPHRASE, now + 2 * HOUR)
    with pytest.raises(PkiError, match="There is an authority in"):
        restore(folder, target, PASSPHRASE, now + 3 * HOUR)


def test_the_backup_of_another_authority_of_the_same_second_is_another_one(
    make_authority: Callable[..., Authority], target: Path, tmp_path: Path, private_folder: Path, now: datetime
) -> None:
    for name in ("one", "two"):
        back_up(make_authority(private_folder / name).folder, target.with_name(name), PASSPHRASE, now)
    restore(tmp_path / "new", target.with_name("one"), PASSPHRASE, now)
    with pytest.raises(PkiError, match="There is an authority in"):
        restore(tmp_path / "new", target.with_name("two"), PASSPHRASE, now)


def test_a_damaged_authority_is_to_be_moved_away(
    own_authority: Authority, target: Path, tmp_path: Path, now: datetime
) -> None:
    back_up(own_authority.folder, target, PASSPHRASE, now)
    folder = tmp_path / "new"
    restore(folder, target, PASSPHRASE, now)
    (folder / "root/1/certificate.pem").unlink()
    with pytest.raises(PkiError, match=r"There is an authority in .* Move it away"):
        restore(folder, target, PASSPHRASE, now)


def test_only_a_regular_file_is_a_backup(own_authority: Authority, target: Path, tmp_path: Path, now: datetime) -> None:
    target.symlink_to(tmp_path / "elsewhere")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (target, pipe):
        with pytest.raises(PkiError, match=r"is not a regular file\. Name one"):
            back_up(own_authority.folder, path, PASSPHRASE, now)
    assert target.is_symlink()
    for path, reason in (
        (pipe, "not a regular file"),
        (Path("/dev/zero"), "not a regular file"),
        (tmp_path, "a folder"),
    ):
        with pytest.raises(PkiError, match=f"{path} cannot be read: it is {reason}"):
            restore(tmp_path / "new", path, PASSPHRASE, now)
    endless = tmp_path / "endless"
    with endless.open("wb") as file:
        file.truncate(2**42)
    with pytest.raises(PkiError, match="is no backup of an authority"):
        restore(tmp_path / "new", endless, PASSPHRASE, now)
    assert not (tmp_path / "new").exists()


def test_a_ledger_of_a_newer_release_is_not_restored(
    own_authority: Authority, target: Path, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer, closing(sqlite3.connect(own_authority.ledger_path)) as connection:
        newer.setattr(schema, "SCHEMA", 99)
        connection.execute("PRAGMA user_version = 99")
        back_up(own_authority.folder, target, PASSPHRASE, now)
    folder = tmp_path / "new"
    with pytest.raises(PkiError, match=r"was written by a newer release of anchorage\.pki"):
        restore(folder, target, PASSPHRASE, now)
    assert {path.name for path in folder.iterdir()} == {"lock"}


@pytest.mark.parametrize("size", ["24k", "96k", "320k"])
def test_a_disk_that_is_full_leaves_nothing_half(
    own_authority: Authority, target: Path, private_folder: Path, now: datetime, size: str
) -> None:
    back_up(own_authority.folder, target, PASSPHRASE, now)
    disk = private_folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", disk], check=False)
    if mounted.returncode != 0:
        pytest.skip("only root may mount a small disk")
    try:
        folder, refusal = disk / "authority", ""
        try:
            restore(folder, target, PASSPHRASE, now)
        except PkiError as error:
            refusal = str(error)
        assert "No space left" in refusal or "disk is full" in refusal or (size == "320k" and not refusal)
        assert not refusal or {path.name for path in folder.iterdir()} <= {"lock"}
        shutil.rmtree(folder)
        former = disk / "authority.backup"
        former.write_bytes(b"the former backup")
        filling = disk / "filling"
        with suppress(OSError), filling.open("wb", buffering=0) as file:
            while file.write(b"0" * 4096):
                pass
        with pytest.raises(PkiError, match="No space left"):
            back_up(own_authority.folder, former, PASSPHRASE, now)
        assert former.read_bytes() == b"the former backup"
        assert {path.name for path in disk.iterdir()} <= {"authority", "authority.backup", "filling"}
        assert not list(own_authority.folder.glob(".new-*"))
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_ledger_of_an_older_release_is_restored(folder_of_0_2_0: Path, tmp_path: Path, target: Path) -> None:
    at = datetime(2026, 6, 6, tzinfo=timezone.utc)
    before = tree(folder_of_0_2_0)
    back_up(folder_of_0_2_0, target, PASSPHRASE, at)
    folder = tmp_path / "new"
    restore(folder, target, PASSPHRASE, at)
    assert tree(folder) == tree(folder_of_0_2_0) == before
    assert restore(folder, target, PASSPHRASE, at).was_restored
    with open_ledger(folder / "ledger.sqlite3", read_only=True) as ledger:
        assert ledger.restores.pending().backed_up_at == at


def test_a_backup_while_leaves_are_signed_has_those_of_one_moment(
    own_authority: Authority, make_leaf, target: Path, tmp_path: Path, now: datetime
) -> None:
    ended, written = threading.Event(), []

    def write() -> None:
        with open_ledger(own_authority.ledger_path) as ledger:
            while not ended.is_set():
                with ledger.transaction():
                    for name in ("one", "two"):
                        place = LeafPlace(f"web{len(written)}", "/etc/pki/anchorage", name)
                        ledger.record_leaf(make_leaf(), own_authority.issuing.sha256, place, [], "controller")
                written.append(now)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        found = []
        for number in range(3):
            at_least = len(written)
            back_up(own_authority.folder, target, PASSPHRASE, now)
            restore(tmp_path / f"new{number}", target, PASSPHRASE, now)
            with open_ledger(tmp_path / f"new{number}" / "ledger.sqlite3", read_only=True) as ledger:
                places = list(ledger.places())
            assert at_least * 2 <= len(places) <= (len(written) + 1) * 2
            found.append(len(places))
    finally:
        ended.set()
        writer.join()
    assert [number % 2 for number in found] == [0, 0, 0]
    assert found[0] < found[2]


def refusal(work: Callable[[], object]) -> str:
    """Why the work is refused."""
    try:
        work()
    except PkiError as error:
        return str(error)
    return ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_whoever_may_not_is_told_so(own_authority: Authority, target: Path, now: datetime) -> None:
    back_up(own_authority.folder, target, PASSPHRASE, now)
    with tempfile.TemporaryDirectory() as name:
        shared = Path(name)
        shared.chmod(0o755)
        closed = shared / "closed"
        closed.mkdir(mode=0o700)
        backup = Path(shutil.copy(target, shared))
        backup.chmod(0o644)
        for source, folder, reason in (
            (target, shared / "new", f"file: {target} cannot be read: Permission denied"),
            (backup, shared / "new", f"The folder {shared}/new cannot be made: Permission denied"),
            (backup, closed, f"{closed} cannot be read: Permission denied"),
            (backup, closed / "new", f"{closed}/new cannot be"),
        ):
            for check in (True, False):
                told = call_as(SOMEBODY, refusal, lambda s=source, f=folder, c=check: restore(f, s, PASSPHRASE, now, c))
                assert (reason in told, "Permission denied" in told) == (True, True)
        denied = "cannot be written: Permission denied"
        for path, reason in ((shared / "b", denied), (closed / "b", denied), (closed / "x" / "b", "is in none")):
            with mine(own_authority, SOMEBODY) as folder:
                told = call_as(SOMEBODY, refusal, lambda f=folder, p=path: back_up(f, p, PASSPHRASE, now))
                assert reason in told
        assert {path.name for path in shared.iterdir()} == {"closed", backup.name}


@contextmanager
def mine(authority: Authority, account: Account) -> Iterator[Path]:
    """The folder of a copy of the authority that belongs to this user."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(shutil.copytree(authority.folder, Path(name) / "authority"))
        for path in (Path(name), folder, *folder.rglob("*")):
            os.chown(path, account.uid, account.gid)
        yield folder
