# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host's answer proves of an authority's roots, and its entry in the authority's ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import FILES, KINDS
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import ABSENT, TRUSTED
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.macos_session import is_of_a_mac
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proofs import Proof
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError

# As the ledger keeps it of a host's word, in characters. What is longer is told apart by its digest.
_LONGEST_NAME = 500


def proofs_of(
    result: Mapping[str, Any], superseded: Sequence[str] = (), roots: Collection[str] | None = None
) -> list[Proof]:
    """What the result of trust_anchor for one host, which was not in check mode, proves; nothing where the host told of
    no store. ``superseded`` are the fingerprints of the roots that were to go as well; ``roots`` those that count,
    where the task may have been about others, too.

    Where a store has the anchor as it was to be, they are gone from it: else it would have failed. Of any other store
    it is not known, which is entered as what became of the store: it proves nothing, and says why. So is what comes
    with the next boot, until a run after that sees it. Where stores could not be looked for, no root is proved.
    """
    if "stores" not in result:
        return []
    proofs = [_proof(result["anchor"]["sha256"], store, store["state"]) for store in result["stores"]]
    unfound = [store for store in result["stores"] if _is_unfound(store)]
    for told in result.get("further_anchors", []):
        proofs += [_proof(told["sha256"], store, store["state"]) for store in (*told["stores"], *unfound)]
    for store in result["stores"]:
        state = ABSENT if store["state"] in (TRUSTED, ABSENT) else store["state"]
        proofs += [_proof(root, store, state) for root in superseded]
    return proofs if roots is None else [proof for proof in proofs if proof.root_sha256 in roots]


def seen_kinds(result: Mapping[str, Any], kinds: Iterable[str], as_root: bool) -> set[str]:
    """Those of the ``kinds`` that were asked for of which the result names all stores: any other one is not there.

    A Mac shows those who do not ask ``as_root`` what is their own alone, and so does each host where nothing is asked
    for but what users have of their own. All other hosts refuse them. Of files, there are more than those that a task
    names.
    """
    asked, stores = set(kinds), result.get("stores", [])
    unfound = {store["kind"] for store in stores if _is_unfound(store)}
    of_users = {kind.name for kind in KINDS if kind.is_of_users}
    own = asked <= of_users or any(is_of_a_mac(store["name"]) for store in stores)
    if not as_root and (unfound or own):
        return set()
    return asked - unfound - {FILES}


def enter_proofs(
    path: Path,
    host: str,
    proofs: Sequence[Proof],
    kinds: Collection[str],
    now: datetime,
    leaving: Collection[str] = (),
) -> list[str]:
    """Enter in the ledger ``path`` what the host showed in all its stores of these ``kinds``, where the roots with the
    fingerprints ``leaving`` are to go; what to warn of.

    A ledger that cannot be used undoes nothing on the host, and fails no task: the next run enters it.
    """
    if not proofs:
        return []
    try:
        with open_ledger(path) as ledger:
            difference = ledger.proofs.difference(host, proofs, kinds, now, leaving)
            if difference:
                with ledger.transaction():
                    ledger.proofs.enter(host, difference, now)
    except PkiError as error:
        return [f"The ledger does not know what this host trusts now. {error}"]
    return []


def _is_unfound(store: Mapping[str, Any]) -> bool:
    """Whether it is no store, but stands for those of its kind that could not be looked for: nobody reads it."""
    return not store["read_by"]


def _proof(root_sha256: str, store: Mapping[str, Any], state: str) -> Proof:
    name, evidence = store["name"], json.dumps(store["evidence"]).encode()
    name = name if len(name) <= _LONGEST_NAME else hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
    return Proof(root_sha256, store["kind"], name, state, hashlib.sha256(evidence).hexdigest())
