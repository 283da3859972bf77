# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of variables share: those that the collection knows."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.anchorage.pki.plugins.plugin_utils._variables.known import Known, known_variables

ROLES = Path(__file__).resolve().parents[5] / "roles"


@pytest.fixture(scope="session")
def known() -> Known:
    """What the argument specs of all roles document."""
    specs = sorted(ROLES.glob("*/meta/argument_specs.yml"))
    return known_variables(
        {path.parents[1].name: yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"] for path in specs}
    )
