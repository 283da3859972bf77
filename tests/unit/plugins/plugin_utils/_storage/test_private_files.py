# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The authority's files: closed to others, complete or not there, and refused where others could tamper."""

from __future__ import annotations

import multiprocessing
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage import private_files
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import (
    check_creatable,
    check_folder,
    create_complete_folder,
    create_folder,
    exclusive_lock,
    read_private,
    read_public,
    replace_private,
    write_private,
)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

HOLD_THE_LOCK = """
import fcntl, os, sys
descriptor = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(descriptor, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "share" / "anchorage" / "authority"
    create_folder(folder)
    assert mode_of(folder) == 0o700
    check_folder(folder)


def test_a_folder_that_another_run_made_meanwhile_is_taken(tmp_path: Path) -> None:
    create_folder(tmp_path / "authority")
    create_folder(tmp_path / "authority")


@pytest.mark.parametrize("below", ["file", "file/authority"])
def test_a_folder_in_the_place_of_a_file_cannot_be_made(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(PkiError, match=r"cannot be made: .*Check the option authority"):
        create_folder(tmp_path / below)
    assert (tmp_path / "file").read_text() == "mine"


def test_what_can_be_made_is_known_before(tmp_path: Path) -> None:
    check_creatable(tmp_path / "a" / "b" / "authority")
    check_creatable(tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    for below in ("file", "file/authority", "file/further/authority", "link/authority"):
        messages = []
        for attempt in (check_creatable, create_folder):
            with pytest.raises(PkiError, match=r"cannot be made: .* Check the option authority.") as caught:
                attempt(tmp_path / below)
            messages.append(str(caught.value))
        assert messages[0] == messages[1]


def test_what_may_not_be_made_is_known_before(as_nobody: Path) -> None:
    for attempt in (check_creatable, create_folder):
        with pytest.raises(PkiError, match=r"cannot be made: Permission denied. Check the option authority."):
            attempt(as_nobody / "above" / "authority")


@pytest.mark.parametrize("attempt", [check_creatable, create_folder])
def test_nothing_is_made_where_every_user_may_write(tmp_path: Path, attempt: Callable[[Path], None]) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(PkiError, match=rf"^Every user may write to {tmp_path}, and so put another folder in the place"):
        attempt(tmp_path / "authority")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch(mode=0o600)
    with pytest.raises(PkiError, match="is not a folder"):
        check_folder(tmp_path / "file")


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o711, 0o770, 0o777])
def test_an_open_folder_is_refused_with_the_command_that_closes_it(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(PkiError, match=f"is open to other users .mode {mode:04o}.*chmod 700 {tmp_path}"):
        check_folder(tmp_path)


@as_root
def test_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, -1)
    with pytest.raises(PkiError, match=r"belongs to user 12345, not to you \(0\)"):
        check_folder(tmp_path)


def test_a_private_file_has_its_mode_whatever_the_umask(tmp_path: Path) -> None:
    former = os.umask(0)
    try:
        write_private(tmp_path / "key.pem", b"secret")
    finally:
        os.umask(former)
    assert mode_of(tmp_path / "key.pem") == 0o600
    assert read_private(tmp_path / "key.pem") == b"secret"


@pytest.mark.parametrize("there", ["file", "link"])
def test_a_private_file_never_takes_the_place_of_another(tmp_path: Path, there: str) -> None:
    target, path = tmp_path / "target", tmp_path / "key.pem"
    target.write_text("kept")
    if there == "link":
        path.symlink_to(target)
    else:
        path.write_text("kept")
    with pytest.raises(FileExistsError):
        write_private(path, b"new")
    assert path.read_text() == target.read_text() == "kept"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_an_open_private_file_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"secret")
    path.chmod(mode)
    with pytest.raises(PkiError, match=f"key.pem is open to other users .mode {mode:04o}.*chmod 600"):
        read_private(path)


def test_a_private_file_that_is_missing_a_link_or_a_folder_asks_for_the_backup(tmp_path: Path) -> None:
    write_private(tmp_path / "target", b"secret")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    (tmp_path / "folder").mkdir(mode=0o700)
    for name in ("missing", "link", "folder"):
        with pytest.raises(PkiError, match=f"{name} cannot be read: .*from a backup"):
            read_private(tmp_path / name)


def test_a_public_file_that_cannot_be_read_asks_for_the_backup(tmp_path: Path) -> None:
    (tmp_path / "certificate.pem").write_bytes(b"public")
    assert read_public(tmp_path / "certificate.pem") == b"public"
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(PkiError, match=r"cannot be read: .*from a backup"):
            read_public(path)


def test_a_file_is_replaced_as_one_and_stays_private(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    replace_private(path, b"first")
    replace_private(path, b"second")
    assert path.read_bytes() == b"second"
    assert mode_of(path) == 0o600
    assert os.listdir(tmp_path) == ["policy.json"]


def test_what_cannot_be_replaced_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "policy.json").mkdir()
    with pytest.raises(PkiError, match=r"policy.json cannot be written: .*It stays as it was"):
        replace_private(tmp_path / "policy.json", b"new")
    assert os.listdir(tmp_path) == ["policy.json"]


def test_a_folder_appears_with_all_its_files(tmp_path: Path) -> None:
    create_complete_folder(tmp_path / "root" / "1", {"certificate.pem": b"a", "key.pem": b"b"})
    assert os.listdir(tmp_path / "root") == ["1"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "root" / "1").iterdir()} == {
        "certificate.pem": b"a",
        "key.pem": b"b",
    }
    assert mode_of(tmp_path / "root") == mode_of(tmp_path / "root" / "1") == 0o700
    assert mode_of(tmp_path / "root" / "1" / "key.pem") == 0o600


def test_a_folder_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    create_complete_folder(tmp_path / "root" / "1", {"key.pem": b"first"})
    with pytest.raises(PkiError, match=r"root/1 cannot be written: .*continues from there"):
        create_complete_folder(tmp_path / "root" / "1", {"key.pem": b"second"})
    assert (tmp_path / "root" / "1" / "key.pem").read_bytes() == b"first"
    assert os.listdir(tmp_path / "root") == ["1"]


def test_a_folder_that_cannot_be_completed_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PkiError, match=r"root/1 cannot be written: File name too long"):
        create_complete_folder(tmp_path / "root" / "1", {"key.pem": b"key", "x" * 300: b""})
    assert os.listdir(tmp_path / "root") == []


def test_without_the_folder_above_there_is_nothing_to_stage_in(tmp_path: Path) -> None:
    with pytest.raises(PkiError, match="cannot be written: No such file or directory"):
        create_complete_folder(tmp_path / "issuing" / "1" / "responder" / "1", {"key.pem": b""})


def test_a_folder_that_may_not_be_written_is_named(as_nobody: Path) -> None:
    with pytest.raises(PkiError, match=r"authority cannot be made: Permission denied. Check the option authority"):
        create_folder(as_nobody / "authority")
    lock = as_nobody / "lock"
    with pytest.raises(PkiError, match=r"The lock .* cannot be opened: Permission denied"), exclusive_lock(lock):
        pytest.fail("the lock was given")
    with pytest.raises(PkiError, match=r"policy.json cannot be written: Permission denied. It stays as it was"):
        replace_private(as_nobody / "policy.json", b"")


def test_a_lock_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(PkiError, match=r"The lock .* cannot be opened: Is a directory"), exclusive_lock(tmp_path):
        pytest.fail("the lock was given")


def test_a_second_run_waits_and_then_says_so(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_THE_LOCK, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with (
            pytest.raises(PkiError, match=f"Another run has been changing the authority in {tmp_path} for 0 seconds"),
            exclusive_lock(lock, timeout=0.1),
        ):
            pytest.fail("the lock was given twice")
        holder.kill()
    with exclusive_lock(lock, timeout=0.0):
        assert mode_of(lock) == 0o600


def _add_one(folder: Path, times: int) -> None:
    for _dummy in range(times):
        with private_files.exclusive_lock(folder / "lock"):
            count = int((folder / "count").read_text())
            (folder / "count").write_text(str(count + 1))


def test_the_lock_admits_one_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "count").write_text("0")
    fork = multiprocessing.get_context("fork")
    runs = [fork.Process(target=_add_one, args=(tmp_path, 5)) for _round in range(4)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert (tmp_path / "count").read_text() == "20"


def test_the_lock_is_given_back_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), exclusive_lock(tmp_path / "lock"):
        raise RuntimeError
    with exclusive_lock(tmp_path / "lock", timeout=0.0):
        pass


def test_what_a_killed_run_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    private_files.create_complete_folder(tmp_path / "issuing" / "1", {"key.pem": b"key"})
    left = tmp_path / "issuing" / f"{private_files.UNFINISHED}x"
    left.mkdir()
    private_files.write_private(left / "key.pem", b"key of a killed run")
    private_files.remove_unfinished(tmp_path)
    assert [path.name for path in (tmp_path / "issuing").iterdir()] == ["1"]
    assert (tmp_path / "issuing" / "1" / "key.pem").read_bytes() == b"key"


def test_a_file_that_is_too_large_is_refused_and_never_cut(tmp_path: Path) -> None:
    write_private(tmp_path / "file", bytes(private_files.LARGEST_FILE + 1))
    for read in (read_private, read_public):
        with pytest.raises(PkiError, match=r"file cannot be read: it is larger than 1048576 bytes.*from a backup"):
            read(tmp_path / "file")
