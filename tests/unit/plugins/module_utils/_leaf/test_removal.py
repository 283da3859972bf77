# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The removal of leaves: no trace of them, and every trace of others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import opened_folder
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination_changes import exclusive_lock
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal import Swap
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal_changes import write_journal
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import Pointing
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.removal import remove_leaves
from ansible_collections.anchorage.pki.tests.unit.leaves import (
    NO_SERVER,
    delivery,
    destination_at,
    inspected,
    make_leaf,
    tree,
)


def deployed(path: Path, *names: str) -> None:
    deploy(destination_at(path), [delivery(make_leaf(), name=name) for name in names], NO_SERVER)


def remove(path: Path, *names: str, check_mode: bool = False) -> tuple[bool, dict[str, bool], list[str]]:
    result = remove_leaves(destination_at(path), names, check_mode)
    return result.changed, {leaf.name: leaf.removed for leaf in result.certificates}, list(result.notices)


def everything(path: Path) -> list[str]:
    return sorted(str(entry.relative_to(path)) for entry in path.rglob("*"))


def test_check_mode_says_what_goes_and_a_second_run_finds_nothing(private_folder: Path) -> None:
    pki = private_folder / "pki"
    deployed(pki, "a", "b")
    before = everything(private_folder)
    outcome = (True, {"a": True, "former": False}, [])
    assert remove(pki, "a", "former", check_mode=True) == outcome
    assert everything(private_folder) == before
    assert remove(pki, "a", "former") == outcome
    assert remove(pki, "a", "former") == (False, {"a": False, "former": False}, [])
    assert sorted(path.name for path in pki.iterdir()) == [".lock", "b"]


def test_with_the_last_leaf_the_destination_goes(private_folder: Path) -> None:
    pki = private_folder / "above/pki"
    deployed(pki, "a", "b")
    remove(pki, "a", "b")
    assert everything(private_folder) == ["above"]
    assert remove(pki, "a", "b") == (False, {"a": False, "b": False}, [])
    assert everything(private_folder) == ["above"]


@pytest.mark.parametrize("used", [False, True])
def test_the_system_folder_goes_where_nothing_else_is_in_it(private_folder: Path, used: bool) -> None:
    deployed(private_folder / "above/pki", "a")
    if used:
        (private_folder / "above/tls").mkdir()
    destination = destination_at(private_folder / "above/pki")
    remove_leaves(destination, ["a"], check_mode=False, system_folder=str(private_folder / "above"))
    assert everything(private_folder) == (["above", "above/tls"] if used else [])


def test_what_an_interrupted_run_left_goes_too(private_folder: Path) -> None:
    pki = private_folder / "pki"
    deployed(pki, "a", "b")
    for leftover in (".staging", "v7", ".unstapled", "v7-unstapled"):
        (pki / "a" / leftover).mkdir()
        (pki / "a" / leftover / "privkey.pem").touch()
    for leftover in (
        "pending-ecdsa-p256.pem",
        ".pending-rsa-3072.pem.new",
        ".nginx.conf.new",
        ".withdrawn",
        "..withdrawn.new",
    ):
        (pki / "a" / leftover).touch()
    (pki / "a/.current.new").symlink_to("v7")
    with opened_folder(str(pki)) as root:
        assert root is not None
        for names in (("a",), ("b",)):
            write_journal(root, [Swap(name, 0, 1, Pointing()) for name in names])
    assert remove(pki, "a") == (True, {"a": True}, [])
    assert sorted(path.name for path in pki.iterdir()) == [".activation-b.json", ".lock", "b"]
    leaf = inspected(destination_at(pki), "a")
    assert (leaf.generation, leaf.drift) == (0, ())
    remove(pki, "b")
    assert everything(private_folder) == []


def test_the_journal_of_several_leaves_stays_for_those_that_are_left(private_folder: Path) -> None:
    pki = private_folder / "pki"
    deployed(pki, "a", "b")
    with opened_folder(str(pki)) as root:
        assert root is not None
        write_journal(root, [Swap(name, 1, 2, Pointing()) for name in ("a", "b")])
    remove(pki, "a")
    assert (pki / ".activation-a.json").exists()
    remove(pki, "b")
    assert everything(private_folder) == []


