# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of a look at trust stores: beside those that every other test of trust makes, by ``looks.compare``."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.anchorage.pki.plugins.module_utils._trust.java import homes
from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import KIND_NAMES, KINDS, Finder
from ansible_collections.anchorage.pki.plugins.module_utils._trust.look import look
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Request
from ansible_collections.anchorage.pki.plugins.module_utils._trust.nss import profiles
from ansible_collections.anchorage.pki.plugins.module_utils._trust.policies import chromium, firefox
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import INSPECT, INSTALL, OPERATIONS, Finding
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import macos, openssl_folders
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import encode
from ansible_collections.anchorage.pki.plugins.modules import anchor_deployment
from ansible_collections.anchorage.pki.tests.unit.look_programs import compiled_lines, run_look
from ansible_collections.anchorage.pki.tests.unit.looks import LookWritesError, without_changes
from ansible_collections.anchorage.pki.tests.unit.scratch_debian import PROGRAM, ScratchDebian
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ANCHOR, OTHER, ScratchHost, settle
from ansible_collections.anchorage.pki.tests.unit.scratch_stores import STORES, StoreHost
from ansible_collections.anchorage.pki.tests.unit.stub_stores import StubStore, kind_of

#: Their tests stand in for the machine's own accounts, which they can do in their own process alone.
WITH_PEOPLE = ("java", "nss")
#: Its libraries are the double's, which a test's own process alone is told.
DOUBLED = ("macos",)
PLAIN = ["_trust.java", "_trust.nss", "_trust.policies", "_trust.applications", "_trust.jks"]
CHANGES = ["_trust.system.changes", "_trust.system.preflight", "_trust.writing", "_host.safe_changes", "_host.lock"]
#: Modules of the library that each take a host as long as a hundred lines of ours.
COSTLY = [
    "dataclasses",
    "typing",
    "ssl",
    "subprocess",
    "tempfile",
    "hashlib",
    "logging",
    "pathlib",
    "glob",
    "traceback",
]


@pytest.fixture(params=[name for name in STORES if name not in (*WITH_PEOPLE, *DOUBLED)])
def subject(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreHost]:
    with STORES[request.param](tmp_path / "host", monkeypatch) as subject:
        yield subject


@pytest.fixture
def debian(tmp_path: Path) -> ScratchDebian:
    if not os.path.exists(PROGRAM):
        pytest.skip("needs Debian's package ca-certificates")
    return ScratchDebian(tmp_path / "host")


