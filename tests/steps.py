# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of the test run, in their order. Each is a function that returns a remark for the summary or nothing."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import tarball
from documentation import site
from ends import ENDS, NEWEST, End, need_environment, prepare, versions
from lab import distributions, images, machine
from programs import (
    BUILD,
    COLLECTIONS,
    ROOT,
    VENV,
    Failed,
    Skipped,
    environment_with,
    need,
    pip_install,
    run,
    run_tool,
)

PARTS = ("unit", "playbooks", "interoperability", "lint", "docs", "sanity", "molecule")
#: Parts that run where they are named alone.
PARTS_ON_REQUEST = ("distribution", "core-foundation")

#: How the names of steps begin that others need.
SET_UP = "set-up: "

#: The image with Apple's CoreFoundation, and what is run in it: all tests that work with a double of Security.
CORE_FOUNDATION = "trixie:core_foundation"
ON_CORE_FOUNDATION = (
    "tests/unit/plugins/module_utils/_macos",
    "tests/unit/plugins/module_utils/_native_roots/test_macos.py",
    "tests/unit/plugins/module_utils/_trust/system/test_macos.py",
    "tests/unit/plugins/plugin_utils/_native_roots/test_macos_cache.py",
)

#: The tests of a folder run in two processes for each processor, since a third of their time they wait for others, as
#: far as that pays; neighbours, which share fixtures, in the same one.
WORKERS = min(2 * (os.cpu_count() or 1), 8)
AT_ONCE = (f"--numprocesses={WORKERS}", "--dist=worksteal")


@dataclass(frozen=True)
class Step:
    """One line of the summary, and the parts of the tests that include it."""

    name: str
    action: Callable[[], str | None]
    parts: tuple[str, ...]
    #: The steps with which it runs side by side: neighbours that have the same word here, and disturb each other in
    #: nothing. Without one, it runs alone.
    together: str = ""


def project_files() -> list[Path]:
    """The files of the project, by their paths in the checkout: what git tracks or would take with ``git add``."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [Path(name) for name in names if name and (ROOT / name).exists()]


# --- Set-up ----------------------------------------------------------------------------------------------------------


def install_packages() -> str | None:
    """Install the programs the tests use, where that is possible."""
    packages = machine.missing_packages()
    if not packages:
        return "nothing to install"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Skipped(f"only root on Debian can install {' '.join(packages)}")
    print(f"Installing Debian packages: {' '.join(packages)}", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "--quiet"], environment)
    with machine.services_not_started():
        run(["apt-get", "install", "--quiet", "--yes", "--no-install-recommends", *packages], environment)
    for service in machine.new_services(packages):
        run(["systemctl", "disable", "--now", service])
    return f"installed {' '.join(packages)}"


def install_tools() -> None:
    """Put the test tools into ``.venv``."""
    print("Installing the test tools into .venv", flush=True)
    pip_install(sys.executable, "--requirement", "tests/requirements.txt")


def fetch_collections() -> None:
    """Put the laboratory's connection plugin beside the collection."""
    run([sys.executable, "tests/lab/fetch_collections.py", COLLECTIONS])


# --- Tests in Python -------------------------------------------------------------------------------------------------


def pytest_on(end: End, folder: str, *options: str) -> str:
    """Run the tests of a folder on one end of what is supported, in memory."""
    need_environment(end)
    return f"{pytest(end.folder, folder, *options, variables=machine.in_memory())}; {versions(end.python)}"


def playbooks(end: End, whole: bool) -> str:
    """Run the tests of playbooks on one end of what is supported, with the long ones where that is the newest, or where
    the end is asked for, which ``whole`` says."""
    if whole:
        return pytest_on(end, "tests/playbooks")
    return f"{pytest_on(end, 'tests/playbooks', '-m', 'not long')}; the long ones are left to the newest end"


def pytest(environment: Path, folder: str, *options: str, variables: Mapping[str, str] | None = None) -> str:
    """Run the tests of a folder in a virtual environment, with these options and variables besides."""
    report = BUILD / "reports" / f"{environment.name}-{Path(folder).name}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    usual = ("--quiet", *AT_ONCE, f"--junit-xml={report}")
    try:
        command: list[str | Path] = [environment / "bin" / "python", "-m", "pytest", *usual, *options, folder]
        run(command, {**environment_with(environment), **(variables or {})})
    except Failed as failure:
        raise Failed(f"{failure}; {count_tests(report)}", failure.complaints) from None
    return count_tests(report)


