# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of Java's keystores: real ones, changed and confirmed by the real keytool."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust.java import keystore as java_keystore
from ansible_collections.anchorage.pki.plugins.module_utils._trust.shortfall import shortfall
from ansible_collections.anchorage.pki.tests.unit.interruptions import kill_at
from ansible_collections.anchorage.pki.tests.unit.keystores import (
    KINDS,
    aliases_in,
    give_quick_keytool,
    import_into,
    make_keystore,
)
from ansible_collections.anchorage.pki.tests.unit.roots import make_root
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ANCHOR, OTHER, anchor_of, apply, apply_all, settle
from ansible_collections.anchorage.pki.tests.unit.scratch_people import ScratchPeople, give

pytestmark = pytest.mark.skipif(shutil.which("keytool") is None, reason="needs a JDK")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for other users")

CACERTS = "opt/jdk/lib/security/cacerts"
KEYTOOL = shutil.which("keytool") or ""


@pytest.fixture(autouse=True)
def java_alone(people: ScratchPeople) -> None:
    people.kinds = ("java",)
    give_quick_keytool(people)


@pytest.fixture(params=KINDS)
def cacerts(people: ScratchPeople, request: pytest.FixtureRequest) -> Path:
    """The cacerts of a JDK, of each kind."""
    return make_keystore(people.root / CACERTS, request.param, other=OTHER.pem)


@pytest.fixture
def plain_cacerts(people: ScratchPeople) -> Path:
    return make_keystore(people.root / CACERTS, "plain PKCS12", other=OTHER.pem)


# --- the plain way


def test_an_anchor_comes_and_goes(people: ScratchPeople, cacerts: Path) -> None:
    cacerts.chmod(0o444)
    outcome = settle("install", people)
    assert outcome.name == str(cacerts)
    assert outcome.evidence == (f"{cacerts} trusts it as {ANCHOR.name}",)
    assert aliases_in(cacerts) == [ANCHOR.name, "other"]
    assert cacerts.stat().st_mode & 0o777 == 0o444
    settle("remove", people)
    assert aliases_in(cacerts) == ["other"]
    assert [path.name for path in cacerts.parent.iterdir()] == ["cacerts"]


def test_a_keystore_without_a_password_gets_none(people: ScratchPeople, plain_cacerts: Path) -> None:
    settle("install", people)
    assert aliases_in(plain_cacerts, password="whatever") == [ANCHOR.name, "other"]


def test_an_unchanged_keystore_costs_no_command(people: ScratchPeople) -> None:
    for folder, kind in (("old", "JKS"), ("new", "plain PKCS12")):
        make_keystore(people.root / "opt" / folder / "lib/security/cacerts", kind, other=OTHER.pem)
    log = people.root / "log"
    programs = people.put("bin/keytool", f"#!/bin/sh\necho called >> {log}\n", mode=0o755).parent
    for operation, anchor, state in (("install", OTHER, "trusted"), ("remove", ANCHOR, "absent")):
        outcomes = apply_all(operation, people, anchor, search_path=str(programs))
        assert [outcome.state for outcome in outcomes] == [state] * 2
    assert not log.exists()


@needs_root
def test_a_users_jdk_stays_the_users_own(people: ScratchPeople) -> None:
    path = Path(people.alice.home, ".sdkman/candidates/java/21/lib/security/cacerts")
    make_keystore(path, "JKS", other=OTHER.pem)
    path.chmod(0o640)
    give(people.alice, path, *list(path.parents)[:7])
    settle("install", people)
    assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (people.alice.uid, 0o640)
    assert aliases_in(path) == [ANCHOR.name, "other"]


# --- aliases


def test_an_anchor_under_other_aliases_counts_and_goes_from_all_of_them(
    people: ScratchPeople, plain_cacerts: Path
) -> None:
    import_into(plain_cacerts, "corporate root", ANCHOR.pem)
    import_into(plain_cacerts, "again", ANCHOR.pem)
    outcome = apply("install", people)
    assert (outcome.state, outcome.changed) == ("trusted", False)
    settle("remove", people)
    assert aliases_in(plain_cacerts) == ["other"]


def test_another_certificate_under_our_alias_is_replaced(people: ScratchPeople, plain_cacerts: Path) -> None:
    import_into(plain_cacerts, ANCHOR.name, anchor_of(make_root("Impostor")).pem)
    assert apply("inspect", people).state == "absent"
    settle("install", people)
    assert aliases_in(plain_cacerts) == [ANCHOR.name, "other"]


# --- what a killed run left


