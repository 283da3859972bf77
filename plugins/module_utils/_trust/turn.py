# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One store's turn: changed where that is needed and possible, with proof of the change, or rolled back."""

from __future__ import annotations

from contextlib import ExitStack

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import UserNeeded
from ansible_collections.anchorage.pki.plugins.module_utils._trust.contract import Store
from ansible_collections.anchorage.pki.plugins.module_utils._trust.failure_texts import describe
from ansible_collections.anchorage.pki.plugins.module_utils._trust.failures import STORE_ERRORS
from ansible_collections.anchorage.pki.plugins.module_utils._trust.inspection import outcome_of, reached, settled
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import StoreOutcome
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import (
    FAILED,
    INSTALL,
    NEEDS_USER,
    REMOVE,
    SETTLED,
    Anchor,
    Finding,
)


@dataclass(frozen=True)
class Turn:
    """A store at its turn, and what it said of the anchor before any store was changed."""

    store: Store
    anchor: Anchor
    before: Finding

    def take(self, operation: str, check_mode: bool, perhaps_fed: bool) -> StoreOutcome:
        """Change the store where that is needed and possible. It is looked at again first if it was perhaps fed by the
        change of another one."""
        before = self.before
        unchanged = settled(self.store, operation, before)
        if unchanged:
            return unchanged
        try:
            if check_mode:
                return self._preview(operation)
            if perhaps_fed:
                fed = self.store.inspect(self.anchor)
                if fed != before and fed.state in SETTLED[operation]:
                    return self._outcome(reached(fed), fed.evidence, changed=True)
            return self._install() if operation == INSTALL else self._remove()
        except UserNeeded as error:
            return self._outcome(NEEDS_USER, (str(error), *before.evidence))
        except STORE_ERRORS as error:
            return self._outcome(FAILED, (describe(error),))

    def _outcome(self, state: str, evidence: tuple[str, ...], changed: bool = False) -> StoreOutcome:
        return outcome_of(self.store, self.before, state, evidence, changed)

    def _preview(self, operation: str) -> StoreOutcome:
        after = self.store.preview(self.anchor, operation)
        if after.state in (*SETTLED[operation], NEEDS_USER):
            return self._outcome(reached(after), after.evidence, changed=True)
        reason = f"It would be {after.state} afterwards: {'; '.join(after.evidence)}."
        return self._outcome(FAILED, (reason, *after.evidence), changed=operation == REMOVE)

    def _install(self) -> StoreOutcome:
        undo = ExitStack()
        try:
            self.store.install(self.anchor, self.before, undo)
            after = self.store.inspect(self.anchor)
        except UserNeeded:  # which a store finds out before it changes anything
            raise
        except STORE_ERRORS as error:
            return self._roll_back(undo, describe(error))
        if after.state not in SETTLED[INSTALL]:
            reason = f"After the refresh it is {after.state}, not trusted: {'; '.join(after.evidence)}."
            return self._roll_back(undo, reason)
        undo.pop_all()
        return self._outcome(reached(after), after.evidence, changed=True)

    def _roll_back(self, undo: ExitStack, reason: str) -> StoreOutcome:
        try:
            undo.close()
            restored = self.store.inspect(self.anchor)
        except STORE_ERRORS as error:
            reason = f"{reason} Rolling the change back failed as well: {describe(error)}"
            return self._outcome(FAILED, (reason,), changed=True)
        outcome = "The change was rolled back." if restored == self.before else f"It is {restored.state} now."
        return self._outcome(FAILED, (f"{reason} {outcome}", *restored.evidence), changed=restored != self.before)

    def _remove(self) -> StoreOutcome:
        """Nothing is put back when this fails: an anchor that shall go is better gone in part than trusted again."""
        state, reason = FAILED, ""
        try:
            self.store.remove([self.anchor])
        except UserNeeded as error:  # which may be so for the rest alone
            state, reason = NEEDS_USER, str(error)
        except STORE_ERRORS as error:
            reason = describe(error)
        after = self.store.inspect(self.anchor)
        if not reason and after.state in SETTLED[REMOVE]:
            return self._outcome(reached(after), after.evidence, changed=True)
        reason = reason or f"A trace of it is left: {'; '.join(after.evidence)}."
        return self._outcome(state, (reason, *after.evidence), changed=after != self.before)
