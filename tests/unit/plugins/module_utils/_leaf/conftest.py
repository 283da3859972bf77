# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tests of leaves on a host share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.tests.unit.leaves import Leaf, make_leaf
from ansible_collections.anchorage.pki.tests.unit.scratch_nginx import Nginx, running_nginx


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    """A descriptor of ``tmp_path``."""
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def first() -> Leaf:
    return make_leaf()


@pytest.fixture
def nginx(private_folder: Path, first: Leaf) -> Iterator[Nginx]:
    """A running nginx that serves generation 1."""
    with ExitStack() as stack:
        yield stack.enter_context(running_nginx(private_folder, first))
