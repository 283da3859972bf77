# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of the contract about the tool that reads and writes the right to change the administrator's trust settings.

No case of it runs on a real Mac: each one changes what the machine allows, or needs one that may be changed.
"""

from __future__ import annotations

import plistlib
from typing import Any

from ansible_collections.anchorage.pki.tests.macos_double.bindings import Bindings
from ansible_collections.anchorage.pki.tests.macos_double.contract import State, case
from ansible_collections.anchorage.pki.tests.macos_double.double import DoubledMac
from ansible_collections.anchorage.pki.tests.macos_double.proof_contract import CASES

RIGHT = "com.apple.trust-settings.admin"
NOTES = ("created", "modified")
FIRST = len(CASES)


def changeable(state: State) -> DoubledMac:
    """A Mac of a version that lets root change the right."""
    state.arranged.host(version="13.7.4")
    return state.arranged


def shown(double: DoubledMac) -> tuple[bytes, dict[str, Any]]:
    """What the tool shows of the right, and what that means."""
    answer = double.authorizationdb("read", RIGHT)
    assert (answer.returncode, answer.stderr) == (0, b"YES (0)\n")
    values = plistlib.loads(answer.stdout)
    return answer.stdout, {name: value for name, value in values.items() if name not in NOTES}


@case("right-on-output")
def right_on_output(_mac: Bindings, state: State) -> None:
    assert shown(changeable(state))[1]["class"] == "rule"


@case("right-as-rule")
def right_as_rule(_mac: Bindings, state: State) -> None:
    double = changeable(state)
    answer = double.authorizationdb("write", RIGHT, "allow")
    assert (answer.returncode, answer.stderr) == (0, b"YES (0)\n")
    assert shown(double)[1] == {"class": "rule", "rule": ["allow"]}


@case("right-from-input")
def right_from_input(_mac: Bindings, state: State) -> None:
    double = changeable(state)
    content, former = shown(double)
    double.authorizationdb("write", RIGHT, "allow")
    assert double.authorizationdb("write", RIGHT, content=content).returncode == 0
    assert shown(double)[1] == former


@case("right-notes-changes")
def right_notes_changes(_mac: Bindings, state: State) -> None:
    double = changeable(state)
    content, _former = shown(double)
    double.authorizationdb("write", RIGHT, content=content)
    assert shown(double)[0] != content


@case("right-is-fixed")
def right_is_fixed(_mac: Bindings, state: State) -> None:
    double = state.arranged
    for version, fixed in (("14.7.5", False), ("15.1.0", True), ("26.0.0", True)):
        double.host(version=version)
        _content, former = shown(double)
        said = double.authorizationdb("write", RIGHT, "deny").stderr
        assert said == (b"NO (-60005)\n" if fixed else b"YES (0)\n")
        assert (shown(double)[1] == former) is fixed


@case("right-refused-status")
def right_refused_status(_mac: Bindings, state: State) -> None:
    assert state.arranged.authorizationdb("write", RIGHT, "allow").returncode == 1


RIGHTS = CASES[FIRST:]
