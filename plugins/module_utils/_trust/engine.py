# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An anchor in all the trust stores of a host: finds the stores, and gives each its turn.

One store's failure never keeps the others from their turn. Former anchors of the same authority can go once the new one
is trusted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.lock import LockTimeout, take_lock
from ansible_collections.anchorage.pki.plugins.module_utils._trust.failures import STORE_ERRORS, describe
from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import KINDS, Kind
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Request, StoreOutcome
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import (
    ABSENT,
    BLOCKED,
    FAILED,
    INSPECT,
    PENDING,
    REMOVE,
    SETTLED,
    TRUSTED,
    UNAVAILABLE,
    Finding,
    Store,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.superseded import purge
from ansible_collections.anchorage.pki.plugins.module_utils._trust.turn import Turn, survey

LOCK_FILE = "/var/run/anchorage-trust.lock"
_HOST = Settings()


def apply(
    request: Request, settings: Settings = _HOST, check_mode: bool = False, kinds: Sequence[Kind] = KINDS
) -> list[StoreOutcome]:
    """Inspect the anchor in each store of the kinds that the request asks for, and install or remove it where that is
    still to be done. The superseded anchors are removed too, from each store in which that was done.

    Raises HostError where there is no store at all, where the user may not change one, and while another run is at it.
    """
    operation, changes = request.operation, request.operation != INSPECT
    stores, outcomes = _find(request, settings, [kind for kind in kinds if kind.name in request.stores])
    if changes and settings.root == "/" and os.geteuid() != 0:
        raise HostError("Only root may change what a host trusts: set become to true.")
    with ExitStack() as stack:
        if changes and not check_mode:
            stack.enter_context(_exclusive(settings))
        # All before any: a refresh of one store may feed the next one, too.
        turns = [Turn(store, request.anchor, survey(store, request.anchor)) for store in stores]
        for turn in turns:
            perhaps_fed = any(outcome.changed for outcome in outcomes)
            outcome = turn.take(operation, check_mode, perhaps_fed)
            if request.superseded and outcome.state in (TRUSTED, ABSENT, PENDING):
                outcome = purge(turn.store, request.anchor, request.superseded, outcome, check_mode)
            outcomes.append(outcome)
        return outcomes


def shortfall(operation: str, outcomes: Sequence[StoreOutcome]) -> str:
    """Why the operation counts as failed, one sentence for each store to blame; "" when it does not.

    A store whose program is missing is no failure of an installation as long as another one trusts the anchor.
    """
    if operation == INSPECT:
        return ""
    blamed = [outcome for outcome in outcomes if outcome.state in (FAILED, BLOCKED)]
    achieved = any(outcome.state in SETTLED[operation] for outcome in outcomes)
    if operation == REMOVE or not achieved:
        blamed += [outcome for outcome in outcomes if outcome.state == UNAVAILABLE]
    return " ".join(
        sentence if sentence.startswith(outcome.name) else f"{outcome.name}: {sentence}"
        for outcome, sentence in ((outcome, outcome.evidence[0]) for outcome in blamed)
    )


def _find(request: Request, settings: Settings, kinds: Sequence[Kind]) -> tuple[list[Store], list[StoreOutcome]]:
    """All stores of the kinds, and an outcome for each finder that failed.

    Of a required kind there has to be a store. And what is to be trusted or looked at in other stores has to be
    somewhere.
    """
    stores: list[Store] = []
    failures: list[StoreOutcome] = []
    for kind in kinds:
        for finder in kind.finders:
            try:
                stores += finder.find(settings)
            except STORE_ERRORS as error:
                finding = Finding(FAILED, (f"Its stores cannot be looked for. {describe(error)}",))
                failures.append(StoreOutcome(kind.name, kind.name, "", FAILED, False, finding, finding.evidence))
    wanted = [kind for kind in kinds if kind.is_required] or ([] if request.operation == REMOVE else kinds)
    seen = {store.kind for store in stores} | {failure.kind for failure in failures}
    if wanted and not seen.intersection(kind.name for kind in wanted):
        sought = ", ".join(entry for kind in wanted for finder in kind.finders for entry in finder.sought)
        raise HostError(f"This host has no trust store that is known here. Looked for: {sought}.")
    return stores, failures


@contextmanager
def _exclusive(settings: Settings) -> Iterator[None]:
    """Be the only run that changes stores on this host. Raises HostError."""
    path = settings.path(LOCK_FILE)
    try:
        descriptor = take_lock(path, settings.lock_timeout)
    except LockTimeout as error:
        raise HostError(f"Another run is changing what this host trusts (it holds {path}). Try again later.") from error
    except OSError as error:
        raise HostError(f"The lock {path} cannot be taken: {error.strerror}.") from error
    try:
        yield
    finally:
        os.close(descriptor)
