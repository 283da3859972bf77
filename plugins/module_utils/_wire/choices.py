# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A message's field of several words out of a list."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import (
    MOST_ENTRIES,
    MalformedError,
    declared,
    entries_of,
)


def choices(words: Sequence[str], default: Sequence[str] = (), most: int = MOST_ENTRIES) -> Any:
    """Some of these words, at most ``most`` of them."""

    def read(value: Any) -> tuple[str, ...]:
        entries = entries_of(value, most)
        if not all(isinstance(entry, str) and entry in words for entry in entries):
            raise MalformedError(f"has an entry that is none of {', '.join(words)}")
        return tuple(entries)

    return declared(read, "list", tuple(default), {"elements": "str", "choices": list(words)})
