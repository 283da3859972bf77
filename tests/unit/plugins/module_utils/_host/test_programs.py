# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where programs are found: as Ansible's modules do for those of a task, and in the system's folders for our own."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.module_utils.common.process import get_bin_path
from ansible_collections.anchorage.pki.plugins.module_utils._host.programs import find_command
from ansible_collections.anchorage.pki.plugins.module_utils._host.task_programs import program_path


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two folders in the task's PATH, with nothing but these in it."""
    found = [tmp_path / "first", tmp_path / "second"]
    for folder in found:
        folder.mkdir()
    monkeypatch.setenv("PATH", f":{found[0]}:{tmp_path}/missing:{found[1]}")
    return found


def write(path: Path, mode: int) -> str:
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return str(path)


def expected(name: str) -> str | None:
    try:
        return str(get_bin_path(name))
    except ValueError:
        return None


def test_a_tasks_programs_are_those_of_ansibles_modules(folders: list[Path]) -> None:
    first, second = folders
    wanted = {
        "in-both": write(first / "in-both", 0o755),
        "in-second": write(second / "in-second", 0o700),
        "for-others-alone": write(second / "for-others-alone", 0o601),
        "hidden-by-a-file": write(second / "hidden-by-a-file", 0o755),
        "hidden-by-a-folder": write(second / "hidden-by-a-folder", 0o755),
        "no-program": None,
        "missing": None,
        str(second / "in-second"): str(second / "in-second"),
        "/bin/sh": "/bin/sh",
        "/bin/missing": None,
    }
    write(second / "in-both", 0o755)
    write(first / "hidden-by-a-file", 0o644)
    write(second / "no-program", 0o644)
    (first / "hidden-by-a-folder").mkdir()
    (first / "dangling").symlink_to("nowhere")
    found = {name: program_path(name) for name in [*wanted, "dangling", "sysctl", "ldconfig"]}
    assert found == {name: expected(name) for name in found}
    assert {name: found[name] for name in wanted} == wanted


def test_without_a_path_the_systems_folders_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PATH")
    assert program_path("ldconfig") == expected("ldconfig")
    assert program_path("missing") is None


def test_our_own_programs_are_looked_for_where_they_are_told(folders: list[Path]) -> None:
    first, second = folders
    write(first / "tool", 0o644)
    path = write(second / "tool", 0o755)
    assert find_command("tool", f"{first}:{second}") == path
    assert find_command("tool") is None
    assert find_command(path, str(first)) == path
    assert find_command("sh") in ("/usr/bin/sh", "/bin/sh")
