# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of where NSS databases are looked for."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.as_user import call_as
from ansible_collections.anchorage.pki.plugins.module_utils._trust.nss.profiles import databases
from ansible_collections.anchorage.pki.tests.unit.scratch_people import ScratchPeople, give, write_as

FIREFOX = ".mozilla/firefox"


def found(people: ScratchPeople) -> list[str]:
    return [path for path, _browser in labelled(people)]


def labelled(people: ScratchPeople) -> list[tuple[str, str]]:
    """Each with its browser."""
    found = call_as(people.alice, databases, people.alice.home)
    return [(os.path.relpath(path, people.root), browser) for path, browser in found]


def database(people: ScratchPeople, folder: str) -> Path:
    """What passes for a database of alice's."""
    return write_as(people.alice, Path(people.alice.home, folder, "cert9.db"), b"").parent


@pytest.mark.parametrize(
    "folder",
    [
        ".mozilla/firefox/a1b2.default",
        ".config/mozilla/firefox/a1b2.default-esr",
        "snap/firefox/common/.mozilla/firefox/a1b2.default",
        ".var/app/org.mozilla.firefox/.mozilla/firefox/a1b2.default",
        ".var/app/org.mozilla.firefox/config/mozilla/firefox/a1b2.default",
        "Library/Application Support/Firefox/Profiles/a1b2.default-release",
        ".pki/nssdb",
        ".local/share/pki/nssdb",
        "snap/chromium/current/.pki/nssdb",
        ".var/app/org.chromium.Chromium/.pki/nssdb",
        ".var/app/com.google.Chrome/data/pki/nssdb",
    ],
)
def test_each_place_is_known(people: ScratchPeople, folder: str) -> None:
    database(people, folder)
    assert found(people) == [f"home/alice/{folder}"]


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8], ids=["plain", "with a byte order mark"])
def test_profiles_elsewhere_are_found_by_profiles_ini(people: ScratchPeople, mark: bytes) -> None:
    database(people, "elsewhere/work profile")
    database(people, f"{FIREFOX}/Profiles/deep")
    text = f"""[Profile1]
Name=100%
IsRelative=0
Path={people.alice.home}/elsewhere/work profile

[Install4F96D1932A9F858E]
Default=Profiles/deep

[Profile0]
Name=deep
IsRelative=1
Path=Profiles/deep

[General]
Version=2
"""
    write_as(people.alice, Path(people.alice.home, FIREFOX, "profiles.ini"), mark + text.encode())
    database(people, ".pki/nssdb")
    assert labelled(people) == [
        (f"home/alice/{FIREFOX}/Profiles/deep", "Firefox"),
        ("home/alice/.pki/nssdb", "Chromium"),
        ("home/alice/elsewhere/work profile", "Firefox"),
    ]


@pytest.mark.parametrize("content", [b"\xff\xfe\0garbage", b"[Profile0]\nPath=\0\n", b"[Profile0", b"Path=x\n", b""])
def test_a_damaged_profiles_ini_hides_no_profile_that_lies_there(people: ScratchPeople, content: bytes) -> None:
    database(people, f"{FIREFOX}/a1b2.default")
    write_as(people.alice, Path(people.alice.home, FIREFOX, "profiles.ini"), content)
    assert found(people) == [f"home/alice/{FIREFOX}/a1b2.default"]


def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(people: ScratchPeople) -> None:
    folder = database(people, ".pki/nssdb")
    (folder / "cert9.db").unlink()
    os.mkfifo(folder / "cert9.db")
    profiles = write_as(people.alice, Path(people.alice.home, FIREFOX, "profiles.ini"), b"")
    profiles.unlink()
    os.mkfifo(profiles)
    give(people.alice, folder / "cert9.db", profiles)
    assert found(people) == []


def test_a_database_that_several_ways_lead_to_counts_once(people: ScratchPeople) -> None:
    database(people, ".pki/nssdb")
    share = Path(people.alice.home, ".local/share")
    share.mkdir(parents=True)
    (share / "pki").symlink_to(Path(people.alice.home, ".pki"))
    give(people.alice, share.parent, share, share / "pki")
    assert found(people) == ["home/alice/.pki/nssdb"]


def test_an_old_database_is_left_to_its_program(people: ScratchPeople) -> None:
    write_as(people.alice, Path(people.alice.home, FIREFOX, "a1b2.default/cert8.db"), b"")
    assert found(people) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for other users")
@pytest.mark.parametrize("way", ["profiles.ini", "linked folder", "linked file"])
@pytest.mark.parametrize("victim", ["root", "bob"])
def test_anothers_database_is_never_taken_for_the_users(people: ScratchPeople, way: str, victim: str) -> None:
    target = people.root / "open" / "nssdb"
    write_as(people.bob, target / "cert9.db", b"")
    if victim == "root":
        os.chown(target / "cert9.db", 0, 0)
    if way == "profiles.ini":
        text = f"[Profile0]\nIsRelative=0\nPath={target}\n".encode()
        write_as(people.alice, Path(people.alice.home, FIREFOX, "profiles.ini"), text)
    else:
        folder = database(people, ".pki/nssdb")
        link = folder if way == "linked folder" else folder / "cert9.db"
        (folder / "cert9.db").unlink()
        if way == "linked folder":
            folder.rmdir()
        link.symlink_to(target if way == "linked folder" else target / "cert9.db")
        give(people.alice, link)
    assert found(people) == []
