# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tests of several layers share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.anchorage.pki.tests.unit.scratch_people import ScratchPeople, scratch_people


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScratchPeople]:
    """A host with people on it, in a scratch folder."""
    with scratch_people(monkeypatch) as host:
        yield host
