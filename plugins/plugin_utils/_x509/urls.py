# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The URLs in certificates at which verifiers find the list of revoked ones, the OCSP response, and the issuer (RFC
5280, sections 4.2.1.13 and 4.2.2.1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from urllib.parse import urlsplit

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import AuthorityInformationAccessOID, x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError

#: Stands in a template for the identifier of the issuer's key, in hexadecimal.
ISSUER = "{issuer}"


@dataclass(frozen=True)
class Urls:
    """A template for each URL, an empty string for none."""

    crl: str = ""
    ocsp: str = ""
    issuer: str = ""

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))


def check_urls(urls: Urls) -> None:
    """Raise PkiError for a template that no certificate can have."""
    for field in fields(urls):
        option, template = f"{field.name}_url", getattr(urls, field.name)
        if not template:
            continue
        url = template.replace(ISSUER, "0" * 40)
        if not (url.isascii() and url.isprintable()) or set(url) & set(' {}<>"\\^`|'):
            raise PkiError(f"{option}: {template!r} is no URL. {ISSUER} stands for the issuer; nothing else in braces.")
        if urlsplit(url).scheme != "http" or not urlsplit(url).netloc:
            raise PkiError(
                f"{option}: {template!r} does not begin with http:// and a host. By https, a verifier would have to "
                "verify that host first, by the same lists (RFC 5280, section 8)."
            )
        if field.name != "ocsp" and ISSUER not in template:
            raise PkiError(f"{option}: {template!r} is the same for each issuer. Put {ISSUER} where theirs differ.")


def url_extensions(urls: Urls, identifier: str, ocsp: bool) -> Iterator[x509.ExtensionType]:
    """The extensions with which a certificate names them whose issuer's key has this ``identifier``; that of OCSP only
    where it is wanted."""
    access = [
        x509.AccessDescription(method, _uri(template, identifier))
        for method, template in (
            (AuthorityInformationAccessOID.OCSP, urls.ocsp if ocsp else ""),
            (AuthorityInformationAccessOID.CA_ISSUERS, urls.issuer),
        )
        if template
    ]
    if access:
        yield x509.AuthorityInformationAccess(access)
    if urls.crl:
        yield x509.CRLDistributionPoints(
            [x509.DistributionPoint([_uri(urls.crl, identifier)], relative_name=None, reasons=None, crl_issuer=None)]
        )


def _uri(template: str, identifier: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(template.replace(ISSUER, identifier))
