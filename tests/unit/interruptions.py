# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Interrupted runs: a child process does the work and is killed, with its own children, at a step of choice."""

from __future__ import annotations

import mmap
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest


def kill_at(step: int, monkeypatch: pytest.MonkeyPatch, where: list[tuple[Any, str]], work: Callable[[], Any]) -> bool:
    """Do the work and kill -9 it just before the ``step``-th call (from 1) of the functions that ``where`` lists, each
    a module and a name. Whether it came that far."""
    shared = mmap.mmap(-1, 2)  # by all processes of the work: how many calls there were, and whether it is time

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **options: Any) -> Any:
            shared[0] += 1
            if shared[0] == step:
                shared[1] = True
                signal.pause()
            return function(*arguments, **options)

        return wrapper

    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        try:
            for module, name in where:
                monkeypatch.setattr(module, name, counted(getattr(module, name)))
            work()
        finally:
            os._exit(0)
    while not shared[1] and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        time.sleep(0.002)
    if shared[1]:
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return bool(shared[1])
