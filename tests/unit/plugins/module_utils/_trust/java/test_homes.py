# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of which Java installations are found, and which of their keystores count."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust.java.homes import installations
from ansible_collections.anchorage.pki.tests.unit.scratch_people import ScratchPeople, give, write_as

CACERTS = "lib/security/cacerts"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for other users")


def found(people: ScratchPeople) -> list[tuple[str, int]]:
    """Each keystore with the number of the user as whom it is changed."""
    root = people.root
    return [
        (os.path.relpath(path, root), installation.owner.uid)
        for installation in installations(people.settings)
        for path in installation.keystores
    ]


def keystore(people: ScratchPeople, path: str) -> Path:
    file = people.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"")
    return file


@pytest.mark.parametrize(
    "home",
    [
        "usr/lib/jvm/jdk-21",
        "usr/lib64/jvm/java-21-openjdk-21",
        "usr/java/jdk-21",
        "usr/local/openjdk-21",
        "opt/jdk",
        "opt/java/openjdk",
        "opt/idea/jbr",
        "Library/Java/JavaVirtualMachines/jdk-21.jdk/Contents/Home",
        "opt/homebrew/opt/openjdk@21/libexec/openjdk.jdk/Contents/Home",
        "usr/local/opt/openjdk/libexec/openjdk.jdk/Contents/Home",
    ],
)
@pytest.mark.parametrize("name", [CACERTS, "lib/security/jssecacerts", "jre/lib/security/cacerts"])
def test_each_place_is_known(people: ScratchPeople, home: str, name: str) -> None:
    keystore(people, f"{home}/{name}")
    assert set(found(people)) == {(f"{home}/{name}", os.geteuid())}


@pytest.mark.parametrize(
    "home",
    [
        *(".sdkman/candidates/java/21-tem", ".jdks/jbr-21", ".asdf/installs/java/21", ".gradle/jdks/x"),
        "Library/Java/JavaVirtualMachines/jbr-21.jdk/Contents/Home",
    ],
)
def test_a_users_own_is_the_users(people: ScratchPeople, home: str) -> None:
    write_as(people.alice, Path(people.alice.home, home, CACERTS), b"")
    assert found(people) == [(f"home/alice/{home}/{CACERTS}", people.alice.uid)]


def test_what_the_environment_and_the_command_name_is_found(people: ScratchPeople) -> None:
    keystore(people, f"srv/told/{CACERTS}")
    keystore(people, f"srv/linked/{CACERTS}")
    keystore(people, "srv/linked/bin/java")
    (people.root / "etc").mkdir()
    (people.root / "etc/environment").write_text('LANG=C\nJAVA_HOME="/srv/told"\nPATH=/bin\n')
    (people.root / "usr/bin").mkdir(parents=True)
    (people.root / "usr/bin/java").symlink_to(people.root / "srv/linked/bin/java")
    assert [path for path, _uid in found(people)] == [f"srv/linked/{CACERTS}", f"srv/told/{CACERTS}"]


def linked(people: ScratchPeople, path: str, mark: str) -> None:
    """A JDK whose cacerts is a link to this keystore, on a host with this mark of its platform."""
    link = people.root / "usr/lib/jvm/jdk-21" / CACERTS
    link.parent.mkdir(parents=True)
    link.symlink_to(keystore(people, path))
    file = people.root / mark
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


DEBIAN, ALPINE = "etc/debian_version", "etc/alpine-release"
RHEL, SUSE, ARCH = "etc/redhat-release", "etc/zypp", "etc/arch-release"


@pytest.mark.parametrize(
    ("mark", "system"),
    [
        (DEBIAN, "etc/ssl/certs/java/cacerts"),
        (RHEL, "etc/pki/ca-trust/extracted/java/cacerts"),
        (SUSE, "var/lib/ca-certificates/java-cacerts"),
        (ARCH, "etc/ssl/certs/java/cacerts"),
    ],
)
def test_what_a_store_of_the_system_proves_does_not_count(people: ScratchPeople, mark: str, system: str) -> None:
    linked(people, system, mark)
    assert found(people) == []


@pytest.mark.parametrize(
    ("mark", "path"),
    [
        (DEBIAN, "etc/ssl/certs/adoptium/cacerts"),
        (ALPINE, "etc/ssl/certs/java/cacerts"),
        (RHEL, "etc/pki/java/cacerts"),
    ],
)
def test_what_no_store_of_the_system_looks_at_counts(people: ScratchPeople, mark: str, path: str) -> None:
    """Whatever folder it is in, and whatever makes it."""
    linked(people, path, mark)
    assert found(people) == [(path, os.geteuid())]


def test_where_the_system_links_to_what_it_makes_that_does_not_count(people: ScratchPeople) -> None:
    linked(people, "etc/ca-certificates/extracted/java-cacerts.jks", ARCH)
    (people.root / "etc/ssl/certs/java").mkdir(parents=True)
    target = people.root / "etc/ca-certificates/extracted/java-cacerts.jks"
    (people.root / "etc/ssl/certs/java/cacerts").symlink_to(target)
    assert found(people) == []


def test_several_ways_to_an_installation_are_one(people: ScratchPeople) -> None:
    keystore(people, f"usr/lib/jvm/jdk-21/{CACERTS}")
    (people.root / "usr/lib/jvm/default-java").symlink_to("jdk-21")
    (people.root / "usr/lib/jvm/jre").symlink_to("/nowhere")
    assert found(people) == [(f"usr/lib/jvm/jdk-21/{CACERTS}", os.geteuid())]


def test_a_folder_without_java_does_not_count(people: ScratchPeople) -> None:
    keystore(people, "opt/tool/lib/something")
    (people.root / "opt/file").write_text("")
    assert found(people) == []


@needs_root
def test_an_installation_with_a_strangers_number_is_worked_on_as_the_stranger(people: ScratchPeople) -> None:
    file = keystore(people, f"opt/jdk/{CACERTS}")
    for path in (file, *list(file.parents)[:3]):
        os.chown(path, 10143, 10)
    assert found(people) == [(f"opt/jdk/{CACERTS}", 10143)]


@needs_root
def test_a_link_that_a_user_plants_leads_nowhere(people: ScratchPeople) -> None:
    secret = keystore(people, "root/private.jks")
    for home in ("opt/jdk", "home/alice/.sdkman/candidates/java/x"):
        link = people.root / home / CACERTS
        link.parent.mkdir(parents=True)
        link.symlink_to(secret)
        give(people.alice, link, *list(link.parents)[:3])
    assert found(people) == []


@needs_root
def test_a_users_link_to_the_systems_or_to_anothers_takes_nothing_from_them(people: ScratchPeople) -> None:
    system = keystore(people, f"opt/jdk/{CACERTS}")
    bobs = write_as(people.bob, Path(people.bob.home, ".jdks/x", CACERTS), b"")
    Path(people.bob.home).chmod(0o755)
    jdks = Path(people.alice.home, ".jdks")
    jdks.mkdir()
    (jdks / "a").symlink_to(people.root / "opt/jdk")
    (jdks / "b").symlink_to(Path(people.bob.home, ".jdks/x"))
    give(people.alice, jdks, jdks / "a", jdks / "b")
    assert sorted(found(people)) == sorted(
        (os.path.relpath(path, people.root), uid) for path, uid in ((system, 0), (bobs, people.bob.uid))
    )
