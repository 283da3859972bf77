# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of several anchors in one request, while the root of an authority gives way to another."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust.look import look
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Answer, Request, StoreOutcome
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.shortfall import shortfall
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import encode
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.results import trust_result
from ansible_collections.anchorage.pki.tests.unit.look_programs import compiled_lines, run_look
from ansible_collections.anchorage.pki.tests.unit.roots import make_root
from ansible_collections.anchorage.pki.tests.unit.scratch_debian import PROGRAM, ScratchDebian
from ansible_collections.anchorage.pki.tests.unit.scratch_host import (
    ANCHOR,
    FORMER,
    OTHER,
    anchor_of,
    apply_all,
    settle,
)

pytestmark = pytest.mark.skipif(
    not os.path.exists(PROGRAM) or shutil.which("openssl") is None,
    reason="needs Debian's packages ca-certificates and openssl",
)


@pytest.fixture
def host(tmp_path: Path) -> ScratchDebian:
    return ScratchDebian(tmp_path / "host")


def both(operation: str, host: ScratchDebian, **options: Any) -> list[StoreOutcome]:
    return apply_all(operation, host, ANCHOR, further=[OTHER], **options)


def told(outcomes: list[StoreOutcome]) -> list[tuple[str, str, bool]]:
    return [(outcome.anchor, outcome.state, outcome.changed) for outcome in outcomes]


def test_both_become_trusted_and_stay_so(host: ScratchDebian) -> None:
    settle("install", host)
    assert told(both("install", host, check_mode=True)) == [("", "trusted", False), (OTHER.name, "trusted", True)]
    assert told(both("install", host)) == [("", "trusted", False), (OTHER.name, "trusted", True)]
    before, spent = host.picture(), host.spent()
    # As a look before has to say, too.
    assert told(both("install", host)) == [("", "trusted", False), (OTHER.name, "trusted", False)]
    assert told(both("inspect", host)) == [("", "trusted", False), (OTHER.name, "trusted", False)]
    assert (host.picture(), host.spent()) == (before, spent)


def note_calls(host: ScratchDebian, folder: Path, command: str = 'exec "$openssl" "$@"') -> Settings:
    """The host's settings with an openssl that notes what it is asked, and then runs this ``command``."""
    folder.mkdir()
    openssl = folder / "openssl"
    openssl.write_text(f'#!/bin/sh\nopenssl={shutil.which("openssl")}\necho "$*" >> {folder}/calls\n{command}\n')
    openssl.chmod(0o755)
    return replace(host.settings, search_path=str(folder))


def looked_at(settings: Settings, *anchors: Anchor) -> list[Any]:
    """What a look says of the anchors, without their names."""
    answer = look(encode(Request("inspect", anchors[0], ("system",), further=anchors[1:])), settings)
    assert answer is not None
    return [{**store, "anchor": ""} for store in answer["stores"]]


def options_of(calls: Path) -> list[tuple[str, int]]:
    """By which option openssl was asked each time, and about how many files, sorted, as two work at a time."""
    called = [line.split() for line in calls.read_text().splitlines()]
    return sorted((words[3], len(words) - 5) for words in called)


def test_a_look_asks_openssl_of_both_at_once(host: ScratchDebian, tmp_path: Path) -> None:
    both("install", host)
    alone = [*looked_at(host.settings, ANCHOR), *looked_at(host.settings, OTHER)]
    settings = note_calls(host, tmp_path / "noted")
    assert looked_at(settings, ANCHOR, OTHER) == alone
    assert [store["state"] for store in alone] == ["trusted", "trusted"]
    assert options_of(tmp_path / "noted/calls") == [("-CAfile", 2), ("-CApath", 2)]


@pytest.mark.parametrize("trusted", [ANCHOR, OTHER], ids=["the first", "the second"])
def test_each_is_told_what_openssl_says_of_itself(host: ScratchDebian, tmp_path: Path, trusted: Anchor) -> None:
    settle("install", host, trusted)
    alone = [*looked_at(host.settings, ANCHOR), *looked_at(host.settings, OTHER)]
    settings = note_calls(host, tmp_path / "noted")
    assert looked_at(settings, ANCHOR, OTHER) == alone
    assert [store["state"] == "trusted" for store in alone] == [trusted is ANCHOR, trusted is OTHER]
    refusals = [sum("refuses it: self" in sentence for sentence in store["evidence"]) for store in alone]
    assert refusals == [2 * (trusted is OTHER), 2 * (trusted is ANCHOR)]
    # The one that it refuses is asked about alone again, for the reason.
    assert options_of(tmp_path / "noted/calls") == [("-CAfile", 0), ("-CAfile", 2), ("-CApath", 0), ("-CApath", 2)]


def test_more_than_two_are_asked_about_at_once_and_former_ones_apart(host: ScratchDebian, tmp_path: Path) -> None:
    third = anchor_of(make_root("A third root"))
    for anchor in (ANCHOR, OTHER, third):
        settle("install", host, anchor)
    settings = note_calls(host, tmp_path / "noted")
    assert [store["state"] for store in looked_at(settings, ANCHOR, OTHER, third)] == ["trusted"] * 3
    assert options_of(tmp_path / "noted/calls") == [("-CAfile", 3), ("-CApath", 3)]
    request = Request("install", ANCHOR, ("system",), superseded=(FORMER,), further=(OTHER,))
    assert look(encode(request), settings) is not None


