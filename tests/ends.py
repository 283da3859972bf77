# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ends of what is supported, each in a virtual environment: the oldest and the newest of everything."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from lab import machine
from programs import BUILD, ROOT, Skipped, pip_install, run


@dataclass(frozen=True)
class End:
    """One end of what is supported, in a virtual environment: the oldest or the newest of everything.

    On request, an ansible-core between them takes the place of both.

    ``choose_python`` takes one of the machine's Python versions within the range.
    """

    name: str
    requirements: tuple[str, ...]
    oldest_python: tuple[int, int]
    newest_python: tuple[int, int]
    choose_python: Callable[[Iterable[tuple[int, int]]], tuple[int, int]]

    @property
    def folder(self) -> Path:
        """Where the virtual environment is."""
        return BUILD / f"venv-{self.name}"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"


FLOOR = ROOT / "tests" / "requirements-floor.txt"
OLDEST = End("oldest", ("ansible-core~=2.19.0", "--constraint", str(FLOOR)), (3, 11), (3, 13), min)
NEWEST = End("newest", ("ansible-core",), (3, 12), (3, 99), max)
ENDS = (OLDEST, NEWEST)
#: Each ansible-core that tests can be asked to run on, by what it is called there.
ANSIBLE_CORES = {
    "2.19": OLDEST,
    "2.20": End("2.20", ("ansible-core~=2.20.0",), (3, 12), (3, 14), max),
    "2.21": End("2.21", ("ansible-core~=2.21.0",), (3, 12), (3, 14), max),
    "newest": NEWEST,
}


def prepare(end: End) -> str:
    """Make the virtual environment of one end of what is supported."""
    found = machine.interpreters()
    fitting = [python for python in found if end.oldest_python <= python <= end.newest_python]
    if not fitting:
        raise Skipped(f"the {end.name} ansible-core needs another Python than those on this machine")
    if not end.python.exists():
        run([found[end.choose_python(fitting)], "-m", "venv", end.folder])
    files = ["--requirement", "requirements.txt", "--requirement", "tests/requirements-unit.txt"]
    pip_install(end.python, "--upgrade", "--upgrade-strategy", "eager", *files, *end.requirements)
    return versions(end.python)


def versions(python: Path) -> str:
    """What an environment has of what the supported range is about."""
    packages = ["ansible-core", *re.findall(r"^([\w-]+)==", FLOOR.read_text(encoding="utf-8"), re.MULTILINE)]
    script = (
        "import platform, sys; from importlib.metadata import version; "
        "print('Python', platform.python_version(), *(f', {name} {version(name)}' for name in sys.argv[1:]), sep=' ')"
    )
    listing = subprocess.run([python, "-c", script, *packages], capture_output=True, text=True, check=True).stdout
    return listing.strip().replace(" ,", ",")


def need_environment(end: End) -> None:
    """Skip the step unless the virtual environment was made."""
    if not end.python.exists():
        raise Skipped(f"there is no {end.name} ansible-core, see the set-up")
