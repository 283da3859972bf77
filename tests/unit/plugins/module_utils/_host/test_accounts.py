# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of which accounts of a host may have trust stores in their homes."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host import accounts
from ansible_collections.anchorage.pki.plugins.module_utils._host.accounts import find_accounts
from ansible_collections.anchorage.pki.plugins.module_utils._host.as_user import call_as
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.homes import search_home
from ansible_collections.anchorage.pki.tests.unit.scratch_people import ScratchPeople

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for other users")


def names(host: ScratchPeople, *paths: str, **options: Any) -> list[str]:
    return [account.name for account in find_accounts(str(host.root), paths or ["."], **options)]


def mounts(host: ScratchPeople, *rows: tuple[str, str]) -> str:
    """A table in which these are mounted, each a path below the host's root and a type of file system."""
    lines = [f"1 1 0:1 / {host.root}{path} rw - {kind} none rw" for path, kind in rows]
    table = host.root / "mountinfo"
    table.write_text("\n".join(["22 1 0:20 / / rw - ext4 /dev/sda rw", *lines]))
    return str(table)


@needs_root
def test_everybody_with_a_home_of_their_own_counts(people: ScratchPeople) -> None:
    """With a shell or without, as on a kiosk; and under a second name of the same number."""
    people.person("kiosk", 3001, "/usr/sbin/nologin")
    people.person("carol", 23458, "")
    people.person("alice2", people.alice.uid)
    assert names(people) == ["kiosk", "alice", "alice2", "bob", "carol"]


@needs_root
def test_who_has_none_of_the_places_is_not_looked_at(people: ScratchPeople) -> None:
    Path(people.alice.home, ".pki").mkdir()
    Path(people.bob.home, "snap").symlink_to("nowhere")
    assert names(people, ".mozilla/firefox", ".pki/nssdb") == ["alice"]
    assert names(people, "snap/*/current", ".pki/nssdb") == ["alice", "bob"]
    assert names(people, ".mozilla/firefox") == []


@needs_root
def test_two_names_of_one_home_are_one(people: ScratchPeople) -> None:
    people.entries.append(pwd.struct_passwd(("toor", "x", people.alice.uid, 0, "", "/home/alice", "/bin/sh")))
    assert names(people) == ["alice", "bob"]


# --- homes that give no answer, or none to root


def troubled(monkeypatch: pytest.MonkeyPatch, name: str, trouble: Callable[[], Any]) -> None:
    """Have root, and nobody else, meet trouble with any look at the home of this name."""
    for function in ("stat", "lstat"):
        monkeypatch.setattr(os, function, meeting(getattr(os, function), name, trouble))


def meeting(look: Callable[..., Any], name: str, trouble: Callable[[], Any]) -> Callable[..., Any]:
    def met(path: Any, *arguments: Any, **options: Any) -> Any:
        if os.geteuid() == 0 and os.path.basename(str(path)) == name:
            trouble()
        return look(path, *arguments, **options)

    return met


def refuse() -> None:
    """As a file system in user space does that is not mounted for others."""
    raise PermissionError(13, "Permission denied", "home")


def hang() -> None:
    time.sleep(60)


@needs_root
@pytest.mark.parametrize("trouble", [refuse, hang])
@pytest.mark.parametrize("is_listed", [True, False])
def test_a_home_that_gives_root_no_answer_is_for_its_user_to_look_at(
    people: ScratchPeople, monkeypatch: pytest.MonkeyPatch, trouble: Callable[[], None], is_listed: bool
) -> None:
    if not is_listed:
        entry = people.entries.pop(0)
        monkeypatch.setattr(pwd, "getpwnam", {"alice": entry}.__getitem__)
    troubled(monkeypatch, "alice", trouble)
    assert names(people, timeout=0.3) == ["alice", "bob"]
    assert search_home(people.alice, os.listdir, people.alice.home) == []
    Path(people.alice.home, "found").touch()
    assert search_home(people.alice, os.listdir, people.alice.home) == ["found"]


@needs_root
def test_homes_that_cannot_be_listed_hide_nobody_who_is_known(
    people: ScratchPeople, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "listdir", lambda _folder: hang())
    assert names(people, timeout=0.3) == ["alice", "bob"]


