# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of NSS databases: real ones, of people who are not root, changed and confirmed by the real certutil."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host import as_user
from ansible_collections.anchorage.pki.plugins.module_utils._host.accounts import Account
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import KINDS, Finder
from ansible_collections.anchorage.pki.plugins.module_utils._trust.nss import database as nss_database
from ansible_collections.anchorage.pki.plugins.module_utils._trust.nss import databases
from ansible_collections.anchorage.pki.plugins.module_utils._trust.shortfall import shortfall
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor
from ansible_collections.anchorage.pki.tests.unit.interruptions import kill_at
from ansible_collections.anchorage.pki.tests.unit.scratch_databases import ScratchDatabase
from ansible_collections.anchorage.pki.tests.unit.scratch_host import (
    ANCHOR,
    OTHER,
    RENEWED,
    apply,
    apply_all,
    apply_unseen,
    settle,
    settle_all,
)
from ansible_collections.anchorage.pki.tests.unit.scratch_people import ScratchPeople, write_as

pytestmark = pytest.mark.skipif(shutil.which("certutil") is None, reason="needs certutil (libnss3-tools)")


@pytest.fixture(autouse=True)
def databases_alone(people: ScratchPeople) -> None:
    people.kinds = ("nss",)


@pytest.fixture
def database(people: ScratchPeople) -> ScratchDatabase:
    return ScratchDatabase(people.alice)


# --- the plain way


def test_an_anchor_comes_and_goes(people: ScratchPeople, database: ScratchDatabase) -> None:
    database.add("other", OTHER, "CT,C,")
    outcome = settle("install", people)
    assert outcome.name == str(database.path)
    assert outcome.before.state == "absent"
    assert outcome.evidence == (f"{database.path} holds it as {ANCHOR.name}, trusted as C,,",)
    assert database.lists() == {"other": "CT,C,", ANCHOR.name: "C,,"}
    settle("remove", people)
    assert database.lists() == {"other": "CT,C,"}


def test_every_database_of_everybody_has_its_turn(people: ScratchPeople) -> None:
    made = [
        ScratchDatabase(people.alice),
        ScratchDatabase(people.alice, ".config/mozilla/firefox/a1b2.default"),
        ScratchDatabase(people.bob),
    ]
    outcomes = apply_all("install", people, ANCHOR)
    assert {outcome.name for outcome in outcomes} == {str(database.path) for database in made}
    assert {outcome.state for outcome in outcomes} == {"trusted"}
    assert [database.lists() for database in made] == [{ANCHOR.name: "C,,"}] * 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can work for other users")
def test_every_file_stays_the_users_own(people: ScratchPeople, database: ScratchDatabase) -> None:
    settle("install", people)
    assert {path.stat().st_uid for path in database.path.iterdir()} == {people.alice.uid}
    assert {path.stat().st_mode & 0o077 for path in database.path.iterdir()} == {0}


def test_a_database_without_the_anchor_has_nothing_to_remove(people: ScratchPeople, database: ScratchDatabase) -> None:
    before = (database.path / "cert9.db").read_bytes()
    assert (apply("remove", people).state, apply("remove", people).changed) == ("absent", False)
    assert (database.path / "cert9.db").read_bytes() == before


# --- nicknames


@pytest.mark.parametrize("nickname", ["corporate root", "a:b", "Café", "-n"])
def test_an_anchor_under_any_nickname_counts_and_is_removed(
    people: ScratchPeople, database: ScratchDatabase, nickname: str
) -> None:
    database.add(f"NSS Certificate DB:{nickname}", ANCHOR)
    outcome = apply("install", people)
    assert (outcome.state, outcome.changed) == ("trusted", False)
    settle("remove", people)
    assert database.lists() == {}


def test_a_nickname_that_another_has_is_not_taken_from_it(people: ScratchPeople, database: ScratchDatabase) -> None:
    database.add(ANCHOR.name, OTHER)
    settle("install", people)
    assert database.lists() == {ANCHOR.name: "C,,", f"{ANCHOR.name}-2": "C,,"}
    settle("remove", people)
    assert database.lists() == {ANCHOR.name: "C,,"}
    assert apply("inspect", people, OTHER).state == "trusted"


