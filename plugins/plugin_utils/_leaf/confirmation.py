# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host has said that it has, noted in the ledger; another run may have seen to the same host meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.issuance import SignedLeaf
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import LeafPlan, is_revoked


def confirm(plans: Sequence[LeafPlan], signed: Sequence[SignedLeaf], ledger: Ledger, now: datetime) -> None:
    """Note in ``ledger`` what the host has in use now, be it from a run whose end the controller did not see.

    Raises PkiError, once all that is known is noted, where what was delivered has been revoked since it was signed.
    Another run may have taken it away by now, so that the host is to be asked again.
    """
    delivered = {leaf.plan.place for leaf in signed}
    seen = [plan for plan in plans if plan.place not in delivered and _is_unconfirmed(plan, ledger)]
    if not signed and not seen:
        return
    with ledger.transaction():
        overtaken = [leaf for leaf in signed if _is_overtaken(leaf, ledger)]
        for leaf in signed:
            if leaf in overtaken:
                ledger.mark_awaited(leaf.shown[1])
            else:
                ledger.mark_deployed(leaf.plan.place, *leaf.shown, now)
        for plan in seen:
            if _is_current(plan, ledger):
                ledger.mark_deployed(plan.place, plan.deployed.leaf_sha256, plan.deployed.staple_sha256, now)
    if overtaken:
        names = ", ".join(repr(leaf.plan.request.name) for leaf in overtaken)
        raise PkiError(
            f"{names} or its issuer was revoked while this task ran. It may be in use with a good staple. Run the task "
            "again, which asks the host and sees to it."
        )


def _is_unconfirmed(plan: LeafPlan, ledger: Ledger) -> bool:
    """Whether the host has something else than the ledger knows as in use: what a run delivered whose end was not
    seen, or what somebody put back. Or what the ledger only assumes, since it was migrated, or what it waits for."""
    if plan.record is None:
        return plan.deployed.generation == 0 and ledger.is_awaited(plan.place)
    has, known = plan.record.staple(plan.deployed.staple_sha256), plan.record.staple_in_use
    assumed = known is not None and known.deployed_at is None
    differs = plan.record.status in ("signed", "superseded") or has != known or assumed
    return differs or ledger.is_awaited(plan.place)


def _is_overtaken(leaf: SignedLeaf, ledger: Ledger) -> bool:
    """Whether a leaf that was delivered has been revoked since its plan was made."""
    sha256, known = leaf.shown[0], leaf.plan.record
    was_revoked = known is not None and known.sha256 == sha256 and is_revoked(known)
    return ledger.revocations.is_revoked(sha256) and not was_revoked


def _is_current(plan: LeafPlan, ledger: Ledger) -> bool:
    """Whether the ledger says of a deployed leaf what it said when the host was asked: no other run has come after."""
    return ledger.leaf(plan.place, plan.deployed.leaf_sha256) == plan.record
