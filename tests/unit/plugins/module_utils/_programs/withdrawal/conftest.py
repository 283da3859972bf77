# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tests of withdrawal share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.tests.unit.scratch_systemd import SystemdHost


@pytest.fixture
def host(private_folder: Path) -> SystemdHost:
    """A host with systemd, and root's rights there."""
    if os.geteuid() != 0:
        pytest.skip("withdrawal is for root alone")
    return SystemdHost(private_folder)
