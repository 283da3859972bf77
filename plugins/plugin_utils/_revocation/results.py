# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Revocations in words: the results and the diffs of certificate_revocation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import CROSS, LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import (
    certificate_result,
    timestamp,
    with_warnings,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.revocations import StoredList
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.issuers import ListIssuer
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.outcome import ListOutcome, Outcome
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import Target
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import list_path
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import LIST_WARNING

SIGNED = "signed"
PENDING = "pending"


def revocation_result(outcome: Outcome, folder: Path | None, now: datetime) -> dict[str, Any]:
    """What a task did, or in check mode would do, with its certificates as they are after it, or would be."""
    result = {
        "changed": outcome.changed,
        "certificates": [_target_result(target, now) for target in outcome.targets],
        "crl": PENDING if outcome.failure or any(map(_leaves_verifiers_waiting, outcome.lists)) else SIGNED,
        "lists": [_list_result(issued, folder) for issued in outcome.lists],
        "ocsp": PENDING if outcome.failure or outcome.responses.pending else SIGNED,
    }
    if outcome.failure:
        result |= {"failed": True, "msg": _failed(outcome)}
    return with_warnings(
        result,
        [
            *_unknown_place_warnings(outcome),
            *_spared_warnings(outcome),
            *_replaced_warnings(outcome),
            *_unlisted_warnings(outcome),
            *_pending_warnings(outcome),
        ],
    )


def unread_message(outcome: Outcome, failure: str) -> str:
    """Why a task failed that could not read the ledger in the end."""
    return f"{_entered(outcome)}pending_hosts is what was known before lists were signed: {failure}"


def _failed(outcome: Outcome) -> str:
    if not outcome.targets:
        return outcome.failure
    return (
        f"{_entered(outcome)}Not all that tells of it is signed and published: {outcome.failure} What was entered and "
        "signed until then is kept, and the next run publishes it."
    )


def _entered(outcome: Outcome) -> str:
    return "What the task names is revoked in the ledger. " if outcome.targets else ""


def _leaves_verifiers_waiting(outcome: ListOutcome) -> bool:
    """Whether a list is pending that verifiers need soon: one that tells of a revocation, or any but the root's, whose
    key may be off line for months."""
    return bool(outcome.pending) and (outcome.awaited or outcome.issuer.signs_leaves)


def lists_result(lists: Mapping[ListIssuer, StoredList | None]) -> dict[str, Any]:
    """The last list of each issuer, None where none was signed, and when it was published."""
    published = {issuer: last.published_at if last else None for issuer, last in lists.items()}
    return {
        "lists": [
            {**_last_list(issuer, last), "published_at": timestamp(at) if (at := published[issuer]) else None}
            for issuer, last in lists.items()
        ]
    }


def list_warnings(published: Mapping[ListIssuer, StoredList | None], now: datetime) -> list[str]:
    """What to say of the last published lists of issuers that end soon, or have ended."""
    ending = {
        issuer: last.signed
        for issuer, last in published.items()
        if last and last.signed.next_update - now <= (last.signed.next_update - last.signed.this_update) * LIST_WARNING
    }
    return [
        f"The published list of {_subject(issuer)} ends at {timestamp(signed.next_update)}, after which verifiers that "
        "ask for it refuse all certificates of that issuer. Run the playbook publish, which renews it; that needs the "
        "issuer's key."
        for issuer, signed in ending.items()
    ]


def pending_result(places: Mapping[LeafPlace, datetime | None]) -> dict[str, Any]:
    """Which hosts have not said that a good staple of a revoked leaf is gone, and until when it can be shown; and which
    have leaves of a revoked issuer without a staple."""
    return {
        "pending_hosts": [
            {"host": place.host, "path": place.path, "good_until": timestamp(end) if end else None}
            for place, end in places.items()
        ]
    }


def issuing_result(authority: Authority, ledger: Ledger) -> dict[str, Any]:
    """Whether an issuing certificate is revoked, be it that of a root that is to come, or the one that takes its place
    unfinished."""
    issuers, known = authority.active.issuers[-1:], ledger.revocations.issuing_certificates()
    revoked = ledger.revocations.revoked_authorities()
    usable = [one for one in issuers if one.sha256 in known and one.sha256 not in revoked and one.responders]
    coming = [one for epoch in authority.coming() for one in epoch.issuers[-1:] if one.sha256 in revoked]
    return {"issuing_due": not usable or bool(coming)}


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
        "issuer": _subject(issuer),
        "issuer_key": issuer.identifier,
        "number": last.signed.number if last else None,
        "this_update": timestamp(last.signed.this_update) if last else None,
        "next_update": timestamp(last.signed.next_update) if last else None,
    }


