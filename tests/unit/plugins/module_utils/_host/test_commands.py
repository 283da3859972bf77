# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the programs of a host: a clean environment, both outputs, and an end."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import run
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError


def test_a_program_sees_nothing_of_the_callers_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/somebody/elses.pem")
    output = run(["env"], 10, environment={"GIVEN": "yes"}).output
    assert "SSL_CERT_FILE" not in output
    assert "GIVEN=yes" in output


def test_input_and_both_outputs_are_passed() -> None:
    outcome = run(["sh", "-c", "cat; echo trouble >&2; exit 4"], 10, stdin=b"given\n")
    assert outcome == (4, b"given\n", b"trouble\n")
    assert outcome.output == "given\ntrouble\n"
    assert outcome.last_line == "trouble"


def test_a_silent_failure_is_told_by_its_status() -> None:
    assert run(["false"], 10).last_line == "exit status 1"


def test_a_program_that_is_missing_is_named() -> None:
    with pytest.raises(HostError, match=r"/no/such/program cannot be run: No such file or directory\."):
        run(["/no/such/program"], 10)


def test_a_daemon_that_is_left_behind_is_not_waited_for(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    assert run(["sh", "-c", f"sleep 600 & echo $! > {pid}"], 60).status == 0
    run(["kill", pid.read_text().strip()], 10)
