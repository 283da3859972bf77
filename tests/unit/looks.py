# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A look before a run of the module's code: whatever a test of trust finds or makes, both have to say the same."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._trust.answer import answer
from ansible_collections.anchorage.pki.plugins.module_utils._trust.look import look
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Request, StoreOutcome
from ansible_collections.anchorage.pki.plugins.module_utils._trust.presence import present
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import encode

#: What a look must not do, as sys.audit names it: https://docs.python.org/3/library/audit_events.html
CHANGES = {
    *("os.chflags", "os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink"),
    *("os.truncate", "os.utime", "os.setxattr", "os.removexattr", "os.lockf", "fcntl.flock", "fcntl.lockf"),
    *("os.mkfifo", "os.mknod"),
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_root: str | None = None


class LookWritesError(BaseException):
    """Something that a look must not do. No store may take it for an error of its own."""


def _refuse_changes(event: str, arguments: tuple[Any, ...]) -> None:
    if _root is None:
        return
    opens = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
    if event == "os.remove" and os.path.dirname(arguments[0]) == tempfile.gettempdir():
        return  # the name of a file that has none: see reader.py, for systems that make no such file themselves
    if event in CHANGES or (opens and str(arguments[0]).startswith(_root)):
        raise LookWritesError(event, arguments)


sys.addaudithook(_refuse_changes)


@contextmanager
def without_changes(root: str) -> Iterator[None]:
    """Refuse every change of a file, and below ``root`` every opening for one, in child processes as well."""
    global _root
    # Compiled code, which no look leaves behind: it gets its sources from no file.
    _root, former, sys.dont_write_bytecode = root, sys.dont_write_bytecode, True
    try:
        yield
    finally:
        _root, sys.dont_write_bytecode = None, former


def shown(value: object) -> str:
    """As it crosses to the controller, byte for byte."""
    return json.dumps(value, sort_keys=True)


def compare(
    request: Request, settings: Any, kinds: Sequence[Any], work: Callable[[], list[StoreOutcome]]
) -> list[StoreOutcome]:
    """What the module's ``work`` has for the request; before it is done, a look has to say the same, unless there is
    something to change."""
    unfinished = [*Path(settings.root).rglob("*.db-journal")]  # of a writer that was killed: a look does not clean up
    with without_changes(settings.root):
        looked = look(encode(request), settings, kinds)
        assert_nothing_is_missed(request, settings, kinds)
    outcomes: list[StoreOutcome] = []
    refusals: list[HostError] = []

    def kept(_request: Request, _settings: Any) -> list[StoreOutcome]:
        try:
            outcomes.extend(work())
        except HostError as error:
            refusals.append(error)
            raise
        return outcomes

    done = answer(encode(request), settings, kept)
    assert done is not None
    if looked is None:
        # A change that only a person can make, and what another run may be at.
        left = unfinished or any(outcome.state in ("needs_user", "failed") for outcome in outcomes)
        assert done["changed"] or "failed" in done or left, f"a look saw something to change: {done}"
    else:
        refused_by_lock = any("lock" in str(refusal) or "Another run" in str(refusal) for refusal in refusals)
        assert refused_by_lock or shown(looked) == shown(done)
    if refusals:
        raise refusals[0]
    return outcomes


def assert_nothing_is_missed(request: Request, settings: Any, kinds: Sequence[Any]) -> None:
    """Those finders that are not asked, since the host has none of their marks, would find nothing."""
    finders = [finder for kind in kinds if kind.name in request.stores for finder in kind.finders]
    possible = present(finders, settings)
    assert [finder for finder in finders if finder not in possible and finder.find(settings)] == []