@pytest.mark.parametrize("operation", ["install", "remove"])
def test_a_run_that_is_killed_at_any_step_leaves_the_former_keystore(
    people: ScratchPeople, plain_cacerts: Path, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    if operation == "remove":
        settle("install", people)
    former = plain_cacerts.read_bytes()
    where = [(java_keystore, name) for name in ("create_file", "run", "_finish")] + [(os, "rename")]
    steps = 0
    while kill_at(steps + 1, monkeypatch, where, lambda: apply(operation, people)):
        assert plain_cacerts.read_bytes() == former
        steps += 1
    assert steps == 4
    assert not apply(operation, people).changed
    assert [path.name for path in plain_cacerts.parent.iterdir()] == ["cacerts"]


def test_what_a_killed_run_left_is_cleared_by_the_next(
    people: ScratchPeople, plain_cacerts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kill_at(1, monkeypatch, [(os, "rename")], lambda: apply("install", people))
    assert (plain_cacerts.parent / ".cacerts.new").exists()
    settle("install", people)
    assert [path.name for path in plain_cacerts.parent.iterdir()] == ["cacerts"]


# --- what cannot be done


@pytest.mark.parametrize("kind", ["JKS", "encrypted PKCS12"])
def test_a_password_of_its_own_is_left_to_those_who_know_it(people: ScratchPeople, kind: str) -> None:
    path = make_keystore(people.root / CACERTS, kind, password="of our own", other=OTHER.pem)
    before = path.read_bytes()
    for check_mode in (True, False):
        outcome = apply("install", people, check_mode=check_mode)
        assert (outcome.state, outcome.changed) == ("needs_user", False)
        assert outcome.evidence[0].startswith(f"{path} has a password of its own. Whoever knows it can add")
        assert outcome.evidence[0].endswith("(or give the task java_keystore_password)")
    assert path.read_bytes() == before
    assert shortfall("install", [outcome]) == ""


@pytest.mark.parametrize("kind", ["JKS", "encrypted PKCS12"])
def test_a_password_of_its_own_can_be_given(people: ScratchPeople, kind: str) -> None:
    path = make_keystore(people.root / CACERTS, kind, password="of our own", other=OTHER.pem)
    settle("install", people, java_password="of our own")
    assert aliases_in(path, password="of our own") == [ANCHOR.name, "other"]
    assert apply("remove", people, check_mode=True, java_password="of our own").changed
    settle("remove", people, java_password="of our own")
    assert aliases_in(path, password="of our own") == ["other"]


def test_a_wrong_password_is_reported(people: ScratchPeople) -> None:
    path = make_keystore(people.root / CACERTS, "JKS", password="of our own", other=OTHER.pem)
    before = path.read_bytes()
    outcome = apply("install", people, java_password="another")
    assert (outcome.state, outcome.changed) == ("needs_user", False)
    assert outcome.evidence[0].endswith("(java_keystore_password is wrong)")
    assert path.read_bytes() == before


@needs_root
def test_a_users_keytool_does_not_learn_the_password(people: ScratchPeople) -> None:
    jdk = Path(people.alice.home, ".sdkman/candidates/java/21")
    path = make_keystore(jdk / "lib/security/cacerts", "encrypted PKCS12", password="of our own", other=OTHER.pem)
    spy, log = jdk / "bin/keytool", Path(people.alice.home, "log")
    spy.parent.mkdir()
    spy.write_text(f'#!/bin/sh\nenv >> {log}\nexec {KEYTOOL} "$@"\n')
    spy.chmod(0o755)
    give(people.alice, path, spy, spy.parent, *list(path.parents)[:7])
    outcome = apply("install", people, java_password="of our own")
    assert outcome.state == "needs_user"
    assert "java_keystore_password" not in outcome.evidence[0]
    assert "=changeit" in log.read_text()
    assert "of our own" not in log.read_text()


@needs_root
@pytest.mark.parametrize("content", ["of her own", "empty", "garbage"])
@pytest.mark.parametrize("operation", ["inspect", "install", "remove"])
def test_what_root_cannot_read_of_a_users_is_left_to_that_user(
    people: ScratchPeople, content: str, operation: str
) -> None:
    path = Path(people.alice.home, ".jdks/x/lib/security/cacerts")
    if content == "of her own":
        make_keystore(path, "encrypted PKCS12", password="of her own", other=OTHER.pem)
    else:
        path.parent.mkdir(parents=True)
        path.write_bytes({"empty": b"", "garbage": b"garbage"}[content])
    give(people.alice, path, *list(path.parents)[:5])
    outcome = apply(operation, people)
    assert (outcome.state, outcome.changed, outcome.before.private) == ("needs_user", False, True)
    assert str(path) in outcome.evidence[0]
    if content == "of her own":
        assert f"or remove it, by keytool -delete -keystore {path}" in outcome.evidence[0]


def test_a_removal_that_lacks_the_password_fails(people: ScratchPeople) -> None:
    make_keystore(people.root / CACERTS, "JKS", password="of our own", lab=ANCHOR.pem)
    outcome = apply("remove", people)
    assert (outcome.state, outcome.changed) == ("needs_user", False)
    assert "has a password of its own" in shortfall("remove", [outcome])


def test_without_keytool_the_store_is_unavailable(people: ScratchPeople, plain_cacerts: Path) -> None:
    outcome = apply("install", people, search_path="/nowhere")
    assert outcome.state == "unavailable"
    assert outcome.evidence[0] == (
        f"No keytool was found to change {plain_cacerts} with: install a JDK, or a Java runtime that has one."
    )
    assert apply("remove", people, search_path="/nowhere").state == "absent"


def test_a_jdks_own_keytool_is_preferred_and_anothers_helps_out(people: ScratchPeople, plain_cacerts: Path) -> None:
    make_keystore(people.root / "opt/runtime/lib/security/cacerts", "plain PKCS12", other=OTHER.pem)
    own = people.root / "opt/jdk/bin/keytool"
    own.parent.mkdir()
    log = people.root / "log"
    own.write_text(f'#!/bin/sh\necho called >> {log}\nexec {KEYTOOL} "$@"\n')
    own.chmod(0o755)
    outcomes = apply_all("install", people, ANCHOR)
    assert [outcome.state for outcome in outcomes] == ["trusted"] * 2
    assert log.read_text().count("called") == 2


@needs_root
def test_root_runs_no_keytool_that_others_could_replace(
    people: ScratchPeople, plain_cacerts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keytool = people.root / "opt/jdk/bin/keytool"
    keytool.parent.mkdir()
    keytool.write_text("#!/bin/sh\ntouch /tmp/anchorage-was-here\n")
    keytool.chmod(0o755)
    give(people.alice, keytool)
    settle("install", people)
    assert not os.path.exists("/tmp/anchorage-was-here")


@needs_root
def test_root_changes_nothing_where_others_may_write(people: ScratchPeople, plain_cacerts: Path) -> None:
    plain_cacerts.parent.chmod(0o777)
    before = plain_cacerts.read_bytes()
    for check_mode in (True, False):
        outcome = apply("install", people, check_mode=check_mode)
        assert outcome.state == "failed"
        assert outcome.evidence[0].startswith(f"Users other than root may write to {plain_cacerts.parent}")
    assert plain_cacerts.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xfe\xed\xfe\xed\0\0\0\2"], ids=["empty", "garbage", "cut off"])
def test_a_damaged_keystore_fails_and_stays_as_it_is(people: ScratchPeople, content: bytes) -> None:
    path = people.root / CACERTS
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    outcome = apply("install", people)
    assert (outcome.state, outcome.changed) == ("failed", False)
    assert f"keytool failed for {path}" in outcome.evidence[0]
    assert path.read_bytes() == content
    assert [entry.name for entry in path.parent.iterdir()] == ["cacerts"]


@pytest.mark.parametrize("script", ["exit 0", "exit 1", 'shift; while [ "$1" != -keystore ]; do shift; done; : > "$2"'])
def test_a_keytool_that_does_not_do_it_is_detected_and_rolled_back(
    people: ScratchPeople, plain_cacerts: Path, script: str
) -> None:
    keytool = people.root / "opt/jdk/bin/keytool"
    keytool.parent.mkdir()
    keytool.write_text(f"#!/bin/sh\n{script}\n")
    keytool.chmod(0o755)
    before = plain_cacerts.read_bytes()
    outcome = apply("install", people)
    assert (outcome.state, outcome.changed) == ("failed", False)
    assert outcome.evidence[0].endswith("The change was rolled back.")
    assert plain_cacerts.read_bytes() == before


def test_no_password_is_on_a_command_line(people: ScratchPeople) -> None:
    log = people.root / "log"
    people.put("opt/jdk/bin/keytool", f'#!/bin/sh\necho "$@" >> {log}\nexec {KEYTOOL} "$@"\n', mode=0o755)
    make_keystore(people.root / CACERTS, "JKS", password="of our own", other=OTHER.pem)
    settle("install", people, java_password="of our own")
    assert "-storepass:env" in log.read_text()
    assert "changeit" not in log.read_text()
    assert "of our own" not in log.read_text()
