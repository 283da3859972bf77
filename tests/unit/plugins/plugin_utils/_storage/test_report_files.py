# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of files that runs write for readers."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.report_files import differs, write_report


def test_reports_of_runs_at_the_same_time_are_each_whole(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    with ThreadPoolExecutor(4) as writers:
        for written in [writers.submit(write_report, file, f"run {number}") for number in range(100)]:
            written.result()
    assert file.read_text() in [f"run {number}" for number in range(100)]
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("elsewhere", path)])
def test_what_is_no_file_is_left_alone(tmp_path: Path, make: object) -> None:
    path = tmp_path / "report.json"
    make(path)  # type: ignore[operator]
    before = path.lstat()
    with pytest.raises(PkiError, match="is not a regular file"):
        write_report(path, "text")
    assert os.path.samestat(path.lstat(), before)


def test_a_file_that_is_as_it_should_be_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    assert differs(path, "text")
    write_report(path, "text")
    assert (differs(path, "text"), differs(path, "other")) == (False, True)
    path.chmod(0o644)
    assert differs(path, "text")
    path.unlink()
    path.mkdir()
    with pytest.raises(PkiError, match="is not a regular file"):
        differs(path, "text")
