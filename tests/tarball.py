# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tarball that Galaxy and Automation Hub get: what is in it, what they say of it, and that it works installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from programs import BUILD, COMPILED, ROOT, Failed, pip_install, run

VENV = BUILD / "venv-galaxy"
PLAY = ROOT / "tests" / "installed" / "play.yml"

#: What is at the top of the tarball: what users need, what its licence asks for, and what ansible-test reads of it.
SHIPPED = frozenset(
    (
        "CHANGELOG.rst",
        "CODE_OF_CONDUCT.md",
        "CONTRIBUTING.md",
        "FILES.json",
        "LICENSE",
        "LICENSES",
        "MAINTAINERS.md",
        "MANIFEST.json",
        "README.md",
        "REUSE.toml",
        "SECURITY.md",
        "changelogs",
        "docs",
        "execution-environment.yml",
        "meta",
        "playbooks",
        "plugins",
        "requirements.txt",
        "roles",
        "tests",
    )
)
SHIPPED_TESTS = frozenset(("tests", "tests/config.yml"))
#: The rules of the community's package: a collection works without anything else of itself.
NEEDED = ("meta", "playbooks", "plugins", "roles")
#: A relative link of documentation, and where it leads to.
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def prepare() -> None:
    """Make the environment in which a stranger would install it, and in which Galaxy would import it."""
    if not (VENV / "bin" / "python").exists():
        run([sys.executable, "-m", "venv", VENV])
    files = ("--requirement", "requirements.txt", "--requirement", "tests/requirements-galaxy.txt")
    pip_install(VENV / "bin" / "python", *files)


def built() -> Path:
    """The tarball that was built last."""
    found = sorted(BUILD.glob("anchorage-pki-*.tar.gz"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise Failed("no tarball was built")
    return found[-1]


def unexpected(names: Iterable[str]) -> list[str]:
    """The names in a tarball that it should not have, and those that it lacks."""
    names = {name.rstrip("/") for name in names}
    tops = {PurePosixPath(name).parts[0] for name in names}
    others = {name for name in names if PurePosixPath(name).parts[0] not in SHIPPED}
    others |= {name for name in names if PurePosixPath(name).parts[0] == "tests"} - SHIPPED_TESTS
    return [*(f"{name} is not for users" for name in sorted(others)), *(f"no {top}" for top in sorted(SHIPPED - tops))]


def dead_links(names: Iterable[str], read: Mapping[str, str]) -> list[str]:
    """Links of documentation to what the tarball lacks."""
    names = {name.rstrip("/") for name in names}
    found = []
    for page, text in sorted(read.items()):
        for target in LINK.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
            path = os.path.normpath(PurePosixPath(page).parent / target)
            if path not in names:
                found.append(f"{page} links to {target}, which is not in it")
    return found


def check_content() -> str:
    """See that the tarball has what users need and nothing else."""
    tarball = built()
    with tarfile.open(tarball) as archive:
        members = archive.getmembers()
        names = [member.name for member in members]
        pages = [name for name in names if name.endswith(".md") and name != "CONTRIBUTING.md"]
        texts = {page: text.read().decode() for page in pages if (text := archive.extractfile(page))}
    wrong = [*unexpected(names), *dead_links(names, texts)]
    if wrong:
        raise Failed(f"{len(wrong)} faults of {tarball.name}", wrong)
    files = sum(not member.isdir() for member in members)
    return f"{files} files, {tarball.stat().st_size // 1024} KiB"


def faults(output: str) -> list[str]:
    """What an importer warned of, or found wrong."""
    return [line for line in output.splitlines() if re.match("WARNING|ERROR|CRITICAL|Traceback", line)]


def isolated(folder: Path) -> dict[str, str]:
    """An environment in which nothing is found but the programs of the system and of :data:`VENV`."""
    path = os.pathsep.join([str(VENV / "bin"), "/usr/local/bin", "/usr/bin", "/bin"])
    settings = {"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8", "NO_COLOR": "1", **COMPILED}
    return {**settings, "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"), "ANSIBLE_NOCOLOR": "1"}


def check_import() -> None:
    """Have the importer of Galaxy and Automation Hub import the tarball, to which each warning is a fault.

    It runs neither ansible-lint, which has a step of its own for the same files, nor flake8, as on Galaxy: what it
    forbids besides, PEP 8 asks for, and ruff writes.
    """
    with tempfile.TemporaryDirectory() as name:
        settings = {"CHECK_REQUIRED_TAGS": "true", "RUN_ANSIBLE_LINT": "false", "TMP_ROOT_DIR": name}
        environment = isolated(Path(name)) | {f"GALAXY_IMPORTER_{key}": value for key, value in settings.items()}
        command: list[str | Path] = [VENV / "bin" / "python", "-m", "galaxy_importer.main", built()]
        ended = subprocess.run(command, env=environment, cwd=name, capture_output=True, text=True, check=False)
    output = ended.stdout + ended.stderr
    found = faults(output)
    print("\n".join(line for line in output.splitlines() if not line.startswith("Loading ")), flush=True)
    if found or ended.returncode:
        raise Failed(f"galaxy-importer ended with status {ended.returncode} and {len(found)} faults", found)


def check_installed() -> None:
    """Install the tarball into an empty folder, take away what the rules say is not needed, and use it by its names."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = isolated(folder)
        programs = VENV / "bin"
        target = folder / "collections"
        install: list[str | Path] = [programs / "ansible-galaxy", "collection", "install", "--offline", built()]
        run([*install, "-p", target], environment, folder)
        collection = target / "ansible_collections" / "anchorage" / "pki"
        playbooks = sorted(f"anchorage.pki.{path.stem}" for path in (collection / "playbooks").glob("*.yml"))
        for path in collection.iterdir():
            if path.is_dir() and path.name not in NEEDED:
                shutil.rmtree(path)
            elif not path.is_dir():
                path.unlink()
        play = Path(shutil.copy(PLAY, folder))
        run([programs / "ansible-playbook", "--syntax-check", *playbooks], environment, folder)
        run([programs / "ansible-playbook", play], environment, folder)
        variables = f"anchorage_authority={folder / 'authority'}"
        run([programs / "ansible-playbook", "anchorage.pki.authority", "-e", variables], environment, folder)