def _subject(issuer: ListIssuer) -> str:
    return issuer.signer.certificate.subject.rfc4514_string()


def _unknown_place_warnings(outcome: Outcome) -> list[str]:
    return [
        f"The ledger, which was restored, does not know which host has the leaf "
        f"{target.known.certificate.serial_number:x}. Until the playbook site has replaced it there, a good "
        "staple of it may be shown, for as long as a staple is valid."
        for target in outcome.targets
        if target.known.kind == "leaf" and not target.known.place.host
    ]


def _spared_warnings(outcome: Outcome) -> list[str]:
    return [
        f"name: {_named(target)} was revoked before, and that was not finished, so that this task goes on with it. It "
        f"does not revoke what was issued there since: {', '.join(f'{serial:x}' for serial in target.spared)}. To "
        "revoke that, too, name its serial number."
        for target in outcome.targets
        if target.spared
    ]


def _replaced_warnings(outcome: Outcome) -> list[str]:
    return [
        f"reissue: {_named(target)} was replaced by another leaf, so that false blocks nothing. If that place is to "
        "have no leaf, revoke the one that is there, by its serial number."
        for target in outcome.targets
        if target.is_replaced
    ]


def _unlisted_warnings(outcome: Outcome) -> list[str]:
    return [
        f"No list of this authority tells clients of the issuing certificate {target.known.certificate.serial_number:x}"
        f", which {target.known.certificate.issuer.rfc4514_string()} signed. This authority signs nothing with it any "
        "more; ask the PKI that signed it to revoke it, too."
        for target in outcome.targets
        if target.known.kind == "issuing" and not target.is_listed
    ]


def _pending_warnings(outcome: Outcome) -> list[str]:
    warnings = [
        f"{_due_list(issued)} is pending: {issued.pending} Then run certificate_revocation or the playbook publish, "
        "which sign it."
        for issued in outcome.lists
        if issued.pending
    ]
    if outcome.responses.pending:
        warnings.append(
            f"OCSP responses are pending: {outcome.responses.pending} Then run certificate_revocation or the playbook "
            "publish, which sign them."
        )
    return warnings


def _due_list(outcome: ListOutcome) -> str:
    if outcome.awaited:
        return f"The list of {_subject(outcome.issuer)} that tells of a revocation"
    if outcome.last is None:
        return f"The first list of {_subject(outcome.issuer)}"
    end = timestamp(outcome.last.signed.next_update)
    return f"The list of {_subject(outcome.issuer)} that follows the one which ends at {end}"


def _target_result(target: Target, now: datetime) -> dict[str, Any]:
    known, revocation = target.known, target.known.revocation
    return {
        **certificate_result(known.certificate, known.sha256),
        "kind": known.kind,
        "changed": target.changed,
        "status": known.status,
        "host": known.place.host or None,
        "path": known.place.path or None,
        "places": target.places if known.kind == "issuing" else None,
        "revoked_at": timestamp(revocation.revoked_at if revocation else now),
        "reason": revocation.reason if revocation else target.request.reason,
        "reissue": target.reissue,
        "good_until": _good_until(target, now),
    }


def _good_until(target: Target, now: datetime) -> str | None:
    return timestamp(target.good_until) if target.good_until and target.good_until > now else None


def _named(target: Target) -> str:
    known = target.known
    if known.kind == CROSS:
        where = f"for {known.certificate.subject.rfc4514_string()}"
    elif known.kind != "leaf":
        where = f"of leaves in {target.places} place{'' if target.places == 1 else 's'}"
    elif known.place.host:
        where = f"at {known.place.path} on {known.place.host}"
    else:
        where = "in a place that the ledger does not know"
    return f"{known.kind} certificate {known.certificate.serial_number:x} {where}"


def _before(target: Target) -> str:
    revocation = target.known.revocation
    if revocation is not None:
        return _revoked(timestamp(revocation.revoked_at), revocation.reason, revocation.reissue, target)
    good = f", attested good until {timestamp(target.good_until)}" if target.good_until else ""
    return f"{target.known.status}{good}"


def _after(target: Target) -> str:
    revocation = target.known.revocation
    if revocation is not None:
        return _revoked(timestamp(revocation.revoked_at), revocation.reason, target.reissue, target)
    return _revoked("now", target.request.reason, target.reissue, target)


def _revoked(when: str, reason: str, reissue: bool | None, target: Target) -> str:
    followed = {None: "", True: ", to be reissued", False: ", not to be reissued"}[reissue]
    good = f", a copy of a staple or response good until {timestamp(target.good_until)}" if target.good_until else ""
    return f"revoked {when} ({reason}){followed}{good}"
