# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the OpenSSL that package managers bring to macOS, in scratch folders, with the real ``openssl rehash``."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust.shortfall import shortfall
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import openssl_folders
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.platforms import installed_anchors
from ansible_collections.anchorage.pki.tests.unit.interruptions import kill_at
from ansible_collections.anchorage.pki.tests.unit.roots import pem_of
from ansible_collections.anchorage.pki.tests.unit.scratch_host import (
    ANCHOR,
    FORMER,
    OPPOSITE,
    REACHED,
    ROOT,
    apply,
    apply_all,
    apply_unseen,
    settle,
)
from ansible_collections.anchorage.pki.tests.unit.scratch_macos import ScratchInstallation, ScratchMac, scratch_mac
from ansible_collections.anchorage.pki.tests.unit.scratch_people import give

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for other users")


@pytest.fixture
def mac() -> Iterator[ScratchMac]:
    with scratch_mac() as mac:
        yield mac


@pytest.fixture(params=[ScratchMac.homebrew, ScratchMac.macports], ids=["homebrew", "macports"])
def installation(request: pytest.FixtureRequest, mac: ScratchMac) -> ScratchInstallation:
    made: ScratchInstallation = request.param(mac)
    return made


@pytest.fixture
def brewed(mac: ScratchMac) -> ScratchInstallation:
    return mac.homebrew()


def own_file(installation: ScratchInstallation) -> Path:
    return installation.certs / f"{ANCHOR.name}.pem"


def test_anchors_of_this_collection_are_known_by_their_names(mac: ScratchMac) -> None:
    assert installed_anchors(mac.settings) == ()
    folders = [made.certs for made in (mac.homebrew(), mac.homebrew("usr/local"), mac.macports())]
    name = "anchorage-corp-0123456789abcdef"
    ours = [mac.put(folder / f"{name}.pem", pem_of(ROOT)) for folder in folders]
    assert installed_anchors(mac.settings) == tuple(map(str, ours))


# --- the plain way


def test_it_comes_and_goes_with_one_refresh_each(mac: ScratchMac, installation: ScratchInstallation) -> None:
    before = mac.picture()
    assert not installation.trusts()
    outcome = settle("install", mac)
    assert (outcome.name, installation.trusts()) == ("/" + str(installation.certs.relative_to(mac.root)), True)
    assert any(sentence.startswith("openssl verify -CApath") for sentence in outcome.evidence)
    assert installation.refreshes() == ["rehash"]
    settle("remove", mac)
    assert (installation.trusts(), installation.refreshes()) == (False, ["rehash"] * 2)
    assert mac.picture() == before


def test_each_installation_has_its_turn(mac: ScratchMac) -> None:
    made = [
        mac.homebrew(),
        mac.homebrew(package="openssl@4"),
        mac.homebrew(prefix="usr/local"),
        mac.macports(),
    ]
    outcomes = apply_all("install", mac)
    assert [(outcome.state, outcome.changed) for outcome in outcomes] == [("trusted", True)] * 4
    assert [each.trusts() for each in made] == [True] * 4
    assert len({outcome.name for outcome in outcomes}) == 4
    assert outcomes[1].readers == "programs that use the openssl@4 of Homebrew"
    assert {outcome.state for outcome in apply_all("remove", mac)} == {"absent"}


def test_the_folder_is_made_where_an_installation_came_without(mac: ScratchMac, brewed: ScratchInstallation) -> None:
    shutil.rmtree(brewed.certs)
    preview = apply("install", mac, check_mode=True)
    assert preview.evidence == (f"{own_file(brewed)} would hold it", f"{brewed.certs} would hold it")
    settle("install", mac)
    assert brewed.trusts()


def test_a_renewed_root_takes_the_place_of_the_former_one(mac: ScratchMac, installation: ScratchInstallation) -> None:
    apply("install", mac, FORMER)
    outcome = apply("install", mac, superseded=[FORMER])
    assert (outcome.state, len(outcome.purged)) == ("trusted", 1)
    assert (installation.trusts(FORMER), installation.trusts()) == (False, True)


def test_it_outlives_an_update_that_makes_the_bundle_anew(mac: ScratchMac, brewed: ScratchInstallation) -> None:
    settle("install", mac)
    mac.upgrade(brewed)
    assert brewed.trusts()
    outcome = apply("install", mac)
    assert (outcome.state, outcome.changed) == ("trusted", False)


def test_what_an_administrator_put_there_by_any_name_counts_and_goes(
    mac: ScratchMac, brewed: ScratchInstallation
) -> None:
    copy = mac.put(brewed.certs / "Corporate root.CRT", pem_of(ROOT))
    give(mac.alice, copy)
    assert apply("inspect", mac).state == "stale"  # without a hash link, nobody reads it
    subprocess.run([brewed.program, "rehash"], check=True)
    assert apply("install", mac).changed is False
    settle("remove", mac)
    assert not copy.exists()


def test_what_an_uninstalled_one_left_is_passed_by(mac: ScratchMac, brewed: ScratchInstallation) -> None:
    brewed.real.unlink()
    assert openssl_folders.find(mac.settings) == []


# --- refreshes that fail


