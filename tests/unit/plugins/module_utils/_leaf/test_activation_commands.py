# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands that end in time, with all that they started."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activation_commands import TimeLimit, run_command


def test_a_daemon_that_is_left_behind_is_not_waited_for(tmp_path: Path) -> None:
    """It inherits the output, which would keep a pipe open for as long as it lives."""
    pid_file = tmp_path / "pid"
    started = time.monotonic()
    run_command(["sh", "-c", f"sleep 600 & echo $! > {pid_file}"], "activate.reload", TimeLimit(60))
    assert time.monotonic() - started < 60
    os.kill(int(pid_file.read_text()), 15)


def test_a_failure_shows_the_end_of_the_output() -> None:
    with pytest.raises(HostError) as caught:
        run_command(["sh", "-c", "seq 10000; echo the end >&2; exit 3"], "activate.test", TimeLimit(60))
    assert "activate.test: sh -c" in str(caught.value)
    assert "exit code 3" in str(caught.value)
    assert str(caught.value).endswith("9999\n10000\nthe end")
    assert len(str(caught.value)) < 2000


def test_the_environment_of_the_task_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service of the user's own session cannot be reloaded without it."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/test")
    run_command(["sh", "-c", 'test "$XDG_RUNTIME_DIR" = /run/user/test'], "activate.test", TimeLimit(60))


def test_a_file_that_is_no_program(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF nonsense")
    program.chmod(0o755)
    with pytest.raises(HostError, match=f"activate.test: {program} cannot be run: Exec format error"):
        run_command([str(program)], "activate.test", TimeLimit(60))


def test_an_interruption_ends_the_wait() -> None:
    with pytest.raises(HostError, match="sleep 600 was stopped: the sky fell"):
        run_command(["sleep", "600"], "activate.test", TimeLimit(60, lambda: "the sky fell"))


def test_a_limit_says_why_it_is_reached() -> None:
    assert TimeLimit(60).reached() == ""
    assert TimeLimit(0).reached() == "the time limit of 0 seconds was reached"
    assert TimeLimit(0, lambda: "interrupted").reached() == "interrupted"
    assert TimeLimit(0).remaining() == 0
