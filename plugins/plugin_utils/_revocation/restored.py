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
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import KnownCertificate
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import serialization, x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.issuers import (
    ListIssuer,
    list_issuers,
    with_lost_issuers,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.published import number_of, signed_list
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import list_path
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
    """What lists bring: the certificates that the ledger takes for good, and the entries about those that it lacks,
    with the fingerprints of their issuers."""

    known: Mapping[RevokedCertificate, KnownCertificate]
    unknown: Mapping[RevokedCertificate, str]

    @property
    def serials(self) -> list[int]:
        return [revoked.serial for revoked in (*self.known, *self.unknown)]


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


def check_complete(lists: Sequence[LastList], authority: Authority, ledger: Ledger, now: datetime) -> None:
    """Raise PkiError where an issuer had published a list before the backup, and none of it is among ``lists``."""
    given = {each.issuer.identifier for each in lists}
    for issuer in _issuers(authority, ledger, now):
        if issuer.identifier not in given and ledger.revocations.is_published(issuer.identifier):
            subject = issuer.signer.certificate.subject.rfc4514_string()
            raise PkiError(
                f"lists: none of them is of {subject}, which has published lists. Its last one is where it was "
                f"published, as {list_path(issuer.identifier)}. Nothing was entered."
            )


def new_entries(lists: Sequence[LastList], ledger: Ledger) -> Entered:
    """What ``lists`` say is revoked, and the ledger does not."""
    revocations = ledger.revocations
    known: dict[RevokedCertificate, KnownCertificate] = {}
    unknown: dict[RevokedCertificate, str] = {}
    for given in lists:
        for revoked in given.revoked:
            certificate = revocations.known_by_serial(revoked.serial)
            if certificate is not None and certificate.revocation is None:
                known[revoked] = certificate
            elif certificate is None and revocations.revoked_serial(revoked.serial) is None:
                unknown[revoked] = given.issuer.signer.sha256
    return Entered(known, unknown)


def enter(lists: Sequence[LastList], found: Entered, ledger: Ledger, now: datetime) -> None:
    """Enter what was found, and that all is known that was revoked; lists with higher numbers follow. In a transaction
    of the ledger's."""
    revocations = ledger.revocations
    for revoked, certificate in found.known.items():
        reissue = True if certificate.has_place else None
        revocations.enter(certificate.sha256, revoked.reason, reissue, revoked.revoked_at)
    for revoked, issuer_sha256 in found.unknown.items():
        revocations.enter_serial(issuer_sha256, revoked)
    for given in lists:
        key = given.issuer.identifier
        last = revocations.last_list(key)
        if max(revocations.taken_number(key) or 0, last.signed.number if last else 0) < given.number:
            revocations.take_number(key, now, given.number)
    ledger.restores.mark_revocations_entered(now)


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
