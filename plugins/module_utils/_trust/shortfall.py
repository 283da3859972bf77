# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why an operation counts as failed, though every store has an outcome."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import StoreOutcome
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import (
    BLOCKED,
    FAILED,
    INSPECT,
    NEEDS_USER,
    REMOVE,
    SETTLED,
    UNAVAILABLE,
)


def shortfall(operation: str, outcomes: Sequence[StoreOutcome], check_mode: bool = False) -> str:
    """Why the operation counts as failed, one sentence for each store to blame; "" when it does not.

    A store whose program is missing is no failure of an installation as long as another one trusts the anchor, of
    several anchors each. What only a person can remove is one, of a removal and where a former anchor stays, unless
    it is in a store of theirs. ``check_mode`` foresees that, and so cannot fail by it.
    """
    if operation == INSPECT:
        return ""
    anchors = dict.fromkeys(outcome.anchor for outcome in outcomes)
    reasons = (
        _shortfall([each for each in outcomes if each.anchor == anchor], operation, check_mode) for anchor in anchors
    )
    return " ".join(filter(None, reasons))


def _shortfall(outcomes: Sequence[StoreOutcome], operation: str, check_mode: bool) -> str:
    blamed = [outcome for outcome in outcomes if outcome.state in (FAILED, BLOCKED)]
    achieved = any(outcome.state in SETTLED[operation] for outcome in outcomes)
    if operation == REMOVE or not achieved:
        blamed += [outcome for outcome in outcomes if outcome.state == UNAVAILABLE]
    if not check_mode:
        blamed += [outcome for outcome in outcomes if outcome.state == NEEDS_USER and _leaves_one(outcome, operation)]
    return " ".join(
        sentence if sentence.startswith(outcome.name) else f"{outcome.name}: {sentence}"
        for outcome, sentence in ((outcome, _sentence(outcome)) for outcome in blamed)
    )


def _leaves_one(outcome: StoreOutcome, operation: str) -> bool:
    """Whether a store is left with an anchor that was to go."""
    is_left = any(purged.after.state not in SETTLED[REMOVE] for purged in outcome.purged)
    return is_left or (operation == REMOVE and not outcome.before.private)


def _sentence(outcome: StoreOutcome) -> str:
    return f"{outcome.anchor}: {outcome.evidence[0]}" if outcome.anchor else outcome.evidence[0]