@pytest.mark.parametrize("refresh", ["exit 1", "exit 0"], ids=["fails", "does nothing"])
def test_a_refresh_without_effect_is_rolled_back(
    mac: ScratchMac, installation: ScratchInstallation, refresh: str
) -> None:
    installation.refresh_by(refresh)
    before = mac.picture()
    outcome = apply("install", mac)
    assert (outcome.state, outcome.changed) == ("failed", False)
    assert mac.picture() == before


def test_what_was_in_the_place_of_the_anchor_is_put_back(mac: ScratchMac, brewed: ScratchInstallation) -> None:
    give(mac.alice, mac.put(own_file(brewed), b"\xff damaged"))
    brewed.refresh_by("exit 0")
    assert apply("install", mac).state == "failed"
    assert own_file(brewed).read_bytes() == b"\xff damaged"


def test_a_reader_that_fails_without_a_word_confirms_nothing(mac: ScratchMac, brewed: ScratchInstallation) -> None:
    settle("install", mac)
    brewed.set_program("#!/bin/sh\nexit 1\n")
    outcome = apply("inspect", mac)
    assert (outcome.state, outcome.evidence[-1]) == (
        "stale",
        f"openssl verify -CApath {brewed.certs} refuses it: exit status 1",
    )


@pytest.mark.parametrize("operation", ["install", "remove"])
def test_a_run_that_is_killed_at_any_step_is_healed_by_the_next(
    mac: ScratchMac, installation: ScratchInstallation, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    calls = [(os, "rename"), (os, "unlink"), (subprocess, "Popen")]
    apply(OPPOSITE[operation], mac)
    steps = 0
    with mac.snapshot() as restore:
        apply(operation, mac)
        expected = mac.picture()
        restore()
        while kill_at(steps + 1, monkeypatch, calls, lambda: apply_unseen(operation, mac)):
            outcome = apply(operation, mac)
            assert outcome.state == REACHED[operation], outcome.evidence
            assert mac.picture() == expected
            restore()
            steps += 1
    assert steps >= 3, "hardly any step was seen"


@pytest.mark.parametrize("operation", ["install", "remove"])
def test_a_run_that_was_killed_amid_the_refresh_is_healed(
    mac: ScratchMac, installation: ScratchInstallation, operation: str
) -> None:
    apply(OPPOSITE[operation], mac)
    sound = installation.script()
    installation.refresh_by(f"find {installation.certs} -type l -delete; kill -9 $PPID")
    child = os.fork()
    if child == 0:
        os.setsid()
        apply_unseen(operation, mac)
        os._exit(0)
    os.waitpid(child, 0)
    installation.set_program(sound)
    assert not list(installation.certs.glob("*.0")), "the refresh was not cut off"
    assert apply("inspect", mac).state == "stale"
    settle(operation, mac)
    assert installation.trusts() == (operation == "install")
    assert len(list(installation.certs.glob("*.0"))) == (2 if operation == "install" else 1)


# --- whose it is


@needs_root
def test_everything_stays_its_owners(mac: ScratchMac, brewed: ScratchInstallation) -> None:
    for operation in ("install", "remove"):
        settle(operation, mac)
        paths = [brewed.prefix, *brewed.prefix.rglob("*")]
        assert {path.lstat().st_uid for path in paths} == {mac.alice.uid}
    assert not (mac.root / "var/lib").exists()


@needs_root
def test_the_owners_program_never_runs_as_root(mac: ScratchMac, brewed: ScratchInstallation) -> None:
    log = mac.put(brewed.prefix / "var/users", "")
    give(mac.alice, log)
    brewed.set_program(brewed.script().replace("#!/bin/sh\n", f"#!/bin/sh\nid -u >> {log}\n"))
    for operation in ("install", "inspect", "remove"):
        assert apply(operation, mac).state == REACHED.get(operation, "trusted")
    assert set(log.read_text().split()) == {str(mac.alice.uid)}


@needs_root
def test_a_link_that_the_owner_planted_harms_nobody_else(mac: ScratchMac, brewed: ScratchInstallation) -> None:
    secret = mac.put("etc/secret", "root's", 0o600)
    own_file(brewed).symlink_to(secret)
    give(mac.alice, own_file(brewed))
    settle("install", mac)
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == ("root's", 0o600)
    assert not own_file(brewed).is_symlink()
    others = mac.root / "etc/others"
    shutil.rmtree(brewed.certs)
    others.mkdir()
    brewed.certs.symlink_to(others)
    outcome = apply("install", mac)
    assert (outcome.state, outcome.changed) == ("failed", False)
    assert list(others.iterdir()) == []


@needs_root
def test_root_runs_no_program_that_others_could_replace(mac: ScratchMac) -> None:
    installation = mac.macports()
    log = mac.root / "ran"
    installation.set_program(f"#!/bin/sh\ntouch {log}\n")
    give(mac.alice, installation.real.parent)
    outcome = apply("install", mac)
    assert (outcome.state, outcome.changed) == ("unavailable", False)
    reason = f"Users other than root may write to {installation.real.parent}, and so replace what root would run there"
    assert reason in shortfall("install", [outcome])
    assert not log.exists()
    assert apply("remove", mac).state == "absent"


@needs_root
def test_what_an_owner_does_not_let_be_read_is_left_to_the_owner(mac: ScratchMac, brewed: ScratchInstallation) -> None:
    brewed.certs.chmod(0)
    outcome = apply("install", mac)
    assert (outcome.state, outcome.changed) == ("needs_user", False)
    assert shortfall("install", [outcome]) == ""
