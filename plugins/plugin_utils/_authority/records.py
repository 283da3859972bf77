# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the ledger knows of leaves and revocations, as values."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from datetime import datetime

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.revocation_lists import RevokedCertificate

#: The status of a certificate that the authority signed, and that is not in its ledger.
UNRECORDED = "unrecorded"
#: Where the private key of a leaf is that no run deploys: with whoever brought a request, or on the controller for
#: tests, which want no valid leaf. Both have a place without a host.
REQUESTER = "requester"
TEST = "test"
#: The kind of a root's name and key as another root has signed them. The ledger's table has it for a root with another
#: issuer than itself.
CROSS = "cross"


@dataclass(frozen=True)
class LeafPlace:
    """Where a leaf lives: the host's name in the inventory, the destination on it, and the leaf's name. One that no run
    deploys has its name alone."""

    host: str
    destination: str
    name: str

    @property
    def path(self) -> str:
        """The leaf's folder on the host."""
        return posixpath.join(self.destination, self.name)


@dataclass(frozen=True)
class StapleRecord:
    """A staple that the authority signed.

    ``renew_at`` was decided when it was signed. ``deployed_at`` is None until the host has confirmed it, ``in_use``
    whether it is what the host has, as confirmed last, None while the host has not said; ``der`` is None where it was
    signed under schema 1, which did not keep it.
    """

    sha256: str
    this_update: datetime
    next_update: datetime
    renew_at: datetime
    deployed_at: datetime | None = None
    in_use: bool | None = False
    der: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class StapleTimes:
    """Until when the staple in use at a place is valid, and from when on it is to be renewed."""

    next_update: datetime
    renew_at: datetime


@dataclass(frozen=True)
class LeafRecord:
    """A leaf that the authority signed, with the staples signed for it, and whether its issuer was revoked."""

    sha256: str
    certificate: x509.Certificate
    issuer_sha256: str
    private_key: str
    status: str
    staples: tuple[StapleRecord, ...]
    issuer_revoked: bool = False

    def staple(self, sha256: str) -> StapleRecord | None:
        return next((staple for staple in self.staples if staple.sha256 == sha256), None)

    @property
    def staple_in_use(self) -> StapleRecord | None:
        return next((staple for staple in self.staples if staple.in_use), None)

    @property
    def awaits_staple(self) -> bool:
        """Whether a staple may be on its way to the host, which has not said since what it has."""
        return any(staple.in_use is None for staple in self.staples)


@dataclass(frozen=True)
class RequestedLeaf:
    """The last leaf that was signed for the request which is known by that name, and whether its issuer was revoked."""

    name: str
    sha256: str
    certificate: x509.Certificate
    issuer_sha256: str
    issuer_revoked: bool


@dataclass(frozen=True)
class KeyHolder:
    """A certificate with a certain key: its kind, a leaf's place, its status, and why it was revoked, empty for no
    reason."""

    kind: str
    place: LeafPlace
    certificate: x509.Certificate
    status: str
    reason: str


@dataclass(frozen=True)
class Revocation:
    """That a certificate was revoked: when and why (as in ``revocation_lists.REASONS``), whether its place is to have
    another leaf, None where it has no place, and when everything that says so was published, None until then."""

    revoked_at: datetime
    reason: str
    reissue: bool | None
    published_at: datetime | None


@dataclass(frozen=True)
class KnownCertificate:
    """A certificate of any kind that the authority signed, and its revocation. Those which are no leaf have a ``place``
    with empty fields. ``has_place`` is whether it is a leaf that was not replaced there. One whose ``status`` is
    UNRECORDED is not in the ledger, which is older, and nobody knows its place."""

    sha256: str
    kind: str
    issuer_sha256: str
    place: LeafPlace
    certificate: x509.Certificate
    status: str
    has_place: bool
    revocation: Revocation | None


@dataclass(frozen=True)
class DueResponse:
    """A response to be signed for one leaf, by the ``digest`` of its CertID; ``revoked`` is None where it is good."""

    sha256: str
    certificate: x509.Certificate
    digest: str
    revoked: RevokedCertificate | None