@pytest.mark.parametrize("doomed", [ANCHOR, RENEWED], ids=["the older", "the newer"])
def test_of_two_that_share_a_nickname_the_right_one_goes(
    people: ScratchPeople, database: ScratchDatabase, doomed: Anchor
) -> None:
    """certutil takes a second certificate of the same subject under the same nickname, and deletes whichever."""
    stays = RENEWED if doomed is ANCHOR else ANCHOR
    database.add("corporate root", ANCHOR, "CT,,")
    database.add("corporate root", RENEWED, "CT,,")
    settle("remove", people, doomed)
    assert apply("inspect", people, stays).state == "trusted"
    assert database.lists() == {"corporate root": "CT,,"}


def test_a_renewed_root_stands_beside_the_old_one_until_that_is_purged(
    people: ScratchPeople, database: ScratchDatabase
) -> None:
    settle("install", people, ANCHOR)
    settle("install", people, RENEWED)
    assert database.lists() == {ANCHOR.name: "C,,", RENEWED.name: "C,,"}
    outcome = apply("install", people, RENEWED, superseded=[ANCHOR])
    assert (outcome.state, outcome.changed) == ("trusted", True)
    assert database.lists() == {RENEWED.name: "C,,"}


def test_without_a_nickname_the_certificate_is_left_to_its_browser(
    people: ScratchPeople, database: ScratchDatabase
) -> None:
    database.add("x", ANCHOR)
    database.change("UPDATE nssPublic SET a3 = NULL")
    outcome = apply("remove", people)
    assert outcome.state == "failed"
    assert "without a nickname, so that only its browser can remove it" in outcome.evidence[0]


# --- what a former run, a user or another tool left


@pytest.mark.parametrize("flags", [",,", ",C,", "p,,", "P,,"])
def test_an_anchor_that_is_there_and_not_trusted_is_repaired(
    people: ScratchPeople, database: ScratchDatabase, flags: str
) -> None:
    database.add("half", ANCHOR, flags)
    assert apply("inspect", people).state == "stale"
    settle("install", people)
    assert database.lists() == {"half": "C,,"}


def test_what_a_user_trusts_it_for_besides_is_left(people: ScratchPeople, database: ScratchDatabase) -> None:
    database.add("mine", ANCHOR, "CT,C,C")
    assert not apply("install", people).changed
    assert database.lists() == {"mine": "CT,C,C"}


