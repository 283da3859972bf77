# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tests of several layers share."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.tests.unit.scratch_people import ScratchPeople, scratch_people
from ansible_collections.anchorage.pki.tests.unit.scratch_postgresql import ScratchServer, scratch_server

OLDEST_PYTHON = "3.9"


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScratchPeople]:
    """A host with people on it, in a scratch folder."""
    with scratch_people(monkeypatch) as host:
        yield host


@pytest.fixture(scope="session")
def database_server() -> Iterator[ScratchServer]:
    """A PostgreSQL server, one for each process of the tests."""
    with scratch_server() as server:
        yield server


@pytest.fixture
def new_database(database_server: ScratchServer) -> str:
    """The URL of an empty database."""
    return database_server.new_database()


def oldest_python() -> str | None:
    """The oldest Python that hosts may have, where pyenv keeps it or on PATH, where a shim may be that only fails."""
    home = Path(os.environ.get("PYENV_ROOT") or Path(pwd.getpwuid(os.getuid()).pw_dir, ".pyenv"))
    candidates = [str(path) for path in home.glob(f"versions/{OLDEST_PYTHON}.*/bin/python")]
    candidates += filter(None, [shutil.which(f"python{OLDEST_PYTHON}")])
    works = (subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0 for path in candidates)
    return next((path for path, good in zip(candidates, works, strict=True) if good), None)


@pytest.fixture(params=["this", "oldest"])
def python(request: pytest.FixtureRequest) -> str:
    """An interpreter to run the module with."""
    interpreter = sys.executable if request.param == "this" else oldest_python()
    if interpreter is None:
        pytest.skip(f"no Python {OLDEST_PYTHON} on this machine")
    return interpreter
