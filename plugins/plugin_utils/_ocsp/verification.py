# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one judgement on OCSP responses (RFC 6960), stricter than that of any server."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import DerError, content_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import (
    UnsupportedAlgorithm,
    ocsp,
    x509,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.refusals import LARGEST_STAPLE, Refusal
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.requests import SHA1, ocsp_request
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.schedule import renew_at
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signers import check_signature, signer_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import SHORTEST_STAPLE, SKEW

# What is of no matter where a certificate was revoked: that stays so, however long its authority vouches for it.
_OF_NO_MATTER_ONCE_REVOKED = (
    Refusal.ENDLESS,
    Refusal.EXPIRED,
    Refusal.TOO_SHORT,
    Refusal.OUTLIVES_CERTIFICATE,
    Refusal.OUTLIVES_SIGNER,
)


class Status(str, Enum):
    """What a response says about its certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verification:
    """What a response says. It is a good staple where ``refusal`` is None.

    Status and times are None where the signature proves nothing. Refused as revoked or unknown alone is what holds.
    ``next_update`` is the end of its time by the terms of whoever takes it, ``revoked_at`` the time of a revocation.
    """

    refusal: Refusal | None
    status: Status | None = None
    this_update: datetime | None = None
    next_update: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def problem(self) -> str:
        """Why this is not a good staple, as a sentence; an empty string where it is one."""
        return f"The staple is refused: {self.refusal.value.format(**vars(self))}" if self.refusal else ""

    def staple(self, der: bytes, leaf: x509.Certificate) -> Staple | None:
        """The good staple that ``der`` is, which this is about; None where it is none."""
        if self.refusal or self.this_update is None or self.next_update is None:
            return None
        again = renew_at(leaf.serial_number, self.this_update, self.next_update)
        return Staple(der, self.this_update, self.next_update, again)


@dataclass(frozen=True)
class Terms:
    """What is asked of a response by whoever takes it: how much of its time is left ``at_least``, and whether it may
    say that it is valid for longer than its leaf and the certificates that come with it. Its time is over then, too."""

    at_least: timedelta = SHORTEST_STAPLE
    may_outlive: bool = False


OWN = Terms()


@dataclass(frozen=True)
class Staple:
    """A good OCSP response, verified: its DER, when it may be served, and from when on it is to be renewed."""

    der: bytes = field(repr=False)
    this_update: datetime
    next_update: datetime
    renew_at: datetime

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.der).hexdigest()


def verify_staple(
    der: bytes,
    leaf: x509.Certificate,
    issuer: x509.Certificate,
    now: datetime,
    installed: datetime | None = None,
    digest: str = SHA1,
) -> Staple:
    """The gate through which every staple goes on its way to a server. Raises PkiError unless :func:`verify` finds
    that it is good."""
    found = verify(der, leaf, issuer, now, installed, digest)
    staple = found.staple(der, leaf)
    if staple is None:
        raise PkiError(found.problem)
    return staple


def verify(
    der: bytes,
    leaf: x509.Certificate,
    issuer: x509.Certificate,
    now: datetime,
    installed: datetime | None = None,
    digest: str = SHA1,
    terms: Terms = OWN,
) -> Verification:
    """What a response says about ``leaf``, be it good, revoked or unknown.

    It must be successful, about this leaf alone, named by ``digest``, signed by the issuer or its valid delegate, fresh
    at ``now`` by the ``terms``, and no older than the one that is ``installed``, whose thisUpdate that is.
    """
    response = _read(der)
    if isinstance(response, Refusal):
        return Verification(response)
    try:
        return _verify(response, leaf, issuer, now, installed, digest, terms)
    except UnsupportedAlgorithm:
        return Verification(Refusal.UNKNOWN_ALGORITHM)
    # The library reads some fields when they are asked for.
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return Verification(Refusal.DAMAGED)


def _read(der: bytes) -> ocsp.OCSPResponse | Refusal:
    if not der:
        return Refusal.EMPTY
    if len(der) > LARGEST_STAPLE:
        return Refusal.TOO_LARGE
    if der.lstrip().startswith(b"-----BEGIN"):
        return Refusal.PEM
    try:
        return ocsp.load_der_ocsp_response(der)
    except ValueError:
        return Refusal.TRAILING if _begins_with_response(der) else Refusal.NOT_DER


def _begins_with_response(der: bytes) -> bool:
    """Whether what is no response becomes one without its end."""
    try:
        ocsp.load_der_ocsp_response(der[: content_of(der, 0)[1]])
    except (DerError, ValueError):
        return False
    return True


def _verify(
    response: ocsp.OCSPResponse,
    leaf: x509.Certificate,
    issuer: x509.Certificate,
    now: datetime,
    installed: datetime | None,
    digest: str,
    terms: Terms,
) -> Verification:
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        return Verification(Refusal[response.response_status.name])
    refusal = _check_subject(response, leaf, issuer, digest)
    if refusal:
        return Verification(refusal)
    signer = signer_of(response, issuer, now)
    if isinstance(signer, Refusal):
        return Verification(signer)
    refusal = check_signature(response, signer) or _check_extensions(response)
    if refusal:
        return Verification(refusal)
    status = Status(response.certificate_status.name.lower())
    begin, end = response.this_update_utc, _end_of(response, leaf, terms)
    refusal = _check_times(begin, end, leaf, signer, now, installed, terms)
    if status is Status.REVOKED and refusal in _OF_NO_MATTER_ONCE_REVOKED:
        refusal = Refusal.REVOKED
    if refusal is None and status is not Status.GOOD:
        refusal = Refusal[status.name]
    return Verification(refusal, status, begin, end, response.revocation_time_utc)


def _check_subject(
    response: ocsp.OCSPResponse, leaf: x509.Certificate, issuer: x509.Certificate, digest: str
) -> Refusal | None:
    """Why the response is not about ``leaf``, by its CertID (RFC 6960, section 4.1.1)."""
    if len(list(response.responses)) != 1:
        return Refusal.NOT_ONE
    if response.hash_algorithm.name != digest:
        return Refusal.OTHER_HASH
    if (response.issuer_name_hash, response.issuer_key_hash) != _issuer_hashes(issuer, digest):
        return Refusal.OTHER_ISSUER
    if response.serial_number != leaf.serial_number:
        return Refusal.OTHER_SERIAL
    return None


@functools.lru_cache(maxsize=64)
def _issuer_hashes(issuer: x509.Certificate, digest: str) -> tuple[bytes, bytes]:
    """Those of its name and of its bare key."""
    name = hashlib.new(digest, issuer.subject.public_bytes(), usedforsecurity=False).digest()
    # Only a request tells the digest of a key by SHA-256, whatever certificate of that key it is about.
    return name, ocsp.load_der_ocsp_request(ocsp_request(issuer, issuer, digest)).issuer_key_hash


def _check_extensions(response: ocsp.OCSPResponse) -> Refusal | None:
    for extension in [*response.extensions, *response.single_extensions]:
        if extension.critical and isinstance(extension.value, x509.UnrecognizedExtension):
            return Refusal.CRITICAL_EXTENSION
    return None


def _end_of(response: ocsp.OCSPResponse, leaf: x509.Certificate, terms: Terms) -> datetime | None:
    """Until when a response may be shown: nextUpdate, or with ``terms`` by which it may outlive certificates, until the
    first of them ends. The host finds the same, but for the leaf, without which there is nothing to show it with."""
    end = response.next_update_utc
    if end is None or not terms.may_outlive:
        return end
    return min(end, *(each.not_valid_after_utc for each in (leaf, *response.certificates)))


def _check_times(
    begin: datetime,
    end: datetime | None,
    leaf: x509.Certificate,
    signer: x509.Certificate,
    now: datetime,
    installed: datetime | None,
    terms: Terms,
) -> Refusal | None:
    if end is None:
        return Refusal.ENDLESS
    reasons = (
        (Refusal.BACKWARDS, end <= begin),
        (Refusal.NOT_YET_VALID, begin > now + SKEW),
        (Refusal.EXPIRED, end <= now),
        (Refusal.TOO_SHORT, min(end, leaf.not_valid_after_utc) <= now + terms.at_least),
        (Refusal.OUTLIVES_CERTIFICATE, end > leaf.not_valid_after_utc),
        (Refusal.OUTLIVES_SIGNER, end > signer.not_valid_after_utc),
        (Refusal.OLDER, installed is not None and begin < installed),
    )
    return next((refusal for refusal, holds in reasons if holds), None)
