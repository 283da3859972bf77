# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of the time that something may take."""

from __future__ import annotations

import socket
from collections.abc import Callable


class Deadline:
    """So many seconds from now on, by a clock that never goes back."""

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def within(self, seconds: float) -> Deadline:
        """A deadline in so many seconds, and no later than this one."""
        return Deadline(self._clock, min(seconds, self._end - self._clock()))

    def allows(self, seconds: float) -> bool:
        """Whether more than so many seconds are left."""
        return self._end - self._clock() > seconds

    def remaining(self) -> float:
        """The seconds that are left. Raises socket.timeout where none are, as an operation that takes them would."""
        left = self._end - self._clock()
        if left <= 0:
            raise socket.timeout
        return left
