# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""leaf_certificate with state absent, and what the ledger says of it, in a real run of ansible-playbook."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

LEAF = "anchorage.pki.leaf_certificate"
READ = "anchorage.pki.certificate_authority_info"
PLACE = {"authority": "{{ pki }}", "destination": "{{ folder }}/leaves"}
#: No unit of systemd may stay on this machine.
QUIET = {**PLACE, "withdrawal": "off"}
GONE = {**PLACE, "state": "absent"}
SECOND = "{{ folder }}/second"
BOTH = {"certificates": [{"name": "a", "names": ["a.test"]}, {"name": "b", "names": ["b.test"]}]}


def places(which: str) -> dict[str, Any]:
    return {READ: {"authority": "{{ pki }}", "places": which}}


#: One run, in which each task finds what those before it left.
TASKS: dict[str, dict[str, Any]] = {
    "authority": {"anchorage.pki.certificate_authority": {"authority": "{{ pki }}"}},
    "deployed": {LEAF: {**QUIET, **BOTH}},
    "places before": places("host"),
    "planned": {LEAF: {**GONE, **BOTH}, "check_mode": True},
    "places after check mode": places("all"),
    "one": {LEAF: {**GONE, "name": "b", "authority": "{{ folder }}/of/nobody"}},
    "places without the authority": places("all"),
    "the other way to say where": {LEAF: {**GONE, **BOTH, "destination": "{{ folder }}/other/../leaves/"}},
    "again": {LEAF: {**GONE, **BOTH}},
    "places at the end": places("all"),
    "no places": {READ: {"authority": "{{ pki }}"}},
    "second authority": {"anchorage.pki.certificate_authority": {"authority": SECOND}},
    "taken over": {LEAF: {**QUIET, **BOTH, "authority": SECOND}},
    "of the former, planned": {LEAF: {**GONE, **BOTH}, "check_mode": True},
    "of the former": {LEAF: {**GONE, **BOTH}},
    "places of the second": {READ: {"authority": SECOND, "places": "all"}},
    "of the second": {LEAF: {**GONE, **BOTH, "authority": SECOND}},
}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """An empty folder in the user's home: root keeps no key below /tmp, where everybody may write."""
    made = Path(tempfile.mkdtemp(prefix=".anchorage-test-", dir=pwd.getpwuid(os.geteuid()).pw_dir))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def results(start_playbook, folder: Path) -> dict[str, dict[str, Any]]:
    variables = {"folder": str(folder), "pki": str(folder / "authority")}
    tasks = {name: {**task, "vars": variables} for name, task in TASKS.items()}
    return start_playbook(folder, tasks)().results  # type: ignore[no-any-return]


def listed(result: dict[str, Any], folder: Path) -> list[str]:
    assert {place["host"] for place in result["places"]} <= {"localhost"}
    return [place["path"].removeprefix(f"{folder}/") for place in result["places"]]


def test_the_ledger_tells_where_leaves_are(results, folder: Path) -> None:
    assert listed(results["places before"], folder) == ["leaves/a", "leaves/b"]
    ends = [entry["not_after"] for entry in results["deployed"]["certificates"]]
    assert [place["not_after"] for place in results["places before"]["places"]] == ends
    assert "places" not in results["no places"]


def test_check_mode_says_what_would_go_and_removes_nothing(results, folder: Path) -> None:
    planned = results["planned"]
    assert (planned["changed"], [entry["action"] for entry in planned["certificates"]]) == (True, ["remove", "remove"])
    assert planned["diff"]["before"] == "a: deployed\nb: deployed\n"
    assert planned["diff"]["after"] == "a: nothing\nb: nothing\n"
    assert listed(results["places after check mode"], folder) == ["leaves/a", "leaves/b"]


def test_a_leaf_goes_without_an_authority_too(results, folder: Path) -> None:
    (one,) = results["one"]["certificates"]
    assert one == {
        "name": "b",
        "action": "remove",
        "reason": "it was there",
        "changed": True,
        "path": str(folder / "leaves/b"),
    }
    # Its own authority was not told.
    assert listed(results["places without the authority"], folder) == ["leaves/a", "leaves/b"]


def test_the_task_that_deployed_removes_once(results, folder: Path) -> None:
    removed, again = results["the other way to say where"], results["again"]
    assert [entry["action"] for entry in removed["certificates"]] == ["remove", "none"]
    assert (removed["changed"], again["changed"]) == (True, False)
    assert again["diff"]["before"] == again["diff"]["after"]
    assert results["places at the end"]["places"] == []
    assert results["no places"]["leaves"] == {"superseded": 2}


@pytest.mark.parametrize("task", ["of the former, planned", "of the former"])
def test_what_another_authority_has_put_there_is_left_alone(results, folder: Path, task: str) -> None:
    """A server has it, whatever the ledger of the one that was there before knows."""
    assert [entry["action"] for entry in results["taken over"]["certificates"]] == ["leaf", "leaf"]
    kept = results[task]
    assert kept["changed"] is False
    assert {entry["reason"] for entry in kept["certificates"]} == {
        "a leaf of another authority has taken its place, and stays"
    }
    assert f"{folder}/leaves/a has a leaf of another authority" in kept["warnings"][0]
    assert listed(results["places of the second"], folder) == ["leaves/a", "leaves/b"]
    assert [entry["action"] for entry in results["of the second"]["certificates"]] == ["remove", "remove"]
