# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host's answer about an anchor, decoded as hostile and turned into the result that a task's user sees."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Answer, StoreOutcome
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import REMOVE, SETTLED, STALE, TRUSTED
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import MalformedError, decode
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import CALL_RESULT, PkiError

# What to do about a root that a run for another authority installed.
OTHER_ROOT_REMEDY = (
    "if nothing needs its authority, fetch the file as former.crt and run the playbook anchorage.pki.trust with "
    "trust_anchor_src=former.crt and trust_anchor_state=absent"
)
# What to do about a root of the authority that gave way to another, or never came to be used.
SUPERSEDED_REMEDY = "run the playbook anchorage.pki.trust with trust_anchor_purge_superseded=true"


def trust_result(
    answer: Mapping[str, Any],
    own: Collection[str] = (),
    further: Sequence[str] = (),
    superseded: Sequence[str] = (),
    unwanted: Collection[str] = (),
) -> dict[str, Any]:
    """The task's result of a host's answer. Raises PkiError for what is no answer.

    ``own`` are the names of the authority's anchors, besides which there may be others. Beside the anchor, the host was
    asked about the ``further`` ones and about the ``superseded``; of these, the stores that have them are told. It was
    not asked about the ``unwanted``, which it may tell of by itself: of these there is a warning.
    """
    result = {key: answer[key] for key in CALL_RESULT if key in answer}
    failed = bool(answer.get("failed") or answer.get("unreachable"))
    if failed and "stores" not in answer:
        return result
    try:
        decoded = decode(Answer, {"stores": None, "installed": [], **answer})
    except MalformedError as error:
        raise PkiError(f"The host returned a malformed result: {error}.") from error
    outcomes = decoded.stores
    result["others"] = [path for path in decoded.installed if PurePosixPath(path).stem not in own]
    result["stores"] = _stores(outcomes, "")
    if further:
        result["further_anchors"] = [{"stores": _stores(outcomes, name)} for name in further]
    if superseded:
        there = [outcome for outcome in outcomes if outcome.before.state in (TRUSTED, STALE)]
        result["superseded_anchors"] = [{"stores": _stores(there, name)} for name in superseded]
    if stays := [path for path in decoded.installed if PurePosixPath(path).stem in unwanted]:
        words = "is a root that is to be trusted no more, and is still installed"
        told = [f"{path} {words}: {SUPERSEDED_REMEDY}." for path in stays]
        result["warnings"] = [*result.get("warnings", []), *told]
    result["purged"] = _purged(outcomes)
    if outcomes or not failed:
        result["changed"] = any(outcome.changed for outcome in outcomes)
        result["diff"] = _diff(outcomes)
    return result


def _stores(outcomes: Sequence[StoreOutcome], anchor: str) -> list[dict[str, Any]]:
    return [_store(outcome) for outcome in outcomes if outcome.anchor == anchor]


def _store(outcome: StoreOutcome) -> dict[str, Any]:
    return {
        "name": outcome.name,
        "kind": outcome.kind,
        "read_by": outcome.readers,
        "state": outcome.state,
        "changed": outcome.changed,
        "evidence": list(outcome.evidence),
    }


def _purged(outcomes: Sequence[StoreOutcome]) -> list[dict[str, Any]]:
    """The former anchors that went, each with the names of the stores it went from."""
    stores: dict[str, list[str]] = {}
    for outcome in outcomes:
        for purged in outcome.purged:
            if purged.after.state in SETTLED[REMOVE]:
                stores.setdefault(purged.sha256, []).append(outcome.name)
    return [{"sha256": sha256, "stores": names} for sha256, names in stores.items()]


def _diff(outcomes: Sequence[StoreOutcome]) -> dict[str, str]:
    """What each store said before and after."""
    before, after = [], []
    for outcome in outcomes:
        name = f"{outcome.name}, {outcome.anchor}" if outcome.anchor else outcome.name
        before.append(_section(name, outcome.before.state, outcome.before.evidence))
        after.append(_section(name, outcome.state, outcome.evidence))
        for purged in outcome.purged:
            name = f"{outcome.name}, former anchor {purged.name}"
            before.append(_section(name, purged.before.state, purged.before.evidence))
            after.append(_section(name, purged.after.state, purged.after.evidence))
    return {
        "before_header": "trust stores before",
        "after_header": "trust stores after",
        "before": "".join(before),
        "after": "".join(after),
    }


def _section(name: str, state: str, evidence: Sequence[str]) -> str:
    return "".join([f"{name}: {state}\n", *(f"  {sentence}\n" for sentence in evidence)])
