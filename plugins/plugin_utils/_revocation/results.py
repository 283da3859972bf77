# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Revocations in words: the results and the diffs of certificate_revocation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import (
    certificate_result,
    timestamp,
    with_warnings,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.revocations import StoredList
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.issuers import ListIssuer
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import Target
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import ListOutcome, Outcome
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import list_path

SIGNED = "signed"
PENDING = "pending"


def revocation_result(outcome: Outcome, folder: Path | None, now: datetime) -> dict[str, Any]:
    """What a task did, or in check mode would do, with its certificates as they are after it, or would be."""
    result = {
        "changed": outcome.changed,
        "certificates": [_target_result(target, now) for target in outcome.targets],
        "crl": PENDING if any(issued.pending for issued in outcome.lists) else SIGNED,
        "lists": [_list_result(issued, folder) for issued in outcome.lists],
        "ocsp": PENDING if outcome.responses.pending else SIGNED,
    }
    return with_warnings(result, _pending_warnings(outcome))


def lists_result(lists: Mapping[ListIssuer, StoredList | None]) -> dict[str, Any]:
    """The last list of each issuer, None where none was signed, and when it was published."""
    published = {issuer: last.published_at if last else None for issuer, last in lists.items()}
    return {
        "lists": [
            {**_last_list(issuer, last), "published_at": timestamp(at) if (at := published[issuer]) else None}
            for issuer, last in lists.items()
        ]
    }


def pending_result(places: Mapping[LeafPlace, datetime]) -> dict[str, Any]:
    """Which hosts have not said that a good staple of a revoked leaf is gone, and until when it can be shown."""
    return {
        "pending_hosts": [
            {"host": place.host, "path": place.path, "good_until": timestamp(end)} for place, end in places.items()
        ]
    }


def revocation_diff(targets: Sequence[Target]) -> dict[str, str]:
    """The certificates of a task before and after, a line each; the same in check mode as in the run itself."""
    header = "revocations"
    return {
        "before_header": header,
        "after_header": header,
        "before": "".join(f"{_named(target)}: {_before(target)}\n" for target in targets),
        "after": "".join(f"{_named(target)}: {_after(target)}\n" for target in targets),
    }


def _list_result(outcome: ListOutcome, folder: Path | None) -> dict[str, Any]:
    path = folder / list_path(outcome.issuer.identifier) if folder and outcome.last else None
    return {
        **_last_list(outcome.issuer, outcome.last),
        "path": str(path) if path else None,
        "state": PENDING if outcome.pending else SIGNED,
    }


def _last_list(issuer: ListIssuer, last: StoredList | None) -> dict[str, Any]:
    return {
        "issuer": issuer.signer.certificate.subject.rfc4514_string(),
        "issuer_key": issuer.identifier,
        "number": last.signed.number if last else None,
        "this_update": timestamp(last.signed.this_update) if last else None,
        "next_update": timestamp(last.signed.next_update) if last else None,
    }


def _pending_warnings(outcome: Outcome) -> list[str]:
    warnings = [
        f"The list of {issued.issuer.signer.certificate.subject.rfc4514_string()} is pending: {issued.pending} The "
        "next run with the key signs it."
        for issued in outcome.lists
        if issued.pending
    ]
    if outcome.responses.pending:
        warnings.append(f"OCSP responses are pending: {outcome.responses.pending}")
    return warnings


def _target_result(target: Target, now: datetime) -> dict[str, Any]:
    known, revocation = target.known, target.known.revocation
    is_leaf = known.kind == "leaf"
    return {
        **certificate_result(known.certificate, known.sha256),
        "kind": known.kind,
        "changed": target.changed,
        "status": known.status,
        "host": known.place.host if is_leaf else None,
        "path": known.place.path if is_leaf else None,
        "revoked_at": timestamp(revocation.revoked_at if revocation else now),
        "reason": revocation.reason if revocation else target.request.reason,
        "reissue": target.request.reissue if is_leaf else None,
        "good_until": _good_until(target, now),
    }


def _good_until(target: Target, now: datetime) -> str | None:
    return timestamp(target.good_until) if target.good_until and target.good_until > now else None


def _named(target: Target) -> str:
    known = target.known
    where = f" at {known.place.path} on {known.place.host}" if known.kind == "leaf" else ""
    return f"{known.kind} certificate {known.certificate.serial_number:x}{where}"


def _before(target: Target) -> str:
    revocation = target.known.revocation
    if revocation is not None:
        return _revoked(timestamp(revocation.revoked_at), revocation.reason, revocation.reissue, target)
    stapled = f", with good staples until {timestamp(target.good_until)}" if target.good_until else ""
    return f"{target.known.status}{stapled}"


def _after(target: Target) -> str:
    revocation = target.known.revocation
    if revocation is not None:
        return _revoked(timestamp(revocation.revoked_at), revocation.reason, target.request.reissue, target)
    return _revoked("now", target.request.reason, target.request.reissue, target)


def _revoked(when: str, reason: str, reissue: bool, target: Target) -> str:
    followed = ""
    if target.known.kind == "leaf":
        followed = ", to be reissued" if reissue else ", not to be reissued"
    stapled = f", a copy of a staple good until {timestamp(target.good_until)}" if target.good_until else ""
    return f"revoked {when} ({reason}){followed}{stapled}"
