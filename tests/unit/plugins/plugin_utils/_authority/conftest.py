# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ledgers of both kinds, for what both have to do alike."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger_urls import LEDGER_URL


@pytest.fixture(params=["sqlite", "postgresql"])
def either_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The path of a ledger that is to be made: once that of a file, once with the URL of a database beside it."""
    if request.param == "postgresql":
        (tmp_path / LEDGER_URL).write_text(request.getfixturevalue("new_database"))
    return tmp_path / "ledger.sqlite3"
