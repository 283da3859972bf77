# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Former anchors of an authority, removed from a store that trusts the new one."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import replace
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import UserNeeded
from ansible_collections.anchorage.pki.plugins.module_utils._trust.contract import Store
from ansible_collections.anchorage.pki.plugins.module_utils._trust.failure_texts import describe
from ansible_collections.anchorage.pki.plugins.module_utils._trust.failures import STORE_ERRORS
from ansible_collections.anchorage.pki.plugins.module_utils._trust.inspection import reached, survey
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import PurgedAnchor, StoreOutcome
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import (
    FAILED,
    NEEDS_USER,
    REMOVE,
    SETTLED,
    Anchor,
    Finding,
)

_NOT_REMOVED = "A former anchor was not removed:"


def purge(
    store: Store, anchor: Anchor, superseded: Sequence[Anchor], outcome: StoreOutcome, check_mode: bool
) -> StoreOutcome:
    """Remove the superseded anchors from a store, and see that the anchor itself is as it was there: the ``outcome`` of
    the store's turn, with what came of that."""
    present: list[tuple[Anchor, Finding]] = []
    try:
        found = [(former, _look(store, former)) for former in superseded]
        present = [(former, before) for former, before in found if before.state not in SETTLED[REMOVE]]
        if not present:
            return outcome
        if store.obstacle:
            return replace(outcome, state=FAILED, evidence=(f"A former anchor cannot be removed: {store.obstacle}",))
        if check_mode:
            purged = [_purged(former, before, store.preview(former, REMOVE)) for former, before in present]
            waiting, after = "", Finding(outcome.state, outcome.evidence)
        else:
            waiting = _remove(store, [former for former, _before in present])
            purged = [_purged(former, before, _look(store, former)) for former, before in present]
            after = _look(store, anchor)
    except UserNeeded as error:
        return replace(outcome, state=NEEDS_USER, evidence=(f"{_NOT_REMOVED} {error}", *outcome.evidence))
    except STORE_ERRORS as error:
        evidence = (f"{_NOT_REMOVED} {describe(error)}", *outcome.evidence)
        changed = outcome.changed or (not check_mode and any(survey(store, each) != before for each, before in present))
        return replace(outcome, state=FAILED, changed=changed, evidence=evidence)
    # What stays in a file of somebody else's was there before, and will be the next time.
    changed = outcome.changed or any(_differs(each, check_mode) for each in purged)
    return _judge(replace(outcome, changed=changed, purged=tuple(purged)), after, waiting)


def _look(store: Store, anchor: Anchor) -> Finding:
    try:
        return store.inspect(anchor)
    except UserNeeded as error:
        return Finding(NEEDS_USER, (str(error),))


def _remove(store: Store, formers: Sequence[Anchor]) -> str:
    """Why a person is needed, which may be so for a part alone; "" where nobody is."""
    try:
        store.remove(formers)
    except UserNeeded as error:
        return str(error)
    return ""


def _purged(former: Anchor, before: Finding, after: Finding) -> PurgedAnchor:
    return PurgedAnchor(former.name, former.sha256, before, after)


def _differs(purged: PurgedAnchor, check_mode: bool) -> bool:
    # A preview has other words than what is found.
    return purged.before.state != purged.after.state if check_mode else purged.before != purged.after


def _judge(outcome: StoreOutcome, after: Finding, waiting: str) -> StoreOutcome:
    """The outcome, failed where a former anchor is left or the anchor itself is no longer as it was; ``waiting`` is
    why only a person can remove one."""
    state = reached(after)
    left = [purged for purged in outcome.purged if purged.after.state not in SETTLED[REMOVE]]
    if left and waiting:
        return replace(outcome, state=NEEDS_USER, evidence=(f"{_NOT_REMOVED} {waiting}", *after.evidence))
    if left and all(purged.after.state == NEEDS_USER for purged in left):
        return replace(outcome, state=NEEDS_USER, evidence=left[0].after.evidence)
    if left:
        reason = f"A trace of the former anchor {left[0].name} is left: {'; '.join(left[0].after.evidence)}."
    elif state != outcome.state:
        reason = f"With its former anchors gone, it is {state}: {'; '.join(after.evidence)}."
    else:
        return replace(outcome, evidence=after.evidence)
    return replace(outcome, state=FAILED, evidence=(reason, *after.evidence))
