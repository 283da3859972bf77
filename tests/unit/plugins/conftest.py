# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tests of several layers share."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.tests.unit.scratch_people import ScratchPeople, scratch_people


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScratchPeople]:
    """A host with people on it, in a scratch folder."""
    with scratch_people(monkeypatch) as host:
        yield host


@pytest.fixture
def private_folder(tmp_path: Path) -> Iterator[Path]:
    """An empty folder that nobody else can replace parts of, as root demands of a folder for private keys.

    pytest's own are below /tmp, where everybody may write: for root, one in root's home takes their place.
    """
    if os.geteuid() != 0:
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix=".anchorage-test-", dir=pwd.getpwuid(0).pw_dir))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
