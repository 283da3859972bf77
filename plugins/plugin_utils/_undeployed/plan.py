# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a request is signed, and why: a pure decision from what is wanted and recorded, and the time."""

from __future__ import annotations

from datetime import datetime

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import KeyHolder, RequestedLeaf
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import (
    ageing_reason,
    lifetime_reason,
    names_reason,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._undeployed.request import SigningRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import profile_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import public_der
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import SKEW
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import names_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.revocation_lists import COMPROMISES


def signing_reason(request: SigningRequest, leaf: RequestedLeaf | None, authority: Authority, now: datetime) -> str:
    """Why a leaf is signed for ``request``, or an empty string where the last one, None for none, still serves it."""
    if leaf is None:
        return f"no leaf is signed for {request.name!r} yet, or the last one is revoked"
    certificate = leaf.certificate
    if reason := _unusable(leaf, authority, now):
        return reason
    if public_der(request.brought.public_key) not in certificate.tbs_certificate_bytes:
        return "the request has another key"
    if set(names_of(certificate)) != set(request.names):
        return names_reason(names_of(certificate), request.names)
    if profile_of(certificate) != request.profile:
        return f"the profile becomes {request.profile.value}"
    validity = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return lifetime_reason(request.lifetime, validity, authority, now) or ageing_reason(certificate, now)


def due_reason(leaf: RequestedLeaf, authority: Authority, now: datetime) -> str:
    """Why another leaf is due in the place of this one, whatever its request, or an empty string."""
    end = leaf.certificate.not_valid_after_utc
    if end <= now:
        return f"it ended on {end:%Y-%m-%d}"
    return _unusable(leaf, authority, now) or ageing_reason(leaf.certificate, now)


def _unusable(leaf: RequestedLeaf, authority: Authority, now: datetime) -> str:
    """Why nobody believes the last leaf, or is to believe it soon no more, or an empty string."""
    if leaf.issuer_revoked:
        return "its issuer is revoked"
    if now + SKEW < leaf.certificate.not_valid_before_utc:
        return "it is not valid yet, since a clock was ahead when it was signed"
    issuer = authority.issuer_of(leaf.issuer_sha256)
    if issuer is None:
        return "its issuer is no longer part of the authority"
    return "" if issuer in authority.active.issuers else "its root gives way to another one"


def check_key(request: SigningRequest, holders: list[KeyHolder], now: datetime) -> None:
    """Raise PkiError where the key of ``request`` is one that its leaf must not have, by those who have it already."""
    for holder in holders:
        serial = f"{holder.certificate.serial_number:x}"
        if holder.kind != "leaf":
            raise PkiError(
                f"{request.source}: the request has the key of the {holder.kind} certificate {serial} of this "
                "authority itself. Have whoever made it make a key of its own."
            )
        if holder.reason in COMPROMISES:
            raise PkiError(
                f"{request.source}: the key of the request was given up with the leaf {serial} ({holder.reason}). "
                "Have another key made, with another request."
            )
        in_use = holder.status in ("signed", "deployed") and holder.certificate.not_valid_after_utc > now
        if in_use and holder.place != request.place:
            where = f" on {holder.place.host}" if holder.place.host else ""
            raise PkiError(
                f"{request.source}: the key of the request is that of the leaf {serial}, which is known as "
                f"{holder.place.path}{where} and in use. Give that name to renew it, have another key made, or revoke "
                "that leaf first."
            )