def request(operation: str, **fields: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = encode(Request(operation, ANCHOR, **fields))
    return arguments


def module_answer(arguments: dict[str, Any], host: ScratchHost, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What the module says in check mode, without what Ansible adds."""
    capsys.readouterr()
    with patch_module_args({**arguments, "_ansible_check_mode": True}), pytest.raises(SystemExit):
        anchor_deployment.main(host.settings)
    said = dict(json.loads(capsys.readouterr().out))
    return {key: value for key, value in said.items() if key != "invocation"}


def look_apart(arguments: dict[str, Any], host: ScratchHost) -> tuple[Any, list[str]]:
    return run_look("_trust.look", arguments, settings=dataclasses.asdict(host.settings))


# --- apart


def test_in_an_interpreter_of_its_own_it_says_what_the_module_says(
    subject: StoreHost, capsys: pytest.CaptureFixture[str]
) -> None:
    host = subject.host
    for installed in (False, True):
        if installed:
            settle("install", host)
        for operation in OPERATIONS:
            arguments = request(operation, stores=tuple(host.kinds), truststores=host.settings.truststores)
            said = module_answer(arguments, host, capsys)
            answer, modules = look_apart(arguments, host)
            assert answer == (None if said["changed"] else said)
            assert not [name for name in modules if name == "ansible" or name.startswith("ansible.")]


def test_what_a_plain_host_has_no_use_for_is_not_loaded(debian: ScratchDebian) -> None:
    settle("install", debian)
    answer, modules = look_apart(request(INSTALL), debian)
    assert [store["state"] for store in answer["stores"]] == ["trusted"]
    ours = [name.partition("module_utils.")[2] for name in modules if "module_utils." in name]
    assert [name for name in ours if name.startswith((*PLAIN, *CHANGES))] == []
    assert sorted({*COSTLY} & {*modules}) == []
    assert compiled_lines(modules) <= 1490


def test_what_a_host_has_is_loaded(debian: ScratchDebian) -> None:
    debian.put("etc/firefox/policies/policies.json", "{}")
    debian.put("usr/lib/firefox/application.ini", "")
    answer, modules = look_apart(request(INSPECT), debian)
    assert [store["kind"] for store in answer["stores"]] == ["system", "policies"]
    assert any(name.endswith("_trust.policies.firefox") for name in modules)
    assert not any(name.endswith("_trust.nss.databases") for name in modules)


# --- what it does not do


def test_it_changes_nothing(debian: ScratchDebian) -> None:
    settle("install", debian)
    paths = sorted([debian.root, *debian.root.rglob("*")])
    before = [(path, path.lstat().st_mtime_ns, path.lstat().st_ctime_ns) for path in paths]
    for operation in OPERATIONS:
        look_apart(request(operation, stores=KIND_NAMES), debian)
    after = [(path, path.lstat().st_mtime_ns, path.lstat().st_ctime_ns) for path in sorted(paths)]
    assert after == before
    assert sorted([debian.root, *debian.root.rglob("*")]) == paths


@pytest.mark.parametrize(
    "change",
    [lambda path: (path / "a").write_text(""), lambda path: (path / "a").mkdir(), lambda path: path.chmod(0o700)],
)
def test_the_guard_of_these_tests_notices_a_change(tmp_path: Path, change: Callable[[Path], object]) -> None:
    with without_changes(str(tmp_path)), pytest.raises(LookWritesError):
        change(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_tried_in_a_store_that_is_to_be_changed(tmp_path: Path) -> None:
    host = ScratchHost(tmp_path)
    trusting, lacking = (StubStore(state, inspect=Finding(state, (state,))) for state in ("trusted", "absent"))
    arguments = request(INSTALL, stores=("nss",))
    assert look(arguments, host.settings, [kind_of(trusting, lacking)]) is None
    answer = look(arguments, host.settings, [kind_of(trusting)])
    assert answer is not None
    assert (answer["changed"], answer["stores"][0]["state"]) == (False, "trusted")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_store_that_fails_is_for_the_module_which_waits_for_other_runs(tmp_path: Path, operation: str) -> None:
    host = ScratchHost(tmp_path)
    failing = StubStore("failing", inspect=FileNotFoundError(2, "gone for a moment", "bundle"))
    assert look(request(operation, stores=("nss",)), host.settings, [kind_of(failing)]) is None


def test_a_password_is_found_however_it_is_written(tmp_path: Path) -> None:
    password = "se\\cret'\"pw"
    host = ScratchHost(tmp_path)
    store = StubStore(inspect=Finding("trusted", (f"/opt/{password}/cacerts holds it",)))
    arguments = {**request(INSTALL, stores=("nss",)), "java_keystore_password": password}
    assert look(arguments, host.settings, [kind_of(store)]) is None


def test_a_former_anchor_that_is_left_is_for_the_module(tmp_path: Path) -> None:
    store = StubStore(inspect=Finding("trusted", ("trusted",)))
    arguments = request(INSTALL, stores=("nss",), superseded=(OTHER,))
    assert look(arguments, ScratchHost(tmp_path).settings, [kind_of(store)]) is None


def test_what_ansible_would_mask_is_for_the_module(tmp_path: Path) -> None:
    store = StubStore(inspect=Finding("trusted", ("opened with our own words",)))
    host, kinds = ScratchHost(tmp_path), [kind_of(store)]
    assert look(request(INSPECT, stores=("nss",), java_keystore_password="our own words"), host.settings, kinds) is None
    assert look(request(INSPECT, stores=("nss",), java_keystore_password="others"), host.settings, kinds)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({}, "The request is malformed: operation is missing."),
        (request(INSPECT, stores=("nss",)), "This host has no trust store that is known here. Looked for: nothing."),
    ],
)
def test_a_failure_is_told_as_the_modules(tmp_path: Path, arguments: dict[str, Any], reason: str) -> None:
    answer = look(arguments, ScratchHost(tmp_path).settings, [kind_of()])
    assert answer is not None
    assert (answer["failed"], answer["changed"], answer["msg"]) == (True, False, reason)


# --- marks


def finders(kind: str) -> tuple[Finder, ...]:
    (found,) = (each.finders for each in KINDS if each.name == kind)
    return found


def covered(path: str, marks: Any) -> bool:
    """Whether one of the marks is on a host that has the path, which may be a pattern."""
    return any(f"{path}/".startswith(mark[:-1] if mark.endswith("*") else f"{mark}/") for mark in marks)


@pytest.mark.parametrize(
    ("finder", "paths"),
    [
        (finders("system")[1], [homes.DEBIAN_KEYSTORE]),
        (finders("system")[2], [macos.FRAMEWORK]),
        (finders("system")[3], [f"{manager.prefix}/{manager.folders}" for manager in openssl_folders.MANAGERS]),
        (finders("java")[0], [*homes.SYSTEM_HOMES, *homes.COMMANDS]),
        (
            finders("policies")[0],
            [
                *(*firefox.INSTALLATIONS, firefox.SHARED, *firefox.SNAPS, *firefox.FLATPAKS),
                *(firefox.SYSTEM_FOLDER, firefox.FLATPAK),
            ],
        ),
        (
            finders("policies")[1],
            [path for each in chromium.BROWSERS for path in (*each.marks, each.folder)],
        ),
    ],
    ids=["debian-java", "macos", "openssl", "java", "firefox", "chromium"],
)
def test_the_marks_of_a_finder_cover_all_that_it_looks_at(finder: Finder, paths: list[str]) -> None:
    assert [path for path in paths if not covered(path, finder.marks)] == []


def test_so_do_those_in_homes() -> None:
    assert [path for path in homes.USER_HOMES if not covered(path, finders("java")[0].homes)] == []
    places = [*profiles.FIREFOX, *profiles.CHROMIUM]
    assert [path for path in places if not covered(path, finders("nss")[0].homes)] == []


def test_java_is_looked_for_where_the_environment_names_a_home(tmp_path: Path) -> None:
    host = ScratchHost(tmp_path)
    ((path, word),) = finders("java")[0].words
    host.put("srv/jdk/lib/security/cacerts", b"damaged")
    arguments = request(INSPECT, stores=("java",))
    unseen = look(arguments, host.settings)
    assert unseen is not None
    assert "no trust store that is known" in unseen["msg"]
    host.put(path, b"PATH=/bin\n" + word + b"/srv/jdk\n")
    assert look(arguments, host.settings) is None  # it is found, and the module says what is wrong with it
