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

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import replace
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.lock import LockTimeout
from ansible_collections.anchorage.pki.plugins.module_utils._host.passing_lock import (
    release_passing_lock,
    take_passing_lock,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.inspection import find_stores, may_purge, survey
from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import KINDS, Kind
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Request, StoreOutcome
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import INSPECT
from ansible_collections.anchorage.pki.plugins.module_utils._trust.superseded import purge
from ansible_collections.anchorage.pki.plugins.module_utils._trust.together import change_together
from ansible_collections.anchorage.pki.plugins.module_utils._trust.turn import Turn

LOCK_FILE = "/var/run/anchorage-trust.lock"
#: Of a user, who changes what is his own alone, it is in the first of these folders below his home that there is; the
#: last one is made where it is missing.
PERSONAL_LOCK_FOLDERS = ("Library/Caches", ".cache")
_HOST = Settings()


def apply(
    request: Request, settings: Settings = _HOST, check_mode: bool = False, kinds: Sequence[Kind] = KINDS
) -> list[StoreOutcome]:
    """Inspect the anchors in each store of the kinds that the request asks for, and install or remove them where that
    is still to be done. The superseded anchors are removed too, from each store in which that was done for the first.

    Raises HostError where there is no store at all, where the user may not change one, and while another run is at it.
    """
    stores, outcomes = find_stores(request, settings, kinds)
    with ExitStack() as stack:
        if request.operation != INSPECT and not check_mode:
            stack.enter_context(_exclusive(settings))
        # All before any: a refresh of one store may feed the next one, too.
        anchors = (request.anchor, *request.further)
        turns = [Turn(store, anchor, survey(store, anchor)) for anchor in anchors for store in stores]
        fed = request.operation != INSPECT and not check_mode and change_together(turns, request.operation)
        for turn in turns:
            perhaps_fed = fed or any(outcome.changed for outcome in outcomes)
            outcome = turn.take(request.operation, check_mode, perhaps_fed)
            own = turn.anchor is request.anchor
            if own and request.superseded and may_purge(outcome):
                outcome = purge(turn.store, request.anchor, request.superseded, outcome, check_mode)
            outcomes.append(outcome if own else replace(outcome, anchor=turn.anchor.name))
        return outcomes


def lock_file(uid: int, home: str) -> str:
    """The file that a user's runs lock."""
    if not uid:
        return LOCK_FILE
    folders = [os.path.join(home, folder) for folder in PERSONAL_LOCK_FOLDERS]
    return os.path.join(next(filter(os.path.isdir, folders), folders[-1]), os.path.basename(LOCK_FILE))


@contextmanager
def _exclusive(settings: Settings) -> Iterator[None]:
    """Be the only run that changes stores on this host. Raises HostError."""
    uid = os.geteuid()
    path = settings.path(lock_file(uid, os.path.expanduser("~")))
    try:
        if uid:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor = take_passing_lock(path, settings.lock_timeout)
    except LockTimeout as error:
        raise HostError(f"Another run is changing what this host trusts (it holds {path}). Try again later.") from error
    except OSError as error:
        raise HostError(f"The lock {path} cannot be taken: {error.strerror}.") from error
    try:
        yield
    finally:
        release_passing_lock(path, descriptor)
