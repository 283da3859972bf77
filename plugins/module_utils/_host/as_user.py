# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work in another user's files, done wholly as that user, so that a link or a pipe planted there harms nobody else.

A child process gives up root's rights for good, does the work, and sends back plain values: in limited time, as the
files may lie on a server that is gone, and as the user may stop or end the child. All the
time that work for a user took in vain counts together.
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
from dataclasses import dataclass
from typing import Any, NoReturn

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import await_end
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError, UserNeeded

# Seconds. Whatever the child runs has a shorter limit of its own.
PATIENCE = 180.0
_LEAST_PATIENCE = 1.0  # with a user for whom that much was spent in vain already
_GRACE = 1.0  # for a killed child to be gone; one that waits for a dead file server never is
_LARGEST_ANSWER = 32 * 1024 * 1024


# Seconds spent in vain, by the number of the user.
_lost: dict[int, float] = {}


@dataclass(frozen=True)
class Account:
    """A user of this host, by numbers: ``name`` may be unknown to the system."""

    name: str
    uid: int
    gid: int
    home: str


def call_as(account: Account, function: Callable[..., Any], *arguments: Any, patience: float = PATIENCE) -> Any:
    """What ``function`` returns when the user runs it: values that JSON can carry.

    Raises HostError: the function's own, its OSError as a sentence, or that no answer came in ``patience`` seconds.
    """
    if os.geteuid() != 0 or account.uid == 0:  # whoever is not root is nobody else, and sees what they may see
        return function(*arguments)
    start, lost = time.monotonic(), _lost.get(account.uid, 0.0)
    patience = min(patience, max(_LEAST_PATIENCE, PATIENCE - lost))
    answer = _ask_child(lambda: _become(account), function, arguments, patience)
    try:
        return _open_answer(answer, f"Work in the files of {account.name} came to no end, or was ended by that user.")
    except HostError:
        _lost[account.uid] = lost + time.monotonic() - start
        raise


def call_in_time(function: Callable[..., Any], *arguments: Any, patience: float) -> Any:
    """What ``function`` returns, run by whoever runs this: for a look at files that may give no answer.

    Raises HostError as :func:`call_as` does.
    """
    answer = _ask_child(lambda: None, function, arguments, patience)
    return _open_answer(answer, f"There was no answer in {patience:g} seconds.")


def _ask_child(
    prepare: Callable[[], None], function: Callable[..., Any], arguments: tuple[Any, ...], patience: float
) -> bytes:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _answer(writing, prepare, function, arguments)
    os.close(writing)
    try:
        return _receive(reading, time.monotonic() + patience)
    finally:
        os.close(reading)
        _end(child)


def _answer(
    writing: int, prepare: Callable[[], None], function: Callable[..., Any], arguments: tuple[Any, ...]
) -> NoReturn:
    """The child's whole life. Whatever happens, it must not return into its parent's business."""
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
        return {"error": f"{error.filename or 'A file'} cannot be read or changed: {error.strerror}."}


def _receive(reading: int, deadline: float) -> bytes:
    """Everything up to the pipe's end, or what came of it until the time or the room is up."""
    answer = b""
    while len(answer) <= _LARGEST_ANSWER:
        ready, _writable, _broken = select.select([reading], [], [], max(0.0, deadline - time.monotonic()))
        part = os.read(reading, 65536) if ready else b""
        if not part:
            break
        answer += part
    return answer


def _end(child: int) -> None:
    """The child is at its end, or overdue, or its user has stopped it."""
    os.kill(child, signal.SIGKILL)
    deadline = time.monotonic() + _GRACE
    await_end(child, _GRACE)
    while os.waitpid(child, os.WNOHANG) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.005)


def _open_answer(answer: bytes, silence: str) -> Any:
    """``silence`` says that there is no whole answer."""
    try:
        content = json.loads(answer)
    except ValueError as error:
        raise HostError(silence) from error
    if "user_needed" in content:
        raise UserNeeded(content["user_needed"])
    if "error" in content:
        raise HostError(content["error"])
    return content["result"]