@pytest.mark.parametrize("operation", ["install", "remove"])
def test_a_run_that_is_killed_at_any_step_is_healed_by_the_next(
    people: ScratchPeople, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    steps = 0
    while True:
        database = ScratchDatabase(people.alice, f"snap/app{steps}/current/.pki/nssdb")
        database.add("corporate root", RENEWED)
        if operation == "remove":
            database.add("corporate root", ANCHOR)
        where = [(nss_database, "run"), (as_user, "_become")]
        killed = kill_at(steps + 1, monkeypatch, where, lambda: apply_unseen(operation, people))
        state = {"install": "trusted", "remove": "absent"}[operation]
        assert apply(operation, people).state == state
        if operation == "install" or not killed:
            assert "C,," in database.lists()["corporate root"]
        shutil.rmtree(database.path)
        if not killed:
            break
        steps += 1
    assert steps >= 4


@pytest.mark.parametrize("file", ["cert9.db", "key4.db"])
def test_what_a_killed_writer_left_is_cleaned_up(people: ScratchPeople, database: ScratchDatabase, file: str) -> None:
    """certutil -L cannot read a database whose last writer was killed in the middle of it."""
    settle("install", people)
    writer = os.fork()
    if writer == 0:
        connection = sqlite3.connect(database.path / file, isolation_level=None)
        connection.execute("PRAGMA cache_size = 1")  # so that what is written goes to the file at once
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE spilled (x)")
        connection.executemany("INSERT INTO spilled VALUES (?)", [(bytes(5000),)] * 50)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(writer, 0)
    journal = database.path / f"{file}-journal"
    os.chown(journal, people.alice.uid, -1)
    with pytest.raises(AssertionError, match="SEC_ERROR_BAD_DATABASE"):
        database.lists()
    outcome = apply("install", people)
    assert (outcome.state, outcome.changed) == ("trusted", False)
    assert database.lists() == {ANCHOR.name: "C,,"}


# --- passwords


def test_a_database_with_a_password_is_left_to_its_user(people: ScratchPeople) -> None:
    database = ScratchDatabase(people.alice, password="alice's own")
    for check_mode in (True, False):
        outcome = apply("install", people, check_mode=check_mode)
        assert (outcome.state, outcome.changed) == ("needs_user", False)
        assert "As alice, give the root certificate in PEM to: certutil -A -d sql:" in outcome.evidence[0]
    assert database.lists() == {}, "nothing is half installed"
    assert shortfall("install", [outcome]) == ""


def test_what_another_tool_half_installed_behind_a_password_is_reported_and_can_be_removed(
    people: ScratchPeople,
) -> None:
    database = ScratchDatabase(people.alice, password="alice's own")
    guess = str(write_as(people.alice, Path(people.alice.home, "guess"), b"\n"))
    with pytest.raises(AssertionError, match="SEC_ERROR_BAD_PASSWORD"):
        database.certutil("-A", "-n", "mkcert", "-t", "C,,", "-a", "-f", guess, stdin=ANCHOR.pem.encode())
    assert database.lists() == {"mkcert": ",,"}
    outcome = apply("install", people)
    assert (outcome.state, outcome.changed) == ("needs_user", False)
    assert f"{database.path} holds it as mkcert, trusted for nothing" in outcome.evidence
    settle("remove", people)
    assert database.lists() == {}


def test_what_the_user_installed_with_the_password_is_trusted(people: ScratchPeople) -> None:
    database = ScratchDatabase(people.alice, password="alice's own")
    password = str(Path(people.alice.home, "password"))
    database.certutil("-A", "-n", "mine", "-t", "C,,", "-a", "-f", password, stdin=ANCHOR.pem.encode())
    outcome = apply("install", people)
    assert (outcome.state, outcome.changed) == ("trusted", False)
    settle("remove", people)


# --- on a Mac


def person_of_a_mac(people: ScratchPeople, name: str, uid: int, home: str, owner: int) -> Account:
    """An account as a Mac lists it, the home of which need not be its own."""
    folder = people.root / home.lstrip("/")
    folder.mkdir(parents=True, exist_ok=True)
    os.chown(folder, owner, -1)
    people.entries.append(pwd.struct_passwd((name, "********", uid, 20, "", home, "/bin/zsh")))
    return Account(name, uid, 20, str(folder))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for other users")
def test_people_of_a_mac_have_their_turn_and_its_services_none(people: ScratchPeople) -> None:
    people.entries.clear()
    carol = person_of_a_mac(people, "carol", 501, "/Users/carol", 501)
    root = person_of_a_mac(people, "root", 0, "/var/root", 0)
    for name, uid, home in (
        ("_www", 70, "/Library/WebServer"),
        ("nobody", 2**32 - 2, "/var/empty"),
        ("daemon", 1, "/"),
    ):
        person_of_a_mac(people, name, uid, home, 0)
        (people.root / home.lstrip("/") / "Library").mkdir(exist_ok=True)
    made = [
        ScratchDatabase(person, f"Library/Application Support/Firefox/Profiles/{person.name}.default-release")
        for person in (carol, root)
    ]
    outcomes = settle_all("install", people)
    assert {(outcome.name, outcome.readers) for outcome in outcomes} == {
        (str(database.path), f"Firefox of {database.owner.name}") for database in made
    }
    assert [database.lists() for database in made] == [{ANCHOR.name: "C,,"}] * 2
    settle_all("remove", people)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for other users")
def test_nobody_runs_the_certutil_of_another_user(people: ScratchPeople, database: ScratchDatabase) -> None:
    """That of Homebrew, which belongs to whoever installed it."""
    log = people.put("log", "", 0o666)
    script = f'#!/bin/sh\nid -u >> {log}\nexec {shutil.which("certutil")} "$@"\n'
    program = people.put("opt/homebrew/bin/certutil", script, 0o755)
    os.chown(program, people.bob.uid, -1)
    outcome = apply("install", people, search_path="/nowhere")
    assert (outcome.state, log.read_text()) == ("unavailable", "")
    reason = f"{program} belongs to another user, who could replace what alice would run there."
    assert outcome.evidence[0] == reason
    os.chown(program, people.alice.uid, -1)
    assert apply("install", people, search_path="/nowhere").state == "trusted"
    assert set(log.read_text().split()) == {str(people.alice.uid)}


# --- what cannot be done


def test_without_certutil_the_package_is_named(
    people: ScratchPeople, database: ScratchDatabase, tmp_path: Path
) -> None:
    for command, package in databases.PACKAGES.items():
        program = tmp_path / command
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        outcome = apply("install", people, search_path=str(tmp_path))
        assert outcome.state == "unavailable"
        assert outcome.evidence[0] == f"The command certutil is missing: install the package {package}."
        program.unlink()
    assert apply("remove", people, search_path=str(tmp_path)).state == "absent"


def test_without_certutil_a_trace_is_not_taken_for_trust(people: ScratchPeople, database: ScratchDatabase) -> None:
    settle("install", people)
    assert apply("inspect", people, search_path="/nowhere").state == "unavailable"
    outcome = apply("remove", people, search_path="/nowhere")
    assert outcome.state == "unavailable"
    assert shortfall("remove", [outcome])


#: A certutil that trusts what it adds for nothing, whatever it is asked to.
UNTRUSTING = f"""#!/bin/sh
for argument in "$@"; do
    shift
    [ "$argument" = C,, ] && argument=,,
    set -- "$@" "$argument"
done
exec {shutil.which("certutil")} "$@"
"""

VIEW = """
    DROP TABLE IF EXISTS {0};
    CREATE VIEW {0} AS WITH RECURSIVE endless(x) AS (SELECT 1 UNION ALL SELECT x FROM endless)
    SELECT x AS id, x AS a0, x AS a3, x AS a11 FROM endless WHERE x = 2;
"""


def spoil(database: ScratchDatabase, how: str) -> None:
    file = database.path / ("key4.db" if how == "metaData" else "cert9.db")
    if how in ("nssPublic", "metaData"):
        connection = sqlite3.connect(file)
        connection.executescript(VIEW.format(how))
        connection.close()
    else:
        file.write_bytes({"empty": b"", "garbage": b"no database" * 100}[how])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can work for other users")
@pytest.mark.parametrize("operation", ["inspect", "install", "remove"])
@pytest.mark.parametrize("how", ["empty", "garbage", "nssPublic", "metaData"])
def test_what_a_user_has_spoiled_is_left_to_that_user_and_others_have_their_turn(
    people: ScratchPeople, database: ScratchDatabase, how: str, operation: str
) -> None:
    healthy = ScratchDatabase(people.bob)
    spoil(database, how)
    spoiled, other = apply_all(operation, people, ANCHOR)
    assert (spoiled.name, spoiled.state, spoiled.changed) == (str(database.path), "needs_user", False)
    assert str(database.path) in spoiled.evidence[0]
    assert spoiled.before.private
    assert (other.name, other.state) == (str(healthy.path), {"install": "trusted"}.get(operation, "absent"))
    assert shortfall(operation, [spoiled, other]) == ""


def test_roots_own_damaged_database_fails(people: ScratchPeople, database: ScratchDatabase) -> None:
    (store,) = databases.find(people.settings)
    own = replace(store, account=Account("root", os.geteuid(), os.getegid(), "/"))
    spoil(database, "garbage")
    with pytest.raises(HostError, match=f"{database.path}/cert9.db cannot be read: file is not a database."):
        own.inspect(ANCHOR)


def test_a_database_that_a_browser_is_writing_to_works_later(people: ScratchPeople, database: ScratchDatabase) -> None:
    browser = sqlite3.connect(database.path / "cert9.db", isolation_level=None)
    browser.execute("BEGIN EXCLUSIVE")
    outcome = apply("install", people, database_timeout=0.1)
    assert (outcome.state, outcome.changed) == ("needs_user" if os.geteuid() == 0 else "failed", False)
    assert "database is locked" in outcome.evidence[0]
    browser.execute("ROLLBACK")
    browser.close()
    settle("install", people)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can work for other users")
def test_a_home_that_gives_no_answer_fails_alone(people: ScratchPeople, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file server that is gone: to nobody, and whatever is asked of it."""
    healthy = ScratchDatabase(people.bob)
    for name in ("stat", "lstat", "scandir", "open"):
        monkeypatch.setattr(os, name, hanging_in(people.alice.home, getattr(os, name)))
    silent, other = apply_all("install", people, ANCHOR, survey_timeout=0.3, search_timeout=0.3)
    assert (silent.name, silent.state) == (people.alice.home, "failed")
    assert silent.evidence[0].startswith("Work in the files of alice did not complete in time")
    assert (other.name, other.state) == (str(healthy.path), "trusted")


def hanging_in(folder: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which hangs in the folder: in every process but the test's own, which looks there before a run."""
    own = os.getpid()

    def call(path: Any, *arguments: Any, **options: Any) -> Any:
        if os.getpid() != own and isinstance(path, (str, Path)) and str(path).startswith(folder):
            time.sleep(60)
        return function(path, *arguments, **options)

    return call


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can work for other users")
def test_a_module_that_a_user_plants_runs_as_that_user_alone(people: ScratchPeople, database: ScratchDatabase) -> None:
    """pkcs11.txt names libraries to load: what root would load is the user's."""
    evidence = people.root / "home/alice/loaded"
    script = people.root / "home/alice/certutil"
    script.write_text(f'#!/bin/sh\nid -u > {evidence}\nexec /usr/bin/certutil "$@"\n')
    script.chmod(0o755)
    settle("install", people)
    assert not evidence.exists(), "no program of the user's is run at all"


def test_the_change_is_rolled_back_where_the_proof_fails(
    people: ScratchPeople, database: ScratchDatabase, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    program = people.put("bin/certutil", UNTRUSTING, mode=0o755)
    for path, flags in (({}, {}), ({"half": "p,C,"}, {"half": "p,C,"})):
        for nickname, trust in path.items():
            database.add(nickname, ANCHOR, trust)
        outcome = apply("install", people, search_path=str(program.parent))
        assert (outcome.state, outcome.changed) == ("failed", False)
        assert outcome.evidence[0].endswith("The change was rolled back.")
        assert database.lists() == flags


def test_pem_of_an_anchor_is_what_certutil_exports(people: ScratchPeople, database: ScratchDatabase) -> None:
    settle("install", people)
    exported = database.certutil("-L", "-n", ANCHOR.name, "-a").replace("\r\n", "\n")
    assert exported.strip() == ANCHOR.pem.strip()


# --- beside policies


def test_a_firefox_that_starts_amid_a_removal_brings_nothing_back(
    people: ScratchPeople,
) -> None:
    profile = ScratchDatabase(people.alice, ".mozilla/firefox/a1b2.default")
    (people.root / "usr/lib/firefox").mkdir(parents=True)
    (people.root / "usr/lib/firefox/application.ini").touch()
    policies = people.root / "etc/firefox/policies/policies.json"
    install = apply_all("install", people, kinds=["nss", "policies"])
    assert [outcome.state for outcome in install] == ["trusted", "trusted"]

    class StartingBrowser:
        """A store upon whose removal Firefox starts."""

        def __init__(self, store: Any) -> None:
            self._store = store

        def __getattr__(self, name: str) -> Any:
            return getattr(self._store, name)

        def remove(self, anchors: Sequence[Anchor]) -> None:
            self._store.remove(anchors)
            if policies.exists():
                for file in json.loads(policies.read_text())["policies"]["Certificates"]["Install"]:
                    pem = (people.root / file.lstrip("/")).read_text()
                    profile.certutil("-A", "-n", "by policy", "-t", "CT,CT,", "-a", stdin=pem.encode())

    def starting(finder: Finder) -> Finder:
        return Finder(lambda settings: [StartingBrowser(store) for store in finder.find(settings)], finder.sought)

    people.table = [replace(kind, finders=tuple(map(starting, kind.finders))) for kind in KINDS]
    apply_all("remove", people, kinds=["nss", "policies"])
    assert profile.lists() == {}
