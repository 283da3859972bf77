# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that runs in a process of its own on a Mac, and is alone in loading Apple's libraries there.

It gets one request and writes one answer, both as JSON: what it is asked to do is a row of ``_OPERATIONS``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._macos.core_foundation import CoreFoundation
from ansible_collections.anchorage.pki.plugins.module_utils._macos.reading import read_trust_settings
from ansible_collections.anchorage.pki.plugins.module_utils._macos.security import Security

_OPERATIONS: dict[str, Callable[..., Any]] = {
    "read_trust_settings": read_trust_settings,
}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """``{"result": ...}`` of what was asked for, or ``{"error": ...}``, a sentence without its end.

    A request is ``{"operation": ..., "arguments": {...}, "core_foundation": path, "security": path}``.
    """
    try:
        security = Security(request["security"], CoreFoundation(request["core_foundation"]))
    except (OSError, AttributeError) as error:
        return {"error": f"Apple's libraries cannot be used: {error}"}
    return {"result": _OPERATIONS[request["operation"]](security, **request["arguments"])}
