# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network that the client's tests ask in."""

from __future__ import annotations

import pytest
from ansible_collections.anchorage.pki.tests.unit.scratch_network import Network


@pytest.fixture
def network() -> Network:
    """A network in which every name that is resolved has to be said."""
    return Network()
