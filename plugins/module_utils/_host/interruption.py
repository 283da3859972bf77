# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may interrupt a run: a signal, or a controller that is no longer there to receive the result.

Signals are recorded and acted upon between steps, so that none of them interrupts a step. Over a connection without a
terminal, its loss sends no signal; then the other end of the standard output is gone.
"""

from __future__ import annotations

import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
_STANDARD_OUTPUT = 1


@contextmanager
def watched_interruptions() -> Iterator[Callable[[], str]]:
    """Yield a function that returns what has interrupted the run since, "" for nothing."""
    received: list[str] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(f"interrupted by {signal.Signals(number).name}")

    def interruption() -> str:
        if received:
            return received[0]
        return "the connection to the controller was lost" if _is_output_gone() else ""

    # Whoever started this with a signal ignored (nohup) wants it ignored.
    former = {number: signal.getsignal(number) for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN}
    for number in former:
        signal.signal(number, note)
    try:
        yield interruption
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _is_output_gone() -> bool:
    poll = select.poll()
    poll.register(_STANDARD_OUTPUT, select.POLLOUT)
    return any(events & (select.POLLERR | select.POLLHUP) for _descriptor, events in poll.poll(0))
