# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was revoked after a backup, entered into the ledger that was restored from it: by the last lists that were
published, since nothing else knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import serialization, x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.issuers import (
    ListIssuer,
    list_issuers,
    with_lost_issuers,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.published import number_of, signed_list
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.revocation_lists import (
    REASONS,
    UNSPECIFIED,
    RevokedCertificate,
)

LARGEST_LIST = 64 * 1024 * 1024


@dataclass(frozen=True)
class LastList:
    """The last list of an issuer that was published, as the operator gave it."""

    issuer: ListIssuer
    number: int
    signed_at: datetime
    revoked: tuple[RevokedCertificate, ...]


@dataclass(frozen=True)
class Entered:
    """What lists brought: the serial numbers of what is revoked since, those of certificates that the ledger lacks
    among them."""

    serials: tuple[int, ...]
    unknown: tuple[int, ...]


def last_lists(files: Mapping[str, bytes], authority: Authority, ledger: Ledger, now: datetime) -> list[LastList]:
    """The lists in these files, by the names of the files. Raises PkiError for what no issuer of the authority has
    signed, and for a list that is older than the one which the ledger has."""
    issuers = _issuers(authority, ledger, now)
    lists = [_last_list(name, content, issuers) for name, content in files.items()]
    for name, given in zip(files, lists, strict=True):
        known = ledger.revocations.published_list(given.issuer.identifier)
        if known is not None and given.number < known.signed.number:
            raise PkiError(
                f"{name}: is list {given.number} of its issuer, and the backup has list {known.signed.number} already. "
                "Give the last one that was published."
            )
    return lists


def issuers_without(lists: Sequence[LastList], authority: Authority, ledger: Ledger, now: datetime) -> list[ListIssuer]:
    """The issuers that have published a list before the backup, and of which none is among ``lists``."""
    given = {each.issuer.identifier for each in lists}
    issuers = _issuers(authority, ledger, now)
    return [
        issuer
        for issuer in issuers
        if issuer.identifier not in given and ledger.revocations.is_published(issuer.identifier)
    ]


def enter_lists(lists: Sequence[LastList], ledger: Ledger, now: datetime) -> Entered:
    """Enter what the lists say is revoked, and have lists with higher numbers follow. In a transaction of the
    ledger's."""
    revocations = ledger.revocations
    serials: list[int] = []
    unknown: list[int] = []
    for given in lists:
        for revoked in given.revoked:
            known = revocations.known_by_serial(revoked.serial)
            if known is None:
                if revocations.revoked_serial(revoked.serial) is None:
                    revocations.enter_serial(given.issuer.signer.sha256, revoked)
                    unknown.append(revoked.serial)
            elif known.revocation is None:
                reissue = True if known.has_place else None
                revocations.enter(known.sha256, revoked.reason, reissue, revoked.revoked_at)
                serials.append(revoked.serial)
        revocations.take_number(given.issuer.identifier, now, given.number)
    return Entered((*serials, *unknown), tuple(unknown))


def _issuers(authority: Authority, ledger: Ledger, now: datetime) -> list[ListIssuer]:
    whole = with_lost_issuers(authority, ledger.revocations.issuing_certificates())
    return list_issuers(whole, ledger.last_leaf_ends(), now)


def _last_list(name: str, content: bytes, issuers: Sequence[ListIssuer]) -> LastList:
    der = _der(content)
    for issuer in issuers:
        found = signed_list(der, issuer)
        if found is not None:
            revoked = tuple(map(_revoked, found))
            return LastList(issuer, number_of(found), found.last_update_utc, revoked)
    raise PkiError(f"{name}: is no list of revoked certificates that this authority has signed.")


def _der(content: bytes) -> bytes:
    if not content.lstrip().startswith(b"-----BEGIN"):
        return content
    try:
        return x509.load_pem_x509_crl(content).public_bytes(serialization.Encoding.DER)
    except ValueError:
        return b""


def _revoked(entry: x509.RevokedCertificate) -> RevokedCertificate:
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.name
    except x509.ExtensionNotFound:
        reason = UNSPECIFIED
    return RevokedCertificate(
        entry.serial_number, entry.revocation_date_utc, reason if reason in REASONS else UNSPECIFIED
    )
