# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The workflows run what there is, on what is supported, and with no more rights than that takes.

Whether they are valid is for actionlint to say, and whether they pass, for the hosted runners.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ends
import pytest
import run
import steps
import yaml
from lab import distributions
from programs import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
#: Those that test, for each change and each night; the other one publishes a tag.
TESTING = [path for path in WORKFLOWS if path.stem != "release"]


def workflow(path: Path) -> dict[str, Any]:
    """A workflow. Its key ``on`` is a truth value to YAML 1.1, and so to this reader."""
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in content.items()}


def jobs(name: str) -> dict[str, Any]:
    """The jobs of the workflow of that name."""
    found: dict[str, Any] = workflow(ROOT / ".github" / "workflows" / f"{name}.yml")["jobs"]
    return found


def uses(job: dict[str, Any]) -> Iterator[str]:
    """The actions that a job uses."""
    return (step["uses"] for step in job["steps"] if "uses" in step)


def pythons(job: dict[str, Any]) -> list[tuple[int, int]]:
    """The versions of Python that a job installs, the one for ``make`` last."""
    wanted = next(step["with"]["python-version"] for step in job["steps"] if "python-version" in step.get("with", {}))
    return [(int(major), int(minor)) for major, minor in re.findall(r"^(\d+)\.(\d+)$", wanted, re.MULTILINE)]


def commands(job: dict[str, Any]) -> str:
    """What a job runs."""
    return "\n".join(step["run"] for step in job["steps"] if "run" in step)


def test_there_are_workflows() -> None:
    assert [path.stem for path in WORKFLOWS] == ["distributions", "macos", "release", "tests"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_read_the_repository_and_nothing_else(path: Path) -> None:
    content = workflow(path)
    assert content["permissions"] == {"contents": "read"}
    for job in content["jobs"].values():
        assert "permissions" not in job


@pytest.mark.parametrize("path", TESTING, ids=lambda path: path.stem)
def test_a_workflow_runs_for_each_change_and_each_night_and_knows_no_secret(path: Path) -> None:
    assert set(workflow(path)["on"]) == {"push", "pull_request", "schedule", "workflow_dispatch"}
    assert "secrets" not in path.read_text(encoding="utf-8")


def test_a_release_is_a_tag_that_was_checked() -> None:
    release = ROOT / ".github" / "workflows" / "release.yml"
    assert workflow(release)["on"] == {"push": {"tags": ["[0-9]+.[0-9]+.[0-9]+"]}}
    found = jobs("release")
    assert found["publish"]["needs"] == ["sanity", "build"]
    assert found["sanity"]["strategy"]["matrix"]["ansible-core"] == list(ends.ANSIBLE_CORES)
    assert "make sanity" in commands(found["sanity"])
    assert "tests/release.py" in commands(found["build"])
    assert "make lint docs" in commands(found["build"])


def test_the_secret_of_a_release_is_for_the_step_that_publishes() -> None:
    release = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    assert re.findall(r"secrets\.\w+", release) == ["secrets.GALAXY_TOKEN"]
    publish = jobs("release")["publish"]
    assert publish["environment"] == "galaxy"
    assert "secrets" not in str(publish["steps"][:-1])
    assert publish["steps"][-1]["run"].startswith("ansible-galaxy collection publish ")
    assert not any(action.startswith("actions/checkout@") for action in uses(publish))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_ends_and_does_not_pile_up(path: Path) -> None:
    content = workflow(path)
    assert content["concurrency"]["group"] == f"{path.stem}-${{{{ github.ref }}}}"
    assert all(0 < job["timeout-minutes"] <= 120 for job in content["jobs"].values())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_only_the_actions_of_github_are_used_each_at_one_commit(path: Path) -> None:
    for job in workflow(path)["jobs"].values():
        assert list(uses(job))
        for action in uses(job):
            assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action), action
    for line in re.findall(r"^ *uses: .*$", path.read_text(encoding="utf-8"), re.MULTILINE):
        assert re.search(r" # v\d+\.\d+\.\d+$", line), line


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_script_has_no_expression_in_it(path: Path) -> None:
    """Values come by the environment: an expression would become part of the script's text."""
    for job in workflow(path)["jobs"].values():
        assert "${{" not in commands(job)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_make_finds_a_python_that_a_controller_may_have(path: Path) -> None:
    for job in workflow(path)["jobs"].values():
        assert pythons(job)[-1] >= ends.OLDEST.oldest_python