@needs_root
def test_a_home_that_gives_its_user_no_answer_is_reported(people: ScratchPeople) -> None:
    with pytest.raises(HostError, match="Work in the files of alice did not complete in time"):
        search_home(people.alice, lambda: [hang()], timeout=0.3)
    with pytest.raises(HostError, match=f"{people.alice.home} cannot be read: Stale file handle"):
        search_home(people.alice, lambda: os.listdir(stale()))


def stale() -> str:
    raise OSError(116, "Stale file handle")


@needs_root
def test_a_home_that_is_anothers_by_now_is_not_searched(people: ScratchPeople) -> None:
    os.chown(people.alice.home, people.bob.uid, -1)
    assert search_home(people.alice, lambda: ["found"]) == []
    os.chown(people.alice.home, people.alice.uid, -1)
    people.root.joinpath("home").chmod(0o700)
    assert search_home(people.alice, lambda: ["found"]) == []


@needs_root
def test_a_home_that_is_missing_or_anothers_is_passed_by(people: ScratchPeople) -> None:
    people.entries += [
        pwd.struct_passwd(("gone", "x", 3001, 3001, "", "/home/gone", "/bin/sh")),
        pwd.struct_passwd(("guest", "x", 3002, 3002, "", "/home/alice", "/bin/sh")),
        pwd.struct_passwd(("service", "x", 3003, 3003, "", "/", "/bin/sh")),
        pwd.struct_passwd(("file", "x", 3004, 3004, "", "/home/file", "/bin/sh")),
    ]
    (people.root / "home/file").write_text("")
    os.chown(people.root / "home/file", 3004, 3004)
    assert names(people) == ["alice", "bob"]


@needs_root
def test_a_linked_home_counts_where_it_is_the_users_own(people: ScratchPeople) -> None:
    for name, target in (("linked", people.person("moved", 3001).home), ("thief", people.alice.home)):
        (people.root / "home" / name).symlink_to(target)
    people.entries += [
        pwd.struct_passwd(("linked", "x", 3001, 3001, "", "/home/linked", "/bin/sh")),
        pwd.struct_passwd(("thief", "x", 3002, 3002, "", "/home/thief", "/bin/sh")),
    ]
    assert "thief" not in names(people)


@needs_root
def test_whom_a_directory_service_does_not_list_counts_by_the_home(
    people: ScratchPeople, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = people.person("remote", 3001)
    entry = people.entries.pop()
    monkeypatch.setattr(pwd, "getpwuid", {remote.uid: entry}.__getitem__)
    assert names(people) == ["remote", "alice", "bob"]


@needs_root
def test_a_mac_has_its_homes_elsewhere(people: ScratchPeople, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody of a directory service, by the home; root, whose own is elsewhere; and what is nobody's home."""
    monkeypatch.setattr(accounts, "_HOMES", "Users")
    shown = Path(people.person("remote", 3001).home)
    moved = people.root / "Users/remote"
    (people.root / "Users/Shared").mkdir(parents=True)
    shown.rename(moved)
    uid = people.entries.pop().pw_uid
    entry = pwd.struct_passwd(("remote", "x", uid, uid, "", "/Users/remote", "/bin/sh"))
    root = pwd.struct_passwd(("root", "*", 0, 0, "", "/var/root", "/bin/sh"))
    (people.root / "var/root").mkdir(parents=True)
    people.entries.append(root)
    monkeypatch.setattr(pwd, "getpwuid", {uid: entry, 0: root}.__getitem__)
    assert names(people) == ["root", "remote", "alice", "bob"]


@needs_root
def test_a_home_that_has_to_be_mounted_first_is_skipped(people: ScratchPeople) -> None:
    for mounted, expected in (
        ([("/home/alice", "autofs")], ["bob"]),
        ([("/home", "autofs"), ("/home/alice", "nfs4")], ["alice"]),
        ([("/home", "autofs"), ("/home", "nfs4")], ["alice", "bob"]),
    ):
        assert names(people, mount_table=mounts(people, *mounted)) == expected


def test_whoever_is_not_root_sees_to_oneself(people: ScratchPeople, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: people.alice.uid)
    assert {account.uid for account in find_accounts(str(people.root), ["."])} == {people.alice.uid}


@needs_root
def test_whoever_is_not_root_needs_no_look_at_the_homes_of_others(people: ScratchPeople) -> None:
    (people.root / "home").chmod(0o711)
    assert call_as(people.alice, names, people) == ["alice"]


def test_without_a_table_of_mounts_nothing_is_automounted(people: ScratchPeople) -> None:
    assert "alice" in names(people, mount_table=str(people.root / "nowhere"))
