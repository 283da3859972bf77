# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A benchmark that nobody runs for months still runs. What it measures on this machine is not asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import revocations, rotation
from cryptography import x509


def test_that_of_revocations_publishes_lists_with_all_of_them(tmp_path: Path) -> None:
    bare, together = revocations.measure(tmp_path, revocations=3, rounds=2)
    assert min(bare, together) > 0
    lists = map(revocations.read_list, (tmp_path / "public" / "crl").iterdir())
    assert sorted(len(published) for published in lists) == [0, 3]
    assert sum(path.is_file() for path in (tmp_path / "public" / "ocsp").rglob("*")) == 6


def test_that_of_revocations_fails_where_a_list_lacks_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entered = revocations.enter
    monkeypatch.setattr(revocations, "enter", lambda *arguments: [*entered(*arguments), x509.random_serial_number()])
    monkeypatch.setattr(revocations, "sign_alone", lambda *_arguments: 1.0)
    with pytest.raises(SystemExit, match="the published list is another one than it should be"):
        revocations.measure(tmp_path, revocations=2, rounds=1)


@pytest.mark.parametrize("size", [1, 2])
def test_that_of_rotations_issues_leaves_again(tmp_path: Path, size: int) -> None:
    first, again = rotation.measure_leaves(tmp_path, leaves=3, turn=2, size=size)
    assert len(first) == len(again) == 2
    assert min(first + again) > 0


def test_that_of_rotations_fails_where_leaves_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "rotated", lambda *_arguments: None)
    with pytest.raises(SystemExit, match="web0: valid until"):
        rotation.measure_leaves(tmp_path, leaves=2, turn=1, size=1)


def test_that_of_rotations_says_whether_a_goal_is_met(capsys: pytest.CaptureFixture[str]) -> None:
    figures = {"one-root": [1.0, 2.0, 4.0], "both-roots": [1.1, 2.4, 4.0]}
    rotation.report("trust", rotation.ratios(figures), 1.1)
    rotation.report("trust", rotation.ratios(figures), 1.0)
    assert capsys.readouterr().out == (
        "trust: 1.100 times (median of 3, 1.00-1.20); at most 1.1: met\n"
        "trust: 1.100 times (median of 3, 1.00-1.20); at most 1.0: missed\n"
    )
