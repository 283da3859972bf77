# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An anchor in all the trust stores of a host: finds them, changes each that needs it, proves it, or takes it back.

What a store is and how it is read, fed and cleared is the business of its family in ``trust_stores/``. One store's
failure never keeps the others from their turn.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils.trust_stores import anchor_folder
from ansible_collections.anchorage.pki.plugins.module_utils.trust_stores.store import (
    ABSENT,
    FAILED,
    NEEDS_USER,
    PENDING,
    TRUSTED,
    UNAVAILABLE,
    Anchor,
    Family,
    Finding,
    Store,
)

FAMILIES: tuple[Family, ...] = (anchor_folder,)

INSPECT = "inspect"
INSTALL = "install"
REMOVE = "remove"
OPERATIONS = [INSPECT, INSTALL, REMOVE]

# The states in which nothing is left that the host itself could do.
SETTLED = {INSPECT: (TRUSTED,), INSTALL: (TRUSTED, PENDING, NEEDS_USER), REMOVE: (ABSENT,)}

LOCK_FILE = "var/run/anchorage-trust.lock"
# Seconds to wait for another run, which may be refreshing a store and then refreshing it back.
LOCK_PATIENCE = 400.0


@dataclass(frozen=True)
class Report:
    """What became of the anchor in one store. In check mode, what would become of it."""

    name: str
    state: str
    changed: bool
    evidence: tuple[str, ...]
    before: Finding


def apply(
    operation: str, anchor: Anchor, root: str = "/", check_mode: bool = False, patience: float = LOCK_PATIENCE
) -> list[Report]:
    """Inspect the anchor in each store below ``root``, and install or remove it where that is still to be done.

    Raises HostError where there is no store at all, where the user may not change one, and while another run is at it.
    """
    stores = _find(root)
    if operation != INSPECT:
        _require_root(root)
    with ExitStack() as stack:
        if operation != INSPECT and not check_mode:
            stack.enter_context(_exclusive(os.path.join(root, LOCK_FILE), patience))
        return [_treat(family, store, anchor, operation, check_mode) for family, store in stores]


def shortfall(operation: str, reports: list[Report]) -> str:
    """Why the operation counts as failed, one sentence for each store to blame; "" when it does not.

    A store whose program is missing is no failure of an installation as long as another one trusts the anchor.
    """
    if operation == INSPECT:
        return ""
    blamed = [report for report in reports if report.state == FAILED]
    achieved = any(report.state in SETTLED[operation] for report in reports)
    if operation == REMOVE or not achieved:
        blamed += [report for report in reports if report.state == UNAVAILABLE]
    return " ".join(f"{report.name}: {report.evidence[0]}" for report in blamed)


def _find(root: str) -> list[tuple[Family, Any]]:
    stores = [(family, store) for family in FAMILIES for store in family.find(root)]
    if not stores:
        sought = ", ".join(entry for family in FAMILIES for entry in family.sought())
        raise HostError(f"This host has no trust store that is known here. Looked for: {sought}.")
    return stores


def _require_root(root: str) -> None:
    if root == "/" and os.geteuid() != 0:
        raise HostError("Only root may change what a host trusts: set become to true.")


@contextmanager
def _exclusive(path: str, patience: float) -> Iterator[None]:
    """Be the only run that changes stores on this host. Raises HostError after ``patience`` seconds."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HostError(f"The lock {path} cannot be taken: {error.strerror}.") from error
    try:
        deadline = time.monotonic() + patience
        while not _locked(descriptor):
            if time.monotonic() >= deadline:
                raise HostError(f"Another run is changing what this host trusts (it holds {path}). Try again later.")
            time.sleep(0.2)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _treat(family: Family, store: Store, anchor: Anchor, operation: str, check_mode: bool) -> Report:
    """Look at one store, change it where that is needed and possible, and report."""
    before = Finding(FAILED, ())
    try:
        before = family.inspect(store, anchor)
        if before.state in SETTLED[operation]:
            return Report(store.name, before.state, False, before.evidence, before)
        if store.obstacle:
            return Report(store.name, UNAVAILABLE, False, (store.obstacle, *before.evidence), before)
        if operation == INSPECT:
            return Report(store.name, before.state, False, before.evidence, before)
        if check_mode:
            after = family.foresee(store, anchor, operation)
            return Report(store.name, after.state, True, after.evidence, before)
        return (_install if operation == INSTALL else _remove)(family, store, anchor, before)
    except (HostError, OSError) as error:
        return Report(store.name, FAILED, False, (_sentence(error),), before)


def _install(family: Family, store: Store, anchor: Anchor, before: Finding) -> Report:
    undo = ExitStack()
    try:
        family.install(store, anchor, before, undo)
        after = family.inspect(store, anchor)
    except (HostError, OSError) as error:
        return _take_back(family, store, anchor, before, undo, _sentence(error))
    if after.state not in SETTLED[INSTALL]:
        reason = f"After the refresh it is {after.state}, not trusted: {'; '.join(after.evidence)}."
        return _take_back(family, store, anchor, before, undo, reason)
    undo.pop_all()
    return Report(store.name, after.state, True, after.evidence, before)


def _take_back(family: Family, store: Store, anchor: Anchor, before: Finding, undo: ExitStack, reason: str) -> Report:
    try:
        undo.close()
        restored = family.inspect(store, anchor)
    except (HostError, OSError) as error:
        reason = f"{reason} Taking the attempt back failed as well: {_sentence(error)}"
        return Report(store.name, FAILED, True, (reason,), before)
    outcome = "Nothing is left of the attempt." if restored == before else f"It is {restored.state} now."
    return Report(store.name, FAILED, restored != before, (f"{reason} {outcome}", *restored.evidence), before)


def _remove(family: Family, store: Store, anchor: Anchor, before: Finding) -> Report:
    """Nothing is put back when this fails: an anchor that shall go is better gone in part than trusted again."""
    reason = ""
    try:
        family.remove(store, anchor)
    except (HostError, OSError) as error:
        reason = _sentence(error)
    after = family.inspect(store, anchor)
    if not reason and after.state in SETTLED[REMOVE]:
        return Report(store.name, after.state, True, after.evidence, before)
    reason = reason or f"A trace of it is left: {'; '.join(after.evidence)}."
    return Report(store.name, FAILED, after != before, (reason, *after.evidence), before)


def _sentence(error: HostError | OSError) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or 'A file'} cannot be read or changed: {error.strerror}."
    return str(error)
