# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tests share: what runs keep for others, and hosts that have leaves, which many tests begin with: they are issued
once in a session."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.tests.conftest import folder_for_keys
from ansible_collections.anchorage.pki.tests.playbooks.authorities import make_authority
from ansible_collections.anchorage.pki.tests.playbooks.fleets import Fleet
from ansible_collections.anchorage.pki.tests.playbooks.startup.kept_by_runs import KEPT


@pytest.fixture(scope="session", autouse=True)
def kept(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where runs keep what others would make anew: one folder for all processes that tests are run in."""
    folder = tmp_path_factory.getbasetemp()
    kept = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "kept"
    kept.mkdir(mode=0o700, exist_ok=True)
    os.environ[KEPT] = str(kept)


@pytest.fixture(scope="session")
def fleets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the fleet of a test is, and what all of them begin with."""
    with folder_for_keys(tmp_path_factory.mktemp("fleets")) as folder:
        yield folder


@pytest.fixture
def folder_with_leaves(fleets: Path) -> Iterator[Path]:
    """The folder for a fleet with an authority and hosts that have leaves of it, each as when it was issued.

    It has the same path in each test, since leaves are known by theirs.
    """
    folder, kept = fleets / "fleet", fleets / "kept"
    if not kept.exists():
        issue(folder)
        kept.mkdir()
        copy(folder, kept)
        shutil.rmtree(folder)
    folder.mkdir()
    copy(kept, folder)
    yield folder
    shutil.rmtree(folder)


def issue(folder: Path) -> None:
    """Make the authority, and have the hosts get their leaves."""
    folder.mkdir()
    fleet = Fleet(folder)
    make_authority(fleet.authority)
    issued = fleet.run("issue")
    assert issued.status == 0, issued.output


def copy(source: Path, target: Path) -> None:
    """Copy the authority and what hosts have, with links, modes and times."""
    subprocess.run(["cp", "-a", *(source / name for name in ("authority", "host1", "host2")), target], check=True)
