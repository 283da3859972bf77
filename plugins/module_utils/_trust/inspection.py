# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the stores of a host say of an anchor, and what becomes of those in which nothing is to be changed.

Nothing here changes a host, or needs what does.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import TYPE_CHECKING
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError, UserNeeded
from ansible_collections.anchorage.pki.plugins.module_utils._trust import store as words
from ansible_collections.anchorage.pki.plugins.module_utils._trust.failures import STORE_ERRORS
from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import Kind
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Request, StoreOutcome
from ansible_collections.anchorage.pki.plugins.module_utils._trust.presence import present
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor, Finding

if TYPE_CHECKING:
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.contract import Store


def find_stores(request: Request, settings: Settings, kinds: Sequence[Kind]) -> tuple[list[Store], list[StoreOutcome]]:
    """All stores of the kinds that the request asks for, and an outcome for each finder that failed.

    Of a required kind there has to be a store. And what is to be trusted or looked at in other stores has to be
    somewhere. Others than root change what is their own alone. Raises HostError, also where there is nothing of that.
    """
    kinds = [kind for kind in kinds if kind.name in request.stores]
    stores: list[Store] = []
    failures: list[StoreOutcome] = []
    possible = present([finder for kind in kinds for finder in kind.finders], settings)
    own = all(kind.is_of_users for kind in kinds)
    if request.operation != words.INSPECT and settings.root == "/" and os.geteuid() and not own:
        possible = [finder for finder in possible if finder.is_personal]
        if not any(finder in possible for kind in kinds if not kind.is_of_users for finder in kind.finders):
            raise HostError("Only root may change what a host trusts: set become to true, or stores to nss or files.")
    for kind in kinds:
        for finder in (finder for finder in kind.finders if finder in possible):
            try:
                stores += finder.find(settings)
            except STORE_ERRORS as error:
                finding = Finding(words.FAILED, (f"Its stores cannot be looked for. {_described(error)}",))
                failures.append(StoreOutcome(kind.name, kind.name, "", words.FAILED, False, finding, finding.evidence))
    wanted = [kind for kind in kinds if kind.is_required] or ([] if request.operation == words.REMOVE else kinds)
    seen = {store.kind for store in stores} | {failure.kind for failure in failures}
    if wanted and not seen.intersection(kind.name for kind in wanted):
        sought = ", ".join(entry for kind in wanted for finder in kind.finders for entry in finder.sought())
        raise HostError(f"This host has no trust store that is known here. Looked for: {sought}.")
    return stores, failures


def survey(store: Store, anchor: Anchor) -> Finding:
    """What the store says of the anchor, whatever it raises."""
    try:
        return store.inspect(anchor)
    except UserNeeded as error:
        return Finding(words.NEEDS_USER, (str(error),))
    except STORE_ERRORS as error:
        return Finding(words.FAILED, (_described(error),))


def _described(error: Exception) -> str:
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.failure_texts import describe

    return describe(error)


def reached(finding: Finding) -> str:
    """The state to report of a finding."""
    return words.PENDING if finding.awaits else finding.state


def outcome_of(
    store: Store, before: Finding, state: str, evidence: tuple[str, ...], changed: bool = False
) -> StoreOutcome:
    """The outcome of a store that said ``before`` of the anchor."""
    return StoreOutcome(store.kind, store.name, store.readers, state, changed, before, evidence)


def settled(store: Store, operation: str, before: Finding) -> StoreOutcome | None:
    """The outcome of a store in which nothing is to be changed, or can be; None where a change is to be tried."""
    if before.state == words.FAILED:
        return outcome_of(store, before, words.FAILED, before.evidence)
    if before.private:  # and nobody may keep a host from being changed by what is theirs alone
        return outcome_of(store, before, words.NEEDS_USER, before.evidence)
    if before.blocked and before.state != words.TRUSTED and operation != words.REMOVE:
        return outcome_of(store, before, words.BLOCKED, (before.blocked, *before.evidence))
    if before.state in words.SETTLED[operation]:
        return outcome_of(store, before, reached(before), before.evidence)
    if store.obstacle:
        return outcome_of(store, before, words.UNAVAILABLE, (store.obstacle, *before.evidence))
    if operation == words.INSPECT:
        return outcome_of(store, before, reached(before), before.evidence)
    return None


def may_purge(outcome: StoreOutcome) -> bool:
    """Whether the former anchors can go from a store with this outcome."""
    return outcome.state in (words.TRUSTED, words.ABSENT, words.PENDING)
