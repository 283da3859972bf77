# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who signs lists: one key each, that of the root and those of the issuing authorities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    Authority,
    CertifiedKey,
    IssuingAuthority,
    Standing,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.renewal import needed_issuers
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.revocations import StoredList
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import KeyAwayError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import Target
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import key_identifier
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import PrivateKey
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import LIST_RENEWAL, ROOT_LIST, SKEW


@dataclass(frozen=True)
class LostIssuer(IssuingAuthority):
    """An issuing authority that the ledger knows, and that is missing in ``folder``, where they all are. No number is
    known of it: it comes before those that have one."""

    @property
    def number(self) -> int:
        return 0

    def key(self, passphrase: str | None, option: str) -> PrivateKey:
        raise self._lost()

    @property
    def responder(self) -> CertifiedKey:
        raise self._lost()

    def _lost(self) -> KeyAwayError:
        subject = self.certificate.subject.rfc4514_string()
        return KeyAwayError(
            f"the folder of {subject} is missing in {self.folder}, with its keys. Put it there for this run where it "
            "is kept elsewhere; where it is lost, restore the authority's folder from a backup."
        )


def with_lost_issuers(authority: Authority, known: Mapping[str, x509.Certificate]) -> Authority:
    """The authority with those issuing authorities too which are ``known`` to the ledger, by their fingerprints, and
    whose folders are gone: lists and responses of theirs are due, and pending."""
    folder = authority.folder / "issuing"
    lost = [
        LostIssuer(folder, certificate, ())
        for sha256, certificate in known.items()
        if authority.issuer_of(sha256) is None
    ]
    return authority.with_issuers(lost)


@dataclass(frozen=True)
class ListIssuer:
    """A key that signs lists: its newest certificate, the fingerprints of all of them, and how long a list is valid."""

    signer: CertifiedKey
    certificates: tuple[str, ...]
    validity: timedelta

    @property
    def identifier(self) -> str:
        """By which the ledger, files and URLs name it: the identifier of the key, which a renewed root keeps."""
        return key_identifier(self.signer.certificate)

    @property
    def signs_leaves(self) -> bool:
        """Whether it is no root: what is revoked of it has OCSP responses, too."""
        return isinstance(self.signer, IssuingAuthority)

    def has_signed(self, issuer_sha256: str) -> bool:
        """Whether a certificate whose issuer has that fingerprint is on this one's list where it is revoked."""
        return issuer_sha256 in self.certificates

    def is_due(self, last: StoredList | None, now: datetime) -> bool:
        """Whether a list is to follow the ``last`` one, None for none. One of the future was signed by a clock that was
        ahead."""
        if last is None or last.signed.this_update > now + SKEW:
            return True
        return now >= last.signed.this_update + (last.signed.next_update - last.signed.this_update) * LIST_RENEWAL


def list_issuers(authority: Authority, leaf_ends: Mapping[str, datetime], now: datetime) -> list[ListIssuer]:
    """The own roots, one for each key, and the issuing authorities until their last leaf has ended, of which
    ``leaf_ends`` tells by their fingerprint. One that has ended itself signs nothing."""
    roots = [
        ListIssuer(epoch.root, tuple(root.sha256 for root in epoch.roots), ROOT_LIST)
        for epoch in authority.epochs
        if epoch.standing is not Standing.RETIRED and not authority.policy.external_root
    ]
    validity = timedelta(days=authority.policy.lifetimes.staple)
    issuing = [ListIssuer(issuer, (issuer.sha256,), validity) for issuer in needed_issuers(authority, leaf_ends, now)]
    return [issuer for issuer in [*roots, *issuing] if issuer.signer.certificate.not_valid_after_utc > now]


def listed_targets(targets: Iterable[Target], authority: Authority) -> tuple[Target, ...]:
    """The ``targets`` of a task, of which each has a list to be on. Raises PkiError where one has none."""
    found = tuple(targets)
    retired = [epoch for epoch in authority.epochs if epoch.standing is Standing.RETIRED]
    signers = {root.sha256 for epoch in retired for root in epoch.roots}
    for known in (target.known for target in found if target.is_new):
        if known.issuer_sha256 in signers:
            raise PkiError(
                f"The {known.kind} certificate {known.certificate.serial_number:x} was signed by a root that has given "
                "way to another one, or never came into use, and signs no lists. No host is to trust it: where one "
                "does, remove it with trust_anchor and purge_superseded."
            )
    return found