#: As OpenSSL before 1.1.0 and LibreSSL have it, which put up with what signed itself.
TOLERATED = r"%s: CN = Lab root\nerror 18 at 0 depth lookup:self signed certificate\nOK\n%s: OK\n"


@pytest.mark.parametrize(
    ("command", "calls"),
    [
        ('exec "$openssl" $(echo "$@" | sed "s:/dev/fd/:/dev/null/:g")', 6),
        ('[ $# = 5 ] || exit 1; exec "$openssl" "$@"', 6),
        (f'[ $# = 5 ] || {{ printf "{TOLERATED}" "$6" "$7"; exit 2; }}; exec "$openssl" "$@"', 4),
    ],
    ids=["names that lead nowhere", "nothing said", "said of one"],
)
def test_what_is_not_said_of_one_is_asked_again(host: ScratchDebian, tmp_path: Path, command: str, calls: int) -> None:
    both("install", host)
    alone = [*looked_at(host.settings, ANCHOR), *looked_at(host.settings, OTHER)]
    settings = note_calls(host, tmp_path / "noted", command)
    assert looked_at(settings, ANCHOR, OTHER) == alone
    assert len(options_of(tmp_path / "noted/calls")) == calls


def test_without_openssl_both_are_told_so(host: ScratchDebian, tmp_path: Path) -> None:
    both("install", host)
    for store in looked_at(replace(host.settings, search_path=str(tmp_path)), ANCHOR, OTHER):
        assert store["state"] == "trusted"
        assert sum("there is no openssl command" in sentence for sentence in store["evidence"]) == 2


def test_a_bundle_that_openssl_cannot_read_is_told_of_each(host: ScratchDebian) -> None:
    both("install", host)
    host.bundle.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" + host.bundle.read_text())
    for store in looked_at(host.settings, ANCHOR, OTHER):
        assert store["state"] == "stale"
        assert sum("refuses it: Error loading file" in sentence for sentence in store["evidence"]) == 1


def test_one_that_cannot_be_trusted_does_not_keep_the_other_one_from_it(host: ScratchDebian) -> None:
    settle("install", host)
    host.set_program("#!/bin/sh\nexit 3\n")
    outcomes = both("install", host)
    assert told(outcomes) == [("", "trusted", False), (OTHER.name, "failed", False)]
    assert shortfall("install", outcomes).startswith(f"debian: {OTHER.name}: ")


def test_a_store_that_lacks_a_program_fails_the_anchor_that_no_other_one_trusts(host: ScratchDebian) -> None:
    (trusted,) = apply_all("install", host)
    absent = replace(trusted, anchor=OTHER.name, state="unavailable", evidence=("a program is missing",))
    assert shortfall("install", [trusted, replace(absent, anchor="")]) == ""
    assert shortfall("install", [trusted, absent]) == f"debian: {OTHER.name}: a program is missing"


def test_the_former_one_goes_and_those_beside_the_anchor_stay(host: ScratchDebian) -> None:
    settle("install", host, FORMER)
    outcomes = both("install", host, superseded=[FORMER])
    assert told(outcomes) == [("", "trusted", True), (OTHER.name, "trusted", True)]
    assert [[purged.name for purged in outcome.purged] for outcome in outcomes] == [[FORMER.name], []]
    assert not any(outcome.changed for outcome in both("install", host, superseded=[FORMER]))


def test_the_former_one_stays_where_only_those_beside_the_anchor_are_trusted(host: ScratchDebian) -> None:
    settle("install", host, FORMER)
    settle("install", host, OTHER)
    host.set_program("#!/bin/sh\nexit 3\n")
    outcomes = both("install", host, superseded=[FORMER])
    assert [(outcome.state, outcome.purged) for outcome in outcomes] == [("failed", ()), ("trusted", ())]
    assert [each.state for each in apply_all("inspect", host, FORMER)] == ["trusted"]


def test_a_user_sees_what_became_of_each(host: ScratchDebian) -> None:
    outcomes = both("install", host)
    result = trust_result(encode(Answer(tuple(outcomes))), further=[OTHER.name])
    assert [(store["name"], store["state"]) for store in result["stores"]] == [("debian", "trusted")]
    (further,) = result["further_anchors"]
    assert [(store["name"], store["state"]) for store in further["stores"]] == [("debian", "trusted")]
    assert "debian: absent\n" in result["diff"]["before"]
    assert f"debian, {OTHER.name}: absent\n" in result["diff"]["before"]
    assert f"debian, {OTHER.name}: trusted\n" in result["diff"]["after"]


def test_names_are_checked_for_each(host: ScratchDebian) -> None:
    request = Request("inspect", ANCHOR, ("system",), further=(Anchor("../../x", OTHER.pem),))
    answer = look(encode(request), host.settings)
    assert answer is not None
    assert answer["msg"].startswith("name: only lower-case letters")


def test_a_look_at_both_compiles_no_more_than_one_at_one(host: ScratchDebian) -> None:
    both("install", host)
    settings = {"root": str(host.root)}
    lines = []
    for further in ((), (OTHER,)):
        request = Request("install", ANCHOR, ("system",), further=further)
        answer, modules = run_look("_trust.look", encode(request), settings=settings)
        assert [store["state"] for store in answer["stores"]] == ["trusted"] * (1 + len(further))
        lines.append(compiled_lines(modules))
    assert lines[0] == lines[1]
