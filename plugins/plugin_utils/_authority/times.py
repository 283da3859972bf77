# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times as the ledger keeps them: whole seconds since 1970-01-01 UTC."""

from __future__ import annotations

from datetime import datetime, timezone

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.damage import DamagedEntryError


def to_seconds(time: datetime) -> int:
    """A time for the ledger; a fraction of a second is lost."""
    return int(time.timestamp())


def from_seconds(seconds: int) -> datetime:
    """A time of the ledger, in UTC. Raises DamagedEntryError for one beyond the calendar."""
    try:
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (OSError, OverflowError, TypeError, ValueError) as error:
        raise DamagedEntryError(f"the time {seconds!r}") from error
