# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work in a child process that sends back plain values, within a time limit: what it looks at may never answer."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable

from ansible_collections.anchorage.pki.plugins.module_utils._host.children import await_end
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import TYPE_CHECKING, Any
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError, UserNeeded, describe_os_error

if TYPE_CHECKING:
    from typing import NoReturn

_GRACE = 1.0  # seconds for a killed child to be gone; one that waits for a dead file server never is
_LARGEST_ANSWER = 32 * 1024 * 1024


def call_within(timeout: float, function: Callable[..., Any], *arguments: Any) -> Any:
    """What ``function`` returns, run in a child process as oneself: values that JSON can carry.

    Raises HostError: the function's own, its OSError as a sentence, or that no answer came within ``timeout`` seconds.
    """
    answer = ask_child(lambda: None, function, arguments, timeout)
    return open_answer(answer, f"There was no answer within {timeout:g} seconds.")


def ask_child(
    prepare: Callable[[], None], function: Callable[..., Any], arguments: tuple[Any, ...], timeout: float
) -> bytes:
    """What a child process sends that runs ``function`` once it is prepared; incomplete where it had to be ended."""
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
            sys.excepthook(*sys.exc_info())
        os._exit(status)


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


def open_answer(answer: bytes, without_answer: str) -> Any:
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
