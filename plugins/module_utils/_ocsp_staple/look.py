# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A look at a host's staples for certificates of other authorities."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any


def look(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What the module staple_deployment answers to ``arguments`` that have an ``inspect``."""
    raise NotImplementedError(f"staple_deployment is still to come: {sorted(arguments)}")
