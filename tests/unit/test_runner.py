# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test runner itself: what goes wrong in a step is reported, and stops no other."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import ends
import programs
import pytest
import run
import side_by_side
import steps
import yaml
from lab import images, machine


def fail() -> None:
    programs.run([sys.executable, "-c", "raise SystemExit(3)"])


def skip() -> None:
    programs.need("no-such-program")


def test_the_summary_ends_with_the_count() -> None:
    results = [run.run_step(name, action) for name, action in [("a", lambda: "2 tests"), ("b", fail), ("c", skip)]]
    *table, count = run.summarize(results).splitlines()[2:]
    assert [line.split()[0] for line in table] == ["PASSED", "FAILED", "SKIPPED"]
    assert table[0].endswith("s  a  2 tests")
    assert table[1].endswith("s  b  python ended with status 3")
    assert table[2].endswith("s  c  not installed: no-such-program")
    assert count == "1 passed, 1 failed, 1 skipped"


def test_what_was_wrong_stands_above_the_summary(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a long output, often only the end is kept."""
    program = "print('fatal: [a]: no', 'fine', 'x' * 9, sep='\\n'); print('ERROR: b'); raise SystemExit(1)"
    result = run.run_step("a", lambda: programs.run([sys.executable, "-c", program]))
    assert "\nfatal: [a]: no\nfine\nxxxxxxxxx\nERROR: b\n" in capsys.readouterr().out
    lines = run.summarize([result]).splitlines()
    assert lines[1:6] == ["=== Wrong in a", "fatal: [a]: no", "ERROR: b", "", "=== Summary"]


def test_who_asks_for_a_part_of_which_nothing_can_be_run_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A job of a workflow that could not set up what it needs has shown nothing."""

    def ends_with(*actions: Callable[[], None], parts: tuple[str, ...] = ("unit",)) -> int:
        set_up = steps.Step("set-up: packages", lambda: None, parts)
        made = [steps.Step(f"tests {number}", action, parts) for number, action in enumerate(actions)]
        monkeypatch.setattr(run, "wanted_steps", lambda _arguments: [set_up, *made])
        return run.main(list(parts))

    assert ends_with(skip, skip) == 1
    assert "Nothing of unit could be run on this machine" in capsys.readouterr().out
    assert ends_with(skip, lambda: None) == 0
    assert ends_with(skip, fail) == 1
    assert ends_with(skip, parts=()) == 0


def test_a_step_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "STEP_LIMIT", 0.1)
    with pytest.raises(programs.Failed, match=r"python\S* was stopped after 0\.1 seconds"):
        programs.run([sys.executable, "-c", "import time; time.sleep(60)"])


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


def test_temporary_files_are_kept_in_memory_where_that_is_large_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "TEMPORARY", 1)
    assert machine.in_memory(str(tmp_path)) == {"TMPDIR": str(tmp_path)}
    assert machine.in_memory(str(tmp_path / "missing")) == {}
    monkeypatch.setattr(machine, "TEMPORARY", 2**60)
    assert machine.in_memory(str(tmp_path)) == {}


def broken(name: str, seconds: float) -> str:
    return f"{name} is broken"


def wait_for(path: Path) -> None:
    """Wait until another process has made a file."""
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_two_tasks_run_side_by_side_and_their_output_is_not_mixed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def meet(name: str, other: str) -> str:
        print(f"{name} begins", flush=True)
        (tmp_path / name).touch()
        wait_for(tmp_path / other)
        subprocess.run(["echo", f"{name} goes on"], check=True)
        return f"{name} done"

    tasks = {"A": lambda: meet("A", "B"), "B": lambda: meet("B", "A"), "C": lambda: meet("C", "A")}
    assert side_by_side.run(tasks, tmp_path / "output", broken, at_once=2) == ["A done", "B done", "C done"]
    output = capsys.readouterr().out
    assert [f"{name} begins\n{name} goes on\n" in output for name in tasks] == [True] * 3
    assert "--- C: started" in output


def test_a_task_that_was_killed_is_broken_and_stops_no_other(tmp_path: Path) -> None:
    tasks = {"killed": lambda: os.kill(os.getpid(), signal.SIGKILL), "fine": lambda: "done"}
    assert side_by_side.run(tasks, tmp_path, broken) == ["killed is broken", "done"]


