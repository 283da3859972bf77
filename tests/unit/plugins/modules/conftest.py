# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host has: one of the Python versions that it may have, and what Ansible sends to it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import ansible
import pytest

ROOT = Path(__file__).resolve().parents[4]
OLDEST_PYTHON = "3.9"


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


@pytest.fixture(scope="session")
def importable(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which Python imports what Ansible sends to a host, compiled once for all tests: the
    collection, and of ansible-core its module_utils alone."""
    packages = tmp_path_factory.mktemp("packages")
    (packages / "ansible").mkdir()
    (packages / "ansible/__init__.py").touch()
    (packages / "ansible/module_utils").symlink_to(Path(ansible.__file__).parent / "module_utils")
    (packages / "ansible_collections").symlink_to(ROOT / "build/collections/ansible_collections")
    return {"PYTHONPATH": str(packages), "PYTHONPYCACHEPREFIX": str(tmp_path_factory.mktemp("compiled"))}
