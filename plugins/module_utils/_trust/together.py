# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several anchors in one store by one change, where a change costs much, such as a refresh of the system's store.

Each has its own turn afterwards all the same, which finds it done and says so. Where one of them cannot be had so, none
is, and the turn of each is all that counts: so one that is to blame is found, and keeps no other one out.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress

from ansible_collections.anchorage.pki.plugins.module_utils._trust.contract import TakesSeveral
from ansible_collections.anchorage.pki.plugins.module_utils._trust.failures import STORE_ERRORS
from ansible_collections.anchorage.pki.plugins.module_utils._trust.inspection import settled
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import INSTALL, SETTLED
from ansible_collections.anchorage.pki.plugins.module_utils._trust.turn import Turn


def change_together(turns: Sequence[Turn], operation: str) -> bool:
    """Install or remove the anchors of all ``turns`` that have something to do in a store which takes several. Whether
    anything was tried: then stores are to be looked at again."""
    due = [turn for turn in turns if not settled(turn.store, operation, turn.before)]
    tried = False
    for store in {id(turn.store): turn.store for turn in due}.values():
        group = [turn for turn in due if turn.store is store]
        if len(group) > 1 and isinstance(store, TakesSeveral):
            tried = True
            with suppress(*STORE_ERRORS):  # what is left is for the turns to do, and to tell of
                if operation == INSTALL:
                    _install(store, group)
                else:
                    store.remove([turn.anchor for turn in group])
    return tried


def _install(store: TakesSeveral, turns: Sequence[Turn]) -> None:
    with ExitStack() as undo:
        store.install_all([(turn.anchor, turn.before) for turn in turns], undo)
        if all(turn.store.inspect(turn.anchor).state in SETTLED[INSTALL] for turn in turns):
            undo.pop_all()
