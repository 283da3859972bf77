# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that all processes of one run share: made once, swapped whole, read without a lock.

Ansible forks a worker for each host and task, so that what one of them keeps in memory is lost to the others. A value
is a JSON file in the run's own folder. ``flock(2)`` is the barrier while it is made: the kernel lifts it when its
holder ends, however that happens. ``rename(2)`` is the swap: a reader sees the former value or the new one.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._host.lock import LockTimeout, take_lock
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import replace_file
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes, opened_path
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError

Signature = tuple[int, int, int]

#: What this process has read, or inherited at its fork, with the signature of the file it came from. Never used before
#: that was compared: another process may have swapped the file since.
_memory: dict[Path, tuple[Signature, Any]] = {}


def read_value(path: Path) -> Any:
    """The value in ``path``, None where none was made yet. The value is shared: do not change it. Raises PkiError."""
    try:
        remembered = _memory.get(path)
        if remembered and remembered[0] == _signature(os.stat(path)):
            return remembered[1]
        with open(path, "rb") as file:
            signature = _signature(os.fstat(file.fileno()))
            value = json.loads(file.read())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from error
    _memory[path] = signature, value
    return value


def share_value(path: Path, is_current: Callable[[Any], bool], make: Callable[[Any], Any]) -> Any:
    """The value in ``path`` if ``is_current`` says so, else what ``make`` gives for the former value (None at first).

    Of all processes that come at once, one makes it and the others wait for that. Raises PkiError, and what ``make``
    raises: the former value then stays.
    """
    value = read_value(path)
    if value is not None and is_current(value):
        return value
    with _locked(path):
        value = read_value(path)
        if value is None or not is_current(value):
            write_text(path, json.dumps(make(value)))
            value = read_value(path)
    return value


@contextmanager
def waited_for(paths: Iterable[Path], patience: float) -> Iterator[None]:
    """For the making of several values together: others who come for one of ``paths`` wait until the end of the block.

    Waits for those who do the same, ``patience`` seconds in all, so that nobody who hangs holds up everybody. What the
    others made is to be read in the block, where they wait for none of it any more. Raises PkiError.
    """
    deadline = time.monotonic() + patience
    with ExitStack() as locks:
        for path in sorted(paths):  # everybody in one order, so that no two wait for each other
            with suppress(LockTimeout), ExitStack() as lock:
                lock.callback(os.close, _take(path, max(0.0, deadline - time.monotonic())))
                if read_value(path) is None:
                    locks.push(lock.pop_all())
        yield


def write_text(path: Path, text: str) -> None:
    """Put ``text`` at ``path`` by one rename, readable by its owner alone. Raises PkiError."""
    staged = f".{path.name}.{os.getpid()}"  # what has its name from its content is written without a lock
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with opened_path(path.parent) as folder:
            replace_file(folder, path.name, text.encode(), Attributes(0o600), staged, durable=False)
    except OSError as error:
        raise _unusable(path, error) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = _take(path, None)
    try:
        yield
    finally:
        os.close(descriptor)


def _take(path: Path, timeout: float | None) -> int:
    """A descriptor that holds the lock of a value. Raises LockTimeout after so many seconds, PkiError."""
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        return take_lock(path.with_name(f"{path.name}.lock"), timeout)
    except OSError as error:
        raise _unusable(path, error) from error


def _signature(status: os.stat_result) -> Signature:
    return status.st_ino, status.st_mtime_ns, status.st_size


def _unusable(path: Path, error: OSError) -> PkiError:
    return PkiError(f"The run's own folder {path.parent} cannot be used: {error.strerror}. Check ANSIBLE_LOCAL_TEMP.")
