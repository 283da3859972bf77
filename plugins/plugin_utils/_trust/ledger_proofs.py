# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host's answer proves of an authority's roots, and its entry in the authority's ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import ABSENT, PENDING, TRUSTED
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proofs import Proof
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError

# As the ledger keeps it of a host's word, in characters. What is longer is told apart by its digest.
_LONGEST_NAME = 500


def proofs_of(result: Mapping[str, Any], superseded: Sequence[str] = ()) -> list[Proof]:
    """What the result of trust_anchor for one host, which was not in check mode, proves; nothing where the host told of
    no store. ``superseded`` are the fingerprints of the roots that were to go as well.

    Where a store has the anchor as it was to be, they are gone from it: else it would have failed. Of any other store
    it is not known, which is entered as what became of the store: it proves nothing, and says why.
    """
    if "stores" not in result:
        return []
    proofs = []
    for told in (result, *result.get("further_anchors", [])):
        root = told["anchor"]["sha256"] if told is result else told["sha256"]
        proofs += [_proof(root, store, store["state"]) for store in told["stores"]]
    for store in result["stores"]:
        state = ABSENT if store["state"] in (TRUSTED, PENDING, ABSENT) else store["state"]
        proofs += [_proof(root, store, state) for root in superseded]
    return proofs


def enter_proofs(path: Path, host: str, proofs: Sequence[Proof], kinds: Collection[str], now: datetime) -> list[str]:
    """Enter in the ledger ``path`` what the host showed in all its stores of these ``kinds``; what to warn of.

    A ledger that cannot be used undoes nothing on the host, and fails no task: the next run enters it.
    """
    if not proofs:
        return []
    try:
        with open_ledger(path) as ledger:
            difference = ledger.proofs.difference(host, proofs, kinds, now)
            if difference:
                with ledger.transaction():
                    ledger.proofs.enter(host, difference, now)
    except PkiError as error:
        return [f"The ledger does not know what this host trusts now. {error}"]
    return []


def _proof(root_sha256: str, store: Mapping[str, Any], state: str) -> Proof:
    name, evidence = store["name"], json.dumps(store["evidence"]).encode()
    name = name if len(name) <= _LONGEST_NAME else hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
    return Proof(root_sha256, store["kind"], name, state, hashlib.sha256(evidence).hexdigest())