def count_tests(report: Path) -> str:
    """A remark from pytest's JUnit report: how many tests ran, and why some did not."""
    if not report.exists():
        return "no test ran"
    suites = ElementTree.parse(report).getroot()
    cases = list(suites.iter("testcase"))
    skips = [skip.get("message", "") for skip in suites.iter("skipped")]
    if not skips:
        return f"{len(cases)} tests"
    return f"{len(cases)} tests, {len(skips)} of them skipped: {'; '.join(sorted(set(skips)))}"


# --- Static checks ---------------------------------------------------------------------------------------------------


def shellcheck() -> None:
    """Check every shell script, whatever it is called."""
    need("shellcheck")
    interpreters = (b"#!/bin/sh", b"#!/usr/bin/env bash")
    scripts = [path for path in project_files() if (ROOT / path).read_bytes().startswith(interpreters)]
    run(["shellcheck", *scripts])


def actionlint() -> None:
    """Check the workflows, and with shellcheck, where there is one, the scripts in them."""
    run_tool("actionlint")


def sanity(end: End) -> str:
    """Run ``ansible-test sanity`` over a copy of the project, at the path that it demands."""
    need_environment(end)
    top = BUILD / "sanity" / end.name
    copy = top / "ansible_collections" / "anchorage" / "pki"
    shutil.rmtree(top, ignore_errors=True)
    for path in project_files():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, copy / path, follow_symlinks=False)
    run(["git", "init", "--quiet"], folder=copy)  # ansible-test asks git for the list of files

    # Its virtual environments take a minute to make: they outlive the checkout.
    home = machine.cache_folder() / "ansible-test" / end.name
    run([end.python, "tests/lab/make_sanity_home.py", home])
    interpreters = [str(python.parent) for python in machine.interpreters().values()]
    search_path = os.pathsep.join([str(end.folder / "bin"), *interpreters, os.environ["PATH"]])
    environment = os.environ | {"HOME": str(home), "PATH": search_path}
    run([end.folder / "bin" / "ansible-test", "sanity", "--requirements"], environment, copy)
    return versions(end.python)


# --- Documentation and packaging ------------------------------------------------------------------------------------


def lint_documentation() -> None:
    """Check the documentation of plugins and roles, and every reference in it."""
    options = ("--plugin-docs", "--validate-collection-refs", "all")
    run_tool("antsibull-docs", "lint-collection-docs", *options, ".")


def build_and_check_tarball() -> str:
    """Build the tarball that Galaxy would get, have its importer judge it, and use it where it is installed."""
    for former in BUILD.glob("anchorage-pki-*.tar.gz"):
        former.unlink()
    run_tool("ansible-galaxy", "collection", "build", "--force", "--output-path", BUILD)
    content = tarball.check_content()
    tarball.check_import()
    tarball.check_installed()
    return content


# --- Integration -----------------------------------------------------------------------------------------------------


def build_images(kind: str = images.SHAPED) -> str:
    """Build the laboratory's container images; with real ones, from what the registries of the distributions give."""
    need("podman", "mmdebstrap")
    names = images.of_debian() if kind == images.REAL else []
    if kind == images.REAL:
        run([sys.executable, "tests/lab/distributions.py", *images.of_distributions()], machine.test_environment())
    run([sys.executable, "tests/lab/build_images.py", *names], machine.test_environment())
    return f"IMAGES={kind}"


def molecule(scenario: str, kind: str = images.SHAPED) -> str:
    """Run one scenario in containers, on images of that kind."""
    need("podman")
    used = images.described(scenario, kind)
    print(f"IMAGES={kind}: {used}", flush=True)
    command: list[str | Path] = [VENV / "bin" / "molecule", "test", "--scenario-name", scenario]
    run(command, environment_with() | {images.VARIABLE: kind})
    return f"{versions(VENV / 'bin' / 'python')}; {used}"


def build_distribution() -> None:
    """Make the image of the distribution that the environment names."""
    need("podman")
    name = os.environ.get(distributions.VARIABLE)
    if not name:
        raise Failed(f"{distributions.VARIABLE} names no distribution: see tests/lab/distributions.py")
    run([sys.executable, "tests/lab/distributions.py", name], machine.test_environment())


def build_core_foundation() -> None:
    """Make the image of Debian 13 that has Apple's CoreFoundation."""
    need("podman", "mmdebstrap")
    run([sys.executable, "tests/lab/build_images.py", CORE_FOUNDATION], machine.test_environment())


