# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of who counts as a person on a host."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils import people as module
from ansible_collections.anchorage.pki.tests.unit.scratch_people import ScratchPeople

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for other users")


def names(host: ScratchPeople) -> list[str]:
    return [account.name for account in module.people(str(host.root))]


def mounts(host: ScratchPeople, monkeypatch: pytest.MonkeyPatch, *rows: tuple[str, str]) -> None:
    """Have the host say that these are mounted, each a path below its root and a kind of file system."""
    lines = [f"1 1 0:1 / {host.root}{path} rw - {kind} none rw" for path, kind in rows]
    table = host.root / "mountinfo"
    table.write_text("\n".join(["22 1 0:20 / / rw - ext4 /dev/sda rw", *lines]))
    monkeypatch.setattr(module, "MOUNTS", str(table))


@needs_root
def test_everybody_with_a_shell_and_a_home_counts(people: ScratchPeople) -> None:
    people.person("www", 33, "/usr/sbin/nologin")
    people.person("sync", 4, "/bin/sync")
    people.person("carol", 23458, "")
    assert names(people) == ["alice", "bob", "carol"]


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
def test_a_home_that_has_to_be_mounted_first_is_passed_by(
    people: ScratchPeople, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts(people, monkeypatch, ("/home/alice", "autofs"))
    assert names(people) == ["bob"]
    mounts(people, monkeypatch, ("/home", "autofs"), ("/home/alice", "nfs4"))
    assert names(people) == ["alice"]
    mounts(people, monkeypatch, ("/home", "autofs"), ("/home", "nfs4"))
    assert names(people) == ["alice", "bob"]


def test_whoever_is_not_root_sees_to_oneself(people: ScratchPeople, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: people.alice.uid)
    assert {account.uid for account in module.people(str(people.root))} == {people.alice.uid}


def test_without_a_table_of_mounts_nothing_is_automounted(
    people: ScratchPeople, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOUNTS", str(Path(people.root, "nowhere")))
    assert "alice" in names(people)
