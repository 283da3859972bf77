# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host has: one of the Python versions that it may have, and what Ansible sends to it."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import ansible
import pytest
from ansible_collections.anchorage.pki.tests.unit.imported_modules import ImportedModule, imported_module

ROOT = Path(__file__).resolve().parents[4]


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


@pytest.fixture(scope="session")
def imported(importable: dict[str, str]) -> Iterator[Callable[[str, str], ImportedModule]]:
    """A function that gives the module of that full name in that interpreter, which imports it once for all tests."""
    environment = {"PATH": os.environ["PATH"], **importable}
    with ExitStack() as stack:
        yield functools.cache(lambda python, name: stack.enter_context(imported_module(python, name, environment)))