def test_on_core_foundation() -> str:
    """Run the tests of macOS' trust settings on Apple's CoreFoundation, in a container without a network."""
    report = BUILD / "reports" / "core-foundation.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    settings = {"ANCHORAGE_CORE_FOUNDATION": "apple", "PYTHONDONTWRITEBYTECODE": "1"}
    container = ["podman", "run", "--rm", "--network=none", f"--volume={ROOT}:{ROOT}", f"--workdir={ROOT}"]
    container += [f"--env={name}={value}" for name, value in settings.items()]
    pytest_there = ["python3", "-m", "pytest", "--quiet", "-p", "no:cacheprovider", *AT_ONCE, f"--junit-xml={report}"]
    try:
        command: list[str | Path] = [
            *container,
            f"localhost/anchorage/{CORE_FOUNDATION}",
            *pytest_there,
            *ON_CORE_FOUNDATION,
        ]
        run(command, machine.test_environment())
    except Failed as failure:
        raise Failed(f"{failure}; {count_tests(report)}", failure.complaints) from None
    return count_tests(report)


def benchmark_fleet() -> str:
    """Run the benchmark of a fleet once on three hosts, for what it counts and not for its seconds."""
    need("podman")
    command: list[str | Path] = [VENV / "bin" / "python", "-m", "benchmarks.fleet.smoke"]
    run(command, environment_with() | {"PYTHONPATH": str(ROOT / "tests")})
    return versions(VENV / "bin" / "python")


def scenarios() -> list[str]:
    """The names of the molecule scenarios: those with most hosts, which take longest, first."""
    return sorted((path.parent.name for path in ROOT.glob("molecule/*/molecule.yml")), key=lambda name: -hosts_of(name))


def hosts_of(scenario: str) -> int:
    """How many containers a scenario starts."""
    return sum(text.count("laboratory_image:") for text in images.inventories(scenario, images.SHAPED))


def on_each(ends: Iterable[End], name: str, action: Callable[[End], str], part: str, together: str = "") -> list[Step]:
    """The same step on each of several ends of what is supported."""
    return [Step(f"{name}, {end.name} ansible-core", functools.partial(action, end), (part,), together) for end in ends]


def all_steps(ends: Sequence[End] = ENDS, kind: str = images.SHAPED) -> list[Step]:
    """Every step, in the order in which they run: alone what keeps every processor busy. Scenarios have images of the
    kind."""
    step = functools.partial
    return [
        Step(f"{SET_UP}system packages", install_packages, ("unit", "playbooks", "interoperability", "molecule")),
        Step(f"{SET_UP}test tools", install_tools, (*PARTS, *PARTS_ON_REQUEST)),
        Step(f"{SET_UP}environment for the tarball", tarball.prepare, ("docs",)),
        *(
            Step(f"{SET_UP}{end.name} ansible-core", step(prepare, end), ("unit", "playbooks", "sanity"))
            for end in ends
        ),
        Step(f"{SET_UP}image of the distribution", build_distribution, ("distribution",)),
        Step(f"{SET_UP}image with Apple's CoreFoundation", build_core_foundation, ("core-foundation",)),
        Step(f"{SET_UP}collections of the laboratory", fetch_collections, ("lint", "molecule", "distribution")),
        *on_each(ends, "unit tests", step(pytest_on, folder="tests/unit"), "unit"),
        *on_each(ends, "tests of playbooks", lambda end: playbooks(end, end is NEWEST or ends != ENDS), "playbooks"),
        Step(f"{SET_UP}container images", step(build_images, kind), ("molecule",), "checks"),
        *on_each(ends, "sanity", sanity, "sanity", "checks"),
        Step("ansible-lint", step(run_tool, "ansible-lint", "--offline", "--profile=production"), ("lint",), "checks"),
        Step("mypy", step(run_tool, "mypy"), ("lint",), "checks"),
        Step("ruff check", step(run_tool, "ruff", "check"), ("lint",), "checks"),
        Step("ruff format", step(run_tool, "ruff", "format", "--check"), ("lint",), "checks"),
        Step("shellcheck", shellcheck, ("lint",), "checks"),
        Step("actionlint", actionlint, ("lint",), "checks"),
        Step("reuse", step(run_tool, "reuse", "lint", "--lines"), ("lint",), "checks"),
        Step("antsibull-docs", lint_documentation, ("docs",), "checks"),
        Step("documentation site", site.build, ("docs",), "checks"),
        Step("antsibull-changelog", step(run_tool, "antsibull-changelog", "lint"), ("docs",), "checks"),
        Step("tarball", build_and_check_tarball, ("docs",), "checks"),
        # Some need an image.
        Step("interoperability tests", step(pytest, VENV, "tests/interoperability"), ("interoperability",)),
        *(Step(f"molecule {name}", step(molecule, name, kind), ("molecule",), "scenarios") for name in scenarios()),
        Step("benchmark of a fleet, on three hosts", benchmark_fleet, ("molecule",), "scenarios"),
        Step("molecule on the distribution", step(molecule, "distribution"), ("distribution",)),
        Step("the double of Security on Apple's CoreFoundation", test_on_core_foundation, ("core-foundation",)),
    ]
