# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work in another user's files, done entirely as that user, so that a link or pipe planted there harms nobody else.

A child process gives up root's rights for good, does the work, and sends back plain values, within a time limit: the
files may be on a server that is down, and the user may stop or kill the child. The time lost on a user is limited over
all calls.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from ansible_collections.anchorage.pki.plugins.module_utils._host.accounts import Account
from ansible_collections.anchorage.pki.plugins.module_utils._host.child import ask_child, open_answer
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError

# Seconds. Whatever the child runs has a shorter limit of its own.
TIMEOUT = 180.0


class TimeBudget:
    """The seconds that may be lost on each user, by number; once they are, each call has only ``least`` seconds."""

    def __init__(self, limit: float = TIMEOUT, least: float = 1.0) -> None:
        self.limit, self.least = limit, least
        self.lost: dict[int, float] = {}

    def timeout(self, uid: int, wanted: float) -> float:
        """The time limit of a call, at most the ``wanted`` one."""
        return min(wanted, max(self.least, self.limit - self.lost.get(uid, 0.0)))

    def lose(self, uid: int, seconds: float) -> None:
        """Count what a failed call took."""
        self.lost[uid] = self.lost.get(uid, 0.0) + seconds


_BUDGET = TimeBudget()


def call_as(
    account: Account,
    function: Callable[..., Any],
    *arguments: Any,
    timeout: float = TIMEOUT,
    budget: TimeBudget = _BUDGET,
) -> Any:
    """What ``function`` returns when the user runs it: values that JSON can carry.

    Raises HostError: the function's own, its OSError as a sentence, or that no answer came within ``timeout`` seconds.
    """
    if os.geteuid() != 0 or account.uid == 0:  # only root can become somebody else
        return function(*arguments)
    start = time.monotonic()
    answer = ask_child(lambda: _become(account), function, arguments, budget.timeout(account.uid, timeout))
    try:
        return open_answer(
            answer, f"Work in the files of {account.name} did not complete in time, or was ended by that user."
        )
    except HostError:
        budget.lose(account.uid, time.monotonic() - start)
        raise


def _become(account: Account) -> None:
    os.setgroups(os.getgrouplist(account.name, account.gid))
    os.setgid(account.gid)
    os.setuid(account.uid)
    os.umask(0o077)
    os.chdir("/")