def test_an_error_in_a_task_is_printed_with_its_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def divide() -> str:
        return str(1 / 0)

    assert side_by_side.run({"divide": divide}, tmp_path, broken) == ["divide is broken"]
    assert "ZeroDivisionError" in capsys.readouterr().out


def wait_for_end(group: int) -> None:
    """Wait until a process group is gone. What was killed in it stays until the system's first process has noticed."""
    end = time.monotonic() + 10
    with suppress(ProcessLookupError):
        while time.monotonic() < end:
            os.killpg(group, 0)
            time.sleep(0.05)
        raise AssertionError(f"the process group {group} is still there")


def test_an_interruption_ends_all_that_runs_side_by_side(tmp_path: Path) -> None:
    """In a process of its own, which is interrupted as from a terminal; what would have come next never starts."""
    program = f"""
import os, pathlib, side_by_side, subprocess, sys
folder = pathlib.Path({str(tmp_path)!r})
def task(name):
    (folder / name).write_text(str(os.getpid()))
    subprocess.run(["sh", "-c", 'touch "$0" && sleep 60', folder / f"{{name}}-child"])
side_by_side.run({{name: lambda name=name: task(name) for name in "abc"}}, folder / "output", lambda *_: None, 2)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=Path(run.__file__).parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    for name in ("a-child", "b-child"):
        wait_for(tmp_path / name)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    for name in ("a", "b"):
        wait_for_end(int((tmp_path / name).read_text()))
    assert not (tmp_path / "c").exists()


def test_steps_side_by_side_have_their_lines_in_the_summary() -> None:
    wanted = [steps.Step("one", lambda: "1", ()), *(steps.Step(name, fail, (), "both") for name in ("two", "three"))]
    results = [result for group in run.run_steps(wanted) for result in group]
    assert [(result.step, result.outcome) for result in results] == [
        ("one", "passed"),
        ("two", "failed"),
        ("three", "failed"),
    ]
    assert results[2].remark == "python ended with status 3"


def test_steps_with_another_word_wait_for_the_end_of_those_before(tmp_path: Path) -> None:
    def slow() -> str:
        time.sleep(0.2)
        (tmp_path / "made").touch()
        return "made"

    def late() -> str:
        return "found" if (tmp_path / "made").exists() else "too early"

    wanted = [steps.Step("slow", slow, (), "first"), steps.Step("late", late, (), "second")]
    assert [result.remark for group in run.run_steps(wanted) for result in group] == ["made", "found"]


def test_no_two_scenarios_have_a_container_of_the_same_name() -> None:
    """They run side by side."""
    names: Counter[str] = Counter()
    for scenario in steps.scenarios():
        inventories = images.inventories(scenario, images.SHAPED)
        found = [name for inventory in inventories for name in containers(yaml.safe_load(inventory))]
        assert len(found) == steps.hosts_of(scenario) > 0
        names.update(found)
    assert set(names.values()) == {1}


def containers(inventory: object) -> list[str]:
    """The hosts with an image, anywhere below groups and their children."""
    if not isinstance(inventory, dict):
        return []
    named = [name for name, variables in inventory.items() if "laboratory_image" in (variables or {})]
    return named + [name for value in inventory.values() for name in containers(value)]


def test_the_summary_says_which_versions_ran() -> None:
    packages = r"ansible-core 2\.\S+, cryptography [\d.]+, idna [\d.]+, psycopg [\d.]+"
    assert re.fullmatch(rf"Python 3\.\d+\.\d+\S*, {packages}", ends.versions(Path(sys.executable)))


def test_no_service_starts_while_packages_are_installed(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    with machine.services_not_started(policy):
        assert subprocess.run([policy, "nginx", "start"], check=False).returncode == 101
    assert not policy.exists()


def test_a_policy_of_the_machines_own_stays(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("the machine's own")
    with machine.services_not_started(policy):
        pass
    assert policy.read_text() == "the machine's own"


def test_the_oldest_end_leaves_the_long_tests_of_playbooks_to_the_newest_unless_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(steps, "pytest_on", lambda end, _folder, *options: asked.append((end.name, *options)))
    for chosen in (ends.ENDS, (ends.OLDEST,)):
        for step in steps.all_steps(chosen):
            if step.parts == ("playbooks",):
                step.action()
    assert asked == [("oldest", "-m", "not long"), ("newest",), ("oldest",)]
