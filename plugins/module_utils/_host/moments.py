# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moments as numbers: the standard library's calendar and time.strptime take five milliseconds to import."""

from __future__ import annotations

import time


def utc_seconds(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    """The seconds from 1970-01-01 UTC to a moment of UTC. Raises ValueError where there is no such moment."""
    # Years that begin in March end with the leap day. The months since then have 153 days in each five of them.
    years, months = divmod(year * 12 + month - 3, 12)
    days = years * 365 + years // 4 - years // 100 + years // 400 + (months * 153 + 2) // 5 + day - 719469
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
    try:
        found = time.gmtime(seconds)[:6]
    except (OverflowError, OSError):
        raise ValueError("this system knows no such moment") from None
    if found != (year, month, day, hour, minute, second):
        raise ValueError("there is no such moment")
    return seconds
