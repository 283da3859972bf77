# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bytes in a message. Only what changes a host has any."""

from __future__ import annotations

import base64

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import (
    LONGEST_TEXT,
    MalformedError,
    at_most,
    declared,
    typed,
)


def content(default: bytes | None = None, largest: int = LONGEST_TEXT, **spec: Any) -> Any:
    """At most so many bytes, which travel in base64."""

    def read(value: Any) -> bytes:
        encoded = at_most(typed(value, str), 4 * ((largest + 2) // 3))
        try:
            return base64.b64decode(encoded, validate=True)
        except ValueError as error:  # of which binascii.Error is one
            raise MalformedError("is not base64") from error

    return declared(read, "str", default, spec)
