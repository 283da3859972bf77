# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work in another user's files, done entirely as that user, so that a link or pipe planted there harms nobody else.

A child process gives up root's rights for good, does the work, and sends back plain values, within a time limit: the
files may be on a server that is down, and the user may stop or kill the child. The time lost on a user is limited over
all calls.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import await_end
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError, UserNeeded, describe_os_error

# Seconds. Whatever the child runs has a shorter limit of its own.
TIMEOUT = 180.0
_GRACE = 1.0  # for a killed child to be gone; one that waits for a dead file server never is
_LARGEST_ANSWER = 32 * 1024 * 1024


@dataclass(frozen=True)
class Account:
    """A user of this host, by numbers: ``name`` may be unknown to the system."""

    name: str
    uid: int
    gid: int
    home: str


@dataclass
class TimeBudget:
    """The seconds that may be lost on each user, by number; once they are, each call has only ``least`` seconds."""

    limit: float = TIMEOUT
    least: float = 1.0
    lost: dict[int, float] = field(default_factory=dict)

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
    answer = _ask_child(lambda: _become(account), function, arguments, budget.timeout(account.uid, timeout))
    try:
        return _open_answer(
            answer, f"Work in the files of {account.name} did not complete in time, or was ended by that user."
        )
    except HostError:
        budget.lose(account.uid, time.monotonic() - start)
        raise


def call_within(timeout: float, function: Callable[..., Any], *arguments: Any) -> Any:
    """What ``function`` returns, run in a child process as oneself: for a look at files that may never answer.

    Raises HostError as :func:`call_as` does.
    """
    answer = _ask_child(lambda: None, function, arguments, timeout)
    return _open_answer(answer, f"There was no answer within {timeout:g} seconds.")


def _ask_child(
    prepare: Callable[[], None], function: Callable[..., Any], arguments: tuple[Any, ...], timeout: float
) -> bytes:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _answer(writing, prepare, function, arguments)
    os.close(writing)
    try:
        return _receive(reading, time.monotonic() + timeout)
    finally:
        os.close(reading)
        _end(child)


def _answer(
    writing: int, prepare: Callable[[], None], function: Callable[..., Any], arguments: tuple[Any, ...]
) -> NoReturn:
    """All that the child does. Whatever happens, it must not return into the parent's code."""
    status = 1
    try:
        prepare()
        answer = json.dumps(_outcome(function, arguments)).encode()
        with open(writing, "wb") as pipe:
            pipe.write(answer)
        status = 0
    finally:
        if sys.exc_info()[0]:
            traceback.print_exc()
        os._exit(status)


def _become(account: Account) -> None:
    os.setgroups(os.getgrouplist(account.name, account.gid))
    os.setgid(account.gid)
    os.setuid(account.uid)
    os.umask(0o077)
    os.chdir("/")


def _outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> dict[str, Any]:
    try:
        return {"result": function(*arguments)}
    except UserNeeded as error:
        return {"user_needed": str(error)}
    except HostError as error:
        return {"error": str(error)}
    except OSError as error:
        return {"error": describe_os_error(error)}


def _receive(reading: int, deadline: float) -> bytes:
    """Everything up to the pipe's end, or what came before the deadline and within the size limit."""
    answer = b""
    while len(answer) <= _LARGEST_ANSWER:
        ready, _writable, _broken = select.select([reading], [], [], max(0.0, deadline - time.monotonic()))
        part = os.read(reading, 65536) if ready else b""
        if not part:
            break
        answer += part
    return answer


def _end(child: int) -> None:
    """Reap the child, which has ended, is overdue, or was stopped by its user."""
    os.kill(child, signal.SIGKILL)
    deadline = time.monotonic() + _GRACE
    await_end(child, _GRACE)
    while os.waitpid(child, os.WNOHANG) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.005)


def _open_answer(answer: bytes, without_answer: str) -> Any:
    """The result in the answer. Raises HostError, with the sentence ``without_answer`` where it is incomplete."""
    try:
        content = json.loads(answer)
    except ValueError as error:
        raise HostError(without_answer) from error
    if "user_needed" in content:
        raise UserNeeded(content["user_needed"])
    if "error" in content:
        raise HostError(content["error"])
    return content["result"]
