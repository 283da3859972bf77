# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the right that is allowed for a write: where that is of use, and what is left of it afterwards."""

from __future__ import annotations

import plistlib
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust.look import look
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Request
from ansible_collections.anchorage.pki.plugins.module_utils._trust.shortfall import shortfall
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import (
    macos,
    macos_changes,
    macos_right_changes,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.macos_right import RIGHT, is_heeded, journal
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import encode
from ansible_collections.anchorage.pki.tests.macos_double.double import ALWAYS
from ansible_collections.anchorage.pki.tests.unit.interruptions import kill_at
from ansible_collections.anchorage.pki.tests.unit.macs import needs_double
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ANCHOR, apply, settle
from ansible_collections.anchorage.pki.tests.unit.scratch_trust_settings import ScratchTrustSettings

HEEDED = ("11.7.10", "12.7.6", "13.7.4", "14.0.0", "14.7.4")
NOT_HEEDED = ("13.7.5", "13.7.8", "14.7.5", "14.8.0", "15.1.0", "26.0.0")
OPTION = {"allow_authorization_change": True}

pytestmark = needs_double


@pytest.fixture
def host(tmp_path: Path) -> ScratchTrustSettings:
    return ScratchTrustSettings(tmp_path / "host", "13.7.4")


def right(host: ScratchTrustSettings) -> dict[str, Any]:
    """What decides who may change trust settings."""
    values = plistlib.loads(host.double.authorizationdb("read", RIGHT).stdout)
    return {key: value for key, value in values.items() if key not in ("created", "modified")}


def changes(host: ScratchTrustSettings) -> list[str]:
    """How the right was changed so far."""
    calls = [call.split() for call in host.double.calls]
    return [about for function, about in calls if function == "authorizationdb" and about != "read"]


def is_as_it_was(host: ScratchTrustSettings, former: dict[str, Any]) -> bool:
    return right(host) == former and not Path(journal(host.settings)).exists()


@pytest.mark.parametrize("version", HEEDED)
def test_it_is_allowed_for_the_write_and_put_back(tmp_path: Path, version: str) -> None:
    host = ScratchTrustSettings(tmp_path / "host", version)
    former, before = right(host), host.content()
    planned = apply("install", host, check_mode=True, **OPTION)
    assert (planned.state, planned.changed, host.content()) == ("trusted", True, before)
    assert f"the right {RIGHT} would be allowed to everybody for the write, and put back" in planned.evidence
    assert changes(host) == []
    outcome = apply("install", host, **OPTION)
    assert (outcome.state, outcome.changed) == ("trusted", True)
    assert outcome.evidence[-1] == f"the right {RIGHT} was allowed to everybody for the write, and put back"
    assert ("admin", ANCHOR.der, " ".join(ALWAYS)) in host.double.entries
    assert changes(host) == ["allow", "put-back"]
    assert is_as_it_was(host, former)
    assert apply("install", host, **OPTION).changed is False
    assert apply("remove", host, **OPTION).state == "absent"
    assert changes(host) == ["allow", "put-back"] * 2
    assert (is_as_it_was(host, former), host.content()) == (True, before)


@pytest.mark.parametrize("version", NOT_HEEDED)
def test_it_is_left_alone_where_macos_does_not_heed_it(tmp_path: Path, version: str) -> None:
    host = ScratchTrustSettings(tmp_path / "host", version)
    before = host.content()
    for check_mode in (True, False):
        outcome = apply("install", host, check_mode=check_mode, **OPTION)
        assert (outcome.state, outcome.changed, host.content()) == ("unavailable", False, before)
        assert "allow_authorization_change has no effect there" in shortfall("install", [outcome])
    assert changes(host) == []


def test_what_may_be_any_version_is_none_that_heeds_it() -> None:
    """A Python that was built for an older macOS sees 10.16 in place of all later versions."""
    assert not is_heeded((10, 16))


@pytest.mark.parametrize(
    ("version", "of_host"),
    [("10.15.7", {}), ("13.7.4", {"sip": "off"}), ("13.7.4", {"gui": "on"})],
)
def test_it_is_left_alone_where_a_write_needs_none(tmp_path: Path, version: str, of_host: dict[str, str]) -> None:
    host = ScratchTrustSettings(tmp_path / "host", version, **of_host)
    assert apply("install", host, **OPTION).state == "trusted"
    assert changes(host) == []


def test_it_is_only_changed_where_the_task_says_so(host: ScratchTrustSettings) -> None:
    assert apply("install", host).state == "unavailable"
    assert changes(host) == []


def test_a_users_own_settings_are_no_matter_of_it(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", "13.7.4", root="off")
    assert apply("install", host, **OPTION).state == "unavailable"
    assert changes(host) == []


def test_what_somebody_else_allowed_stays_so(host: ScratchTrustSettings) -> None:
    host.double.authorizationdb("write", RIGHT, "allow")
    former = right(host)
    assert apply("install", host, **OPTION).state == "trusted"
    assert (changes(host), is_as_it_was(host, former)) == (["allow"], True)


# --- what goes wrong


def test_it_is_put_back_after_a_write_that_fails(host: ScratchTrustSettings) -> None:
    former, before = right(host), host.content()
    host.double.order("SecTrustSettingsSetTrustSettings", "admin", -25293, 1)
    outcome = apply("install", host, **OPTION)
    assert (outcome.state, outcome.changed, host.content()) == ("failed", False, before)
    assert (changes(host), is_as_it_was(host, former)) == (["allow", "put-back"], True)


def test_a_write_that_proves_nothing_is_taken_back_by_the_same_right(host: ScratchTrustSettings) -> None:
    former, before = right(host), host.content()
    host.double.order("SecTrustEvaluateWithError", "-", -67843, 3)
    outcome = apply("install", host, **OPTION)
    assert (outcome.state, outcome.changed, host.content()) == ("failed", False, before)
    assert (changes(host), is_as_it_was(host, former)) == (["allow", "put-back"] * 2, True)


def test_a_tool_that_refuses_ends_the_attempt(host: ScratchTrustSettings) -> None:
    former, before = right(host), host.content()
    host.double.order("authorizationdb", "allow", -60005, 1)
    outcome = apply("install", host, **OPTION)
    assert (outcome.state, outcome.changed, host.content()) == ("failed", False, before)
    assert f"authorizationdb write {RIGHT} allow failed: NO (-60005)." in outcome.evidence[0]
    assert is_as_it_was(host, former)


def test_what_cannot_be_put_back_is_told_and_put_back_by_the_next_run(host: ScratchTrustSettings) -> None:
    former = right(host)
    host.double.order("authorizationdb", "put-back", -60005, 1)
    outcome = apply("install", host, **OPTION)
    assert (outcome.state, outcome.changed) == ("failed", True)
    assert "is allowed to everybody, and could not be put back: " in outcome.evidence[0]
    assert f"authorizationdb write {RIGHT} < {journal(host.settings)}" in outcome.evidence[0]
    kept = Path(journal(host.settings))
    assert (plistlib.loads(kept.read_bytes())["rule"], kept.stat().st_mode & 0o777) == (former["rule"], 0o600)

    outcome = apply("inspect", host)
    left = f"a run that was cut off has left the right {RIGHT} allowed to everybody"
    assert (outcome.state, outcome.evidence[0]) == ("stale", left)
    planned = apply("install", host, check_mode=True)
    assert (planned.state, planned.evidence[0]) == ("trusted", f"the right {RIGHT} would be put back first")
    assert right(host) != former

    written = host.called("SecTrustSettingsSetTrustSettings")
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed) == ("trusted", True)
    assert is_as_it_was(host, former)
    assert host.called("SecTrustSettingsSetTrustSettings") == written, "the settings were right"


STEPS = [(macos_right_changes, "run"), (macos_right_changes, "write_file"), (macos, "ask"), (macos_changes, "ask")]


@pytest.mark.parametrize("step", range(1, 18))
@pytest.mark.parametrize("operation", ["install", "remove"])
def test_whatever_a_run_was_killed_at_the_next_one_puts_it_back(
    host: ScratchTrustSettings, monkeypatch: pytest.MonkeyPatch, operation: str, step: int
) -> None:
    former = right(host)
    if operation == "remove":
        settle("install", host, **OPTION)
    came_that_far = kill_at(step, monkeypatch, STEPS, lambda: apply(operation, host, **OPTION))
    if not came_that_far:
        assert step > 10
        assert is_as_it_was(host, former)
        return
    expected = {"install": "trusted", "remove": "absent"}[operation]
    outcome = apply(operation, host)  # without the option: what was not written by then cannot be any more
    assert outcome.state in (expected, "unavailable", "failed")
    assert is_as_it_was(host, former)
    assert apply(operation, host, **OPTION).state == expected
    assert is_as_it_was(host, former)


def cut_off(host: ScratchTrustSettings) -> None:
    """Have a run leave the right changed, and nothing else done."""
    path = Path(journal(host.settings))
    path.parent.mkdir(parents=True)
    path.write_bytes(host.double.authorizationdb("read", RIGHT).stdout)
    host.double.authorizationdb("write", RIGHT, "allow")


def test_what_was_never_installed_is_no_reason_to_keep_it(host: ScratchTrustSettings) -> None:
    former, before = right(host), host.content()
    cut_off(host)
    assert look(encode(Request("remove", ANCHOR, ("system",))), host.settings, host.table) is None
    assert (apply("remove", host).state, host.content()) == ("absent", before)
    assert is_as_it_was(host, former)


def test_what_may_not_be_written_afterwards_is_not(host: ScratchTrustSettings) -> None:
    former, before = right(host), host.content()
    cut_off(host)
    for check_mode in (True, False):
        outcome = apply("install", host, check_mode=check_mode)
        assert (outcome.state, host.content()) == ("failed", before)
        assert "does not let this session change the administrator's trust settings" in outcome.evidence[0]
    assert is_as_it_was(host, former)


def test_what_somebody_denies_stays_denied(host: ScratchTrustSettings) -> None:
    former = right(host)
    host.double.trust("admin", ANCHOR.der, "result=3")
    before = host.content()
    cut_off(host)
    outcome = apply("install", host, **OPTION)
    assert (outcome.state, host.content()) == ("failed", before)
    assert "The admin domain of the trust settings denies it." in outcome.evidence[0]
    assert is_as_it_was(host, former)


def test_what_somebody_set_since_is_left_alone(host: ScratchTrustSettings) -> None:
    cut_off(host)
    host.double.authorizationdb("write", RIGHT, "deny")
    since = right(host)
    apply("remove", host)
    assert is_as_it_was(host, since)


def test_a_journal_that_is_damaged_is_told(host: ScratchTrustSettings) -> None:
    cut_off(host)
    Path(journal(host.settings)).write_bytes(b"damaged")
    outcome = apply("remove", host)
    assert outcome.state == "failed"
    assert "could not be put back" in outcome.evidence[0]
