# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test runner itself: what goes wrong in a step is told, and stops no other."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import run
import steps
from lab import machine


def fail() -> None:
    steps.run([sys.executable, "-c", "raise SystemExit(3)"])


def skip() -> None:
    steps.need("no-such-program")


def test_the_summary_ends_with_the_count() -> None:
    results = [run.run_step(name, action) for name, action in [("a", lambda: "2 tests"), ("b", fail), ("c", skip)]]
    *table, count = run.summarize(results).splitlines()[2:]
    assert [line.split()[0] for line in table] == ["PASSED", "FAILED", "SKIPPED"]
    assert table[0].endswith("s  a  2 tests")
    assert table[1].endswith("s  b  python ended with status 3")
    assert table[2].endswith("s  c  not installed: no-such-program")
    assert count == "1 passed, 1 failed, 1 skipped"


def test_a_skipped_step_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    run.run_step("a step", skip)
    assert "SKIPPED: a step: not installed: no-such-program" in capsys.readouterr().out


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(SystemExit, match="There is no part nit"):
        run.main(["nit"])


def test_the_remark_names_tests_that_did_not_run(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite><testcase name="a"/><testcase name="b"><skipped message="no java"/></testcase>'
        "</testsuite></testsuites>"
    )
    assert steps.count_tests(report) == "2 tests, 1 of them skipped: no java"


def test_the_callers_settings_reach_no_test(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "ANSIBLE_CONFIG"):
        monkeypatch.setenv(variable, "/elsewhere")
    assert "/elsewhere" not in machine.test_environment().values()
