# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificate revocation lists (RFC 5280, section 5): complete ones, of all that one key has signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import serialization, x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import signature_hash
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import BACKDATE

#: A reason that says nothing: a list leaves it out (RFC 5280, section 5.3.1).
UNSPECIFIED = "unspecified"
#: Why a certificate is revoked, by RFC 5280, section 5.3.1, as members of x509.ReasonFlags are called. Two of its codes
#: are none of ours: certificateHold, which removeFromCRL takes back, would make a revocation reversible.
REASONS = (
    UNSPECIFIED,
    "key_compromise",
    "ca_compromise",
    "affiliation_changed",
    "superseded",
    "cessation_of_operation",
    "privilege_withdrawn",
    "aa_compromise",
)
#: Those for which a key is used no more, whichever certificate has it.
COMPROMISES = ("key_compromise", "ca_compromise", "aa_compromise")


@dataclass(frozen=True)
class RevokedCertificate:
    """An entry of a list: the certificate's serial number, and when and why (one of REASONS) it was revoked."""

    serial: int
    revoked_at: datetime
    reason: str

    @property
    def flag(self) -> x509.ReasonFlags | None:
        """The reason as lists and responses say it; None for one that they leave out."""
        return None if self.reason == UNSPECIFIED else x509.ReasonFlags[self.reason]

    def as_told(self, now: datetime) -> RevokedCertificate:
        """The entry as it is told at the time ``now``. A revocation of the future, entered by a clock that was ahead,
        is one of now: what tells of it may not begin later than now, nor before it."""
        return replace(self, revoked_at=min(self.revoked_at, now.replace(microsecond=0)))


@dataclass(frozen=True)
class RevocationList:
    """A signed list."""

    number: int
    this_update: datetime
    next_update: datetime
    der: bytes


def next_number(last: int | None, now: datetime) -> int:
    """The number of the list after the one numbered ``last``, None for the first.

    It is the time in seconds since 1970, so that numbers rise (RFC 5280, section 5.2.3) even where a ledger was
    restored that knows less than what was published.
    """
    return max((last or 0) + 1, int(now.timestamp()))


def sign_list(
    signer: Signer, revoked: Sequence[RevokedCertificate], number: int, next_update: datetime, now: datetime
) -> RevocationList:
    """The list numbered ``number`` of all that ``signer`` has ``revoked``, which ends with the signer's own certificate
    where ``next_update`` is later."""
    entries = [entry.as_told(now) for entry in revoked]
    this_update = known_at([entry.revoked_at for entry in entries], now)
    end = min(next_update, signer.certificate.not_valid_after_utc)
    identifier = signer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(signer.certificate.subject)
        .last_update(this_update)
        .next_update(end)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for entry in entries:
        builder = builder.add_revoked_certificate(_entry(entry))
    signed = builder.sign(signer.key, signature_hash(signer.key))
    return RevocationList(number, this_update, end, signed.public_bytes(serialization.Encoding.DER))


def known_at(revocations: Sequence[datetime], now: datetime) -> datetime:
    """The thisUpdate of what tells of ``revocations``: a little before ``now``, and no earlier than any of them."""
    return max([now - BACKDATE, *revocations]).replace(microsecond=0)


def _entry(revoked: RevokedCertificate) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder().serial_number(revoked.serial).revocation_date(revoked.revoked_at)
    if revoked.flag is not None:
        builder = builder.add_extension(x509.CRLReason(revoked.flag), critical=False)
    return builder.build()
