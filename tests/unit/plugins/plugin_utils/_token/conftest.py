# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens by SoftHSM for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.sessions import Tokens
from ansible_collections.anchorage.pki.tests.unit.soft_tokens import PIN, SoftTokens


@pytest.fixture
def soft_tokens(tmp_path: Path) -> SoftTokens:
    return SoftTokens(tmp_path)


@pytest.fixture
def lab(soft_tokens: SoftTokens) -> str:
    """The URI of a token of the test's own."""
    return soft_tokens.make("lab")


@pytest.fixture
def known(private_folder: Path) -> Tokens:
    """What a run knows that was given the right PIN."""
    return Tokens(PIN, private_folder / "run")