def test_a_removal_that_was_cut_off_is_completed(private_folder: Path) -> None:
    pki = private_folder / "pki"
    deployed(pki, "a")
    for path in sorted((pki / "a").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    assert remove(pki, "a", check_mode=True) == (True, {"a": True}, [])
    assert remove(pki, "a") == (True, {"a": True}, [])
    pki.mkdir()
    (pki / ".lock").touch()
    assert remove(pki, "a", check_mode=True) == (True, {"a": False}, [])
    assert remove(pki, "a") == (True, {"a": False}, [])
    assert everything(private_folder) == []


# What is not ours


def test_what_others_put_into_a_leafs_folder_stays_and_is_reported(private_folder: Path) -> None:
    pki = private_folder / "pki"
    deployed(pki, "a", "b")
    (pki / "a/dhparam.pem").write_text("theirs")
    (pki / "b/nginx.conf").write_text("theirs")
    (pki / "b/notes").mkdir()
    (pki / "b/notes/v1").touch()
    warnings = [
        f"{pki}/a was kept, since others created files in it: dhparam.pem.",
        f"{pki}/b was kept, since others created files in it: nginx.conf, notes.",
    ]
    assert remove(pki, "a", "b", check_mode=True) == (True, {"a": True, "b": True}, warnings)
    assert remove(pki, "a", "b") == (True, {"a": True, "b": True}, warnings)
    theirs = ["a", "a/dhparam.pem", "b", "b/nginx.conf", "b/notes", "b/notes/v1"]
    assert everything(pki) == [".lock", *theirs]
    assert remove(pki, "a", "b") == (False, {"a": False, "b": False}, warnings)


def test_a_folder_that_was_no_leafs_is_left_alone(private_folder: Path) -> None:
    (private_folder / "ssh").mkdir()
    (private_folder / "ssh/sshd_config").touch()
    before = tree(private_folder)
    changed, removed, (warning,) = remove(private_folder, "ssh")
    assert (changed, removed) == (False, {"ssh": False})
    assert "sshd_config" in warning
    assert tree(private_folder) == before
    assert not (private_folder / ".lock").exists()


def test_an_empty_folder_that_was_no_destination_stays(private_folder: Path) -> None:
    assert remove(private_folder, "a") == (False, {"a": False}, [])
    assert private_folder.exists()


@pytest.mark.parametrize("name", ["..", "", "a/b", ".lock"])
def test_names_that_are_no_folder_names_are_refused(private_folder: Path, name: str) -> None:
    deployed(private_folder / "pki", "a")
    with pytest.raises(HostError, match="cannot name a folder"):
        remove(private_folder / "pki", name)


def test_no_link_is_followed(private_folder: Path) -> None:
    deployed(private_folder / "real", "a")
    (private_folder / "link").symlink_to("real")
    (private_folder / "real/b").symlink_to("a")
    before = tree(private_folder)
    with pytest.raises(HostError, match="link is a symbolic link"):
        remove(private_folder / "link", "a")
    with pytest.raises(HostError, match="cannot be used"):
        remove(private_folder / "real", "b")
    assert tree(private_folder) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can own a folder below another's")
def test_root_removes_what_lies_in_another_users_folder(private_folder: Path) -> None:
    deployed(private_folder / "home/pki", "a")
    os.chown(private_folder / "home", 65534, 65534)
    assert remove(private_folder / "home/pki", "a") == (True, {"a": True}, [])
    assert everything(private_folder) == ["home"]


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_removal_waits_for_a_deployment(private_folder: Path, check_mode: bool) -> None:
    deployed(private_folder, "a")
    destination = destination_at(private_folder, lock_timeout=0.1)
    before = everything(private_folder)
    with opened_folder(str(private_folder)) as root:
        assert root is not None
        with exclusive_lock(root, str(private_folder)), pytest.raises(HostError, match="Another run has been working"):
            remove_leaves(destination, ["a"], check_mode)
    assert everything(private_folder) == before