def test_each_supported_ansible_core_is_tested() -> None:
    matrix = jobs("tests")["ansible-core"]["strategy"]["matrix"]
    assert matrix["ansible-core"] == list(ends.ANSIBLE_CORES)
    oldest = ends.OLDEST.requirements[0].removeprefix("ansible-core~=")
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert runtime["requires_ansible"] == f">={oldest}"
    assert oldest == f"{matrix['ansible-core'][0]}.0"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"ansible-core {matrix['ansible-core'][0]} or newer" in readme


def test_each_ansible_core_has_a_python_that_it_runs_on() -> None:
    installed = pythons(jobs("tests")["ansible-core"])
    assert installed == sorted(set(installed))
    for version, end in ends.ANSIBLE_CORES.items():
        assert any(end.oldest_python <= python <= end.newest_python for python in installed), version
    assert ends.OLDEST.oldest_python in installed


def test_the_oldest_python_of_hosts_is_there_for_sanity() -> None:
    settings = yaml.safe_load((ROOT / "tests" / "config.yml").read_text(encoding="utf-8"))
    oldest = pythons(jobs("tests")["ansible-core"])[0]
    assert settings["modules"]["python_requires"] == ">=" + ".".join(map(str, oldest))


def test_each_part_of_the_tests_is_run_once() -> None:
    parts = [part for job in jobs("tests").values() for part in job["strategy"]["matrix"]["part"]]
    assert sorted(parts) == sorted([*steps.PARTS, "core-foundation"])


def test_a_part_takes_the_ansible_core_that_is_asked_for() -> None:
    for part in jobs("tests")["ansible-core"]["strategy"]["matrix"]["part"]:
        names = [step.name for step in run.wanted_steps(["--ansible-core=2.20", part]) if "ansible-core" in step.name]
        assert len(names) == 2
        assert all("2.20 ansible-core" in name for name in names)


def test_an_ansible_core_that_is_not_known_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.wanted_steps(["--ansible-core=2.18", "unit"])
    assert "invalid choice: '2.18'" in capsys.readouterr().err


def test_each_scenario_is_run() -> None:
    scenarios = {path.parent.name for path in ROOT.glob("molecule/*/molecule.yml")}
    ran = {step.name.removeprefix("molecule ") for step in run.wanted_steps(["molecule"])}
    assert scenarios <= ran
    assert "molecule" in jobs("tests")["part"]["strategy"]["matrix"]["part"]


def test_the_scenarios_run_on_the_own_images_of_distributions() -> None:
    (step,) = [step for step in jobs("tests")["part"]["steps"] if "PART" in step.get("env", {})]
    assert 'make "$PART" IMAGES="$IMAGES"' in step["run"]
    assert step["env"]["IMAGES"] == "${{ matrix.part == 'molecule' && 'real' || '' }}"


def test_each_distribution_is_run() -> None:
    matrix = jobs("distributions")["distribution"]["strategy"]["matrix"]
    assert matrix["distribution"] == list(distributions.DISTRIBUTIONS)
    assert "make distribution" in commands(jobs("distributions")["distribution"])
    assert f"{distributions.VARIABLE}=$DISTRIBUTION" in commands(jobs("distributions")["distribution"])


def test_a_distribution_is_run_on_request_alone() -> None:
    assert "molecule on the distribution" in [step.name for step in run.wanted_steps(["distribution"])]
    assert "molecule on the distribution" not in [step.name for step in run.wanted_steps([])]


def test_a_distribution_has_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(distributions.VARIABLE, raising=False)
    with pytest.raises(SystemExit, match="Name one or more of the distributions: debian-12, "):
        distributions.main([])
    with pytest.raises(SystemExit, match="Name one or more of the distributions: debian-12, "):
        distributions.main(["fedora", "debian-1"])


def test_workflows_are_not_in_the_tarball() -> None:
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    assert ".github" in galaxy["build_ignore"]
