# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A look at the trust stores of a host: the module's answer where it has nothing to change there, for a fraction of
what the module costs. A look writes nothing and takes no lock.

It is a program of its own on the host, with Python's standard library alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any, replace
from ansible_collections.anchorage.pki.plugins.module_utils._trust import inspection
from ansible_collections.anchorage.pki.plugins.module_utils._trust.answer import answer
from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import KINDS, Kind
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Request, StoreOutcome
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import ABSENT, FAILED

_HOST = Settings()


def look(
    arguments: Mapping[str, Any], settings: Settings = _HOST, kinds: Sequence[Kind] = KINDS
) -> dict[str, Any] | None:
    """What the module answers to these arguments, where it changes nothing and no store failed; else None.

    What fails now may be what another run is at, for which the module waits.
    """

    def unchanged(request: Request, settings: Settings) -> list[StoreOutcome] | None:
        return _unchanged(request, settings, kinds)

    answered = answer(arguments, replace(settings, reads_only=True), unchanged)
    password = arguments.get("java_keystore_password")
    # Ansible masks it in what a module answers.
    return None if password and any(password in text for text in _texts(answered)) else answered


def _texts(value: Any) -> Iterator[str]:
    """All texts in an answer."""
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(each)


def _unchanged(request: Request, settings: Settings, kinds: Sequence[Kind]) -> list[StoreOutcome] | None:
    """The outcome of every store where none has to be changed and none failed; else None."""
    anchors = (request.anchor, *request.further)
    stores, outcomes = inspection.find_stores(request, replace(settings, together=anchors), kinds)
    if outcomes:  # of finders that failed
        return None
    for anchor in anchors:
        own = anchor is request.anchor
        for store in stores:
            outcome = inspection.settled(store, request.operation, inspection.survey(store, anchor))
            # What is private to a user may be so because it cannot be read without being opened for writing.
            if outcome is None or outcome.state == FAILED or outcome.before.private:
                return None
            purges = own and inspection.may_purge(outcome)
            if purges and any(inspection.survey(store, each).state != ABSENT for each in request.superseded):
                return None
            outcomes.append(outcome if own else replace(outcome, anchor=anchor.name))
    return outcomes
