# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificate that a staple is for, as its host has it: a leaf, its issuer, and whether anybody answers for it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.errors import FetchError
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.urls import parse_url
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.messages import DeployedStaple
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import serialization, x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.requests import responder_urls
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.verification import Terms, Verification, verify
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.request import StapleRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._tables import printable
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import is_issued_by
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import SHORTEST_STAPLE


@dataclass(frozen=True)
class Subject:
    """A leaf, its issuer, and the URLs of its responders, in the order in which they are asked.

    Where it can have no staple, ``unstapled`` says why, and ``issuer`` is the leaf itself, as nobody asks for it.
    """

    leaf: x509.Certificate
    issuer: x509.Certificate
    urls: tuple[str, ...] = ()
    unstapled: str = ""

    @property
    def sha256(self) -> str:
        return fingerprint(self.leaf)

    def key(self, *more: str) -> str:
        """A digest by which responses about it are told from those about all others, and from those that differ in
        ``more``."""
        ders = [each.public_bytes(serialization.Encoding.DER) for each in (self.leaf, self.issuer)]
        parts = [*ders, *(text.encode() for text in more)]
        return hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).hexdigest()

    def verify(
        self,
        response: bytes,
        digest: str,
        now: datetime,
        installed: datetime | None = None,
        at_least: timedelta = SHORTEST_STAPLE,
    ) -> Verification:
        """What a response says about it, which has ``at_least`` so much of its time left. It may outlive the leaf, and
        its signer's certificate: many responders give each answer the same time, or that of a revocation list, and AD
        CS renews its signer's certificate in the last two days of two weeks."""
        return verify(response, self.leaf, self.issuer, now, installed, digest, Terms(at_least, may_outlive=True))


def identify(request: StapleRequest, found: DeployedStaple, now: datetime) -> Subject:
    """What the host has at the certificate's path. It is not trusted to know the issuer: that is the one whose key has
    signed the leaf. Raises PkiError where the user has to put something right."""
    if found.problem:
        raise PkiError(f"{request.name!r}: {found.problem.rstrip('.')}.")
    leaves = _certificates(request, request.certificate, found.certificate)
    chain = _certificates(request, request.issuer or request.certificate, found.chain)
    try:
        return _identify(request, leaves, chain, now)
    except ValueError as error:  # the library reads some fields when they are asked for
        raise PkiError(f"{request.name!r}: {request.certificate} holds a damaged certificate.") from error


def _certificates(request: StapleRequest, path: str, pem: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem.encode()) if pem else []
    except ValueError as error:
        raise PkiError(f"{request.name!r}: {path} holds a damaged certificate.") from error


def _identify(
    request: StapleRequest, leaves: Sequence[x509.Certificate], chain: Sequence[x509.Certificate], now: datetime
) -> Subject:
    if not leaves:
        raise PkiError(f"{request.name!r}: {request.certificate} holds no certificate in PEM.")
    leaf = leaves[0]
    if request.src and request.src[0] != leaf:
        raise PkiError(
            f"{request.name!r}: {request.certificate} is another certificate than src. Deploy that one first, or leave "
            "src out."
        )
    named = _named_urls(request, leaf)
    urls = (request.responder_url,) if request.responder_url else tuple(filter(_can_be_asked, named))
    if unstapled := _unstapled(request, leaf, named, urls, now):
        return Subject(leaf, leaf, urls, unstapled)
    issuer = next((each for each in (*request.src[1:], *chain) if is_issued_by(leaf, each)), None)
    if issuer is None:
        searched, name = request.issuer or request.certificate, printable(leaf.issuer.rfc4514_string())
        raise PkiError(
            f"{request.name!r}: the certificate of its issuer, {name}, is not in {searched}. Name "
            "the file on the host that has it with the option issuer."
        )
    return Subject(leaf, issuer, urls)


def _named_urls(request: StapleRequest, leaf: x509.Certificate) -> Sequence[str]:
    try:
        return responder_urls(leaf)
    except PkiError as error:
        raise PkiError(f"{request.name!r}: {request.certificate}: {error}") from error


def _can_be_asked(url: str) -> bool:
    """Whether the client takes it: it has no password, no port beyond all ports, and is not endless."""
    try:
        parse_url(url)
    except FetchError:
        return False
    return True


def _unstapled(
    request: StapleRequest, leaf: x509.Certificate, named: Sequence[str], urls: Sequence[str], now: datetime
) -> str:
    """Why there can be no staple, or an empty string."""
    if leaf.not_valid_after_utc <= now + SHORTEST_STAPLE:
        return f"the certificate ends at {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    if is_issued_by(leaf, leaf):
        return "the certificate is self-signed, so that nobody answers for it"
    if not urls and not request.response:
        which = " that can be asked" if named else ""
        return f"the certificate has no OCSP URL{which}, so that there is nothing to staple"
    return ""
