# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which certificates a Mac trusts for TLS servers, by the trust settings of its domains (SecTrustSettings.h).

It follows Apple's evaluation where that is known, and trusts less than it where that is not.
"""

from __future__ import annotations

import binascii
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._macos.codes import (
    INVALID_TRUST_SETTINGS,
    ITEM_NOT_FOUND,
    NO_TRUST_SETTINGS,
    Status,
    attempts_for,
    describe,
)
from ansible_collections.anchorage.pki.plugins.module_utils._x509.certificate_fields import find_fields
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import DerError

USER, ADMIN, SYSTEM = 0, 1, 2
DOMAINS = {USER: "user", ADMIN: "admin", SYSTEM: "system"}

# In macOS 11 the evaluation moved to trustd, where the administrator's settings come before the user's.
_ADMIN_FIRST_SINCE = (10, 16)  # the other name of 11, for programs that were built for an older one

_SSL_POLICY = "1.2.840.113635.100.1.3"
_SERVERS = "sslServer"
_SIGN_CERTIFICATES = 8  # kSecTrustSettingsKeyUseSignCert; a usage for everything has all bits
_TRUST_ROOT, _TRUST_AS_ROOT, _DENY = 1, 2, 3


class Failure(NamedTuple):
    """What was wrong in a domain, how often it is worth to try it, and whether that left all of the domain unread."""

    domain: int
    message: str
    status: Status | None
    attempts: int
    whole_domain: bool


class Trust(NamedTuple):
    """The trusted certificates' DER with their domain, in order; how many others each domain has; what was wrong."""

    roots: dict[bytes, int]
    untrusted: dict[int, int]
    failures: list[Failure]


def domains_for(version: tuple[int, ...]) -> list[int]:
    """The domains of a version of macOS, with the one first that decides."""
    return [ADMIN, USER, SYSTEM] if version >= _ADMIN_FIRST_SINCE else [USER, ADMIN, SYSTEM]


def evaluate(domains: list[int], answers: list[dict[str, Any]]) -> Trust:
    """What a Mac trusts, by what :func:`reading.read_trust_settings` gives for ``domains``.

    The settings of a certificate in the first domain that has some decide alone. If they are damaged, it is left out.
    """
    trust = Trust({}, dict.fromkeys(domains, 0), [])
    decided: set[bytes] = set()
    for domain, answer in zip(domains, answers):
        failure = _failure_of_domain(answer)
        if failure:
            trust.failures.append(_failure(domain, failure, whole_domain=True))
            continue
        for certificate in answer["certificates"]:
            der = binascii.a2b_base64(certificate["der"])
            if der not in decided and not _has_no_settings(certificate["failure"]):
                decided.add(der)
                _decide(trust, domain, der, certificate)
    return trust


def denying_domain(domains: list[int], answers: list[dict[str, Any]], der: bytes) -> int | None:
    """The domain that decides about a certificate, if it denies it as a root for TLS servers; arguments as above."""
    for domain, answer in zip(domains, answers):
        for each in answer["certificates"]:
            if binascii.a2b_base64(each["der"]) == der and not _has_no_settings(each["failure"]):
                matching = [rule for rule in each["settings"] if _is_for_servers(rule)]
                return domain if matching and matching[0]["result"] == _DENY else None
    return None


def _failure_of_domain(answer: dict[str, Any]) -> dict[str, Any] | None:
    """Why nothing of a domain can be used: it was not listed, or the settings of a certificate could not be had."""
    failure: dict[str, Any] | None = answer["failure"]
    if failure:
        return None if failure["code"] == NO_TRUST_SETTINGS else failure
    failures = [certificate["failure"] for certificate in answer["certificates"] if certificate["failure"]]
    return next((each for each in failures if not _has_no_settings(each) and not _is_damaged(each)), None)


def _has_no_settings(failure: dict[str, Any] | None) -> bool:
    """Whether a certificate lost its settings since it was listed."""
    return failure is not None and failure["code"] in (NO_TRUST_SETTINGS, ITEM_NOT_FOUND)


def _is_damaged(failure: dict[str, Any]) -> bool:
    """Whether the settings of one certificate alone are of no use."""
    return failure["code"] in (INVALID_TRUST_SETTINGS, None)


def _failure(domain: int, failure: dict[str, Any], whole_domain: bool) -> Failure:
    if failure["code"] is None:
        return Failure(domain, failure["message"], None, 1, whole_domain)
    status = describe(failure["code"], failure["message"])
    return Failure(domain, status.sentence, status, attempts_for(status.code), whole_domain)


def _decide(trust: Trust, domain: int, der: bytes, certificate: dict[str, Any]) -> None:
    if certificate["failure"]:
        trust.failures.append(_failure(domain, certificate["failure"], whole_domain=False))
        return
    try:
        trusted = _is_trusted(certificate["settings"], _is_self_signed(der), domain)
    except DerError as error:
        trust.failures.append(Failure(domain, f"an entry is not a certificate: {error}", None, 1, False))
        return
    if trusted:
        trust.roots[der] = domain
    else:
        trust.untrusted[domain] += 1


def _is_trusted(settings: list[dict[str, Any]], self_signed: bool, domain: int) -> bool:
    """Whether the settings of a certificate, of which the first that is for TLS servers decides, make it an anchor."""
    matching = [each for each in settings if _is_for_servers(each)]
    if matching:
        result = _TRUST_ROOT if matching[0]["result"] is None else matching[0]["result"]
    else:  # no settings at all mean trust; those for other uses mean none, except that Apple's are no limits for roots
        result = _TRUST_ROOT if not settings or domain == SYSTEM else None
    return result == (_TRUST_ROOT if self_signed else _TRUST_AS_ROOT)


def _is_for_servers(settings: dict[str, Any]) -> bool:
    """Whether one dictionary of settings is for all TLS servers, in all applications."""
    if settings["is_limited"] or settings["policy"] not in (None, _SSL_POLICY):
        return False
    if settings["policy"] and settings["policy_name"] not in (None, _SERVERS):
        return False
    return settings["key_usage"] is None or bool(settings["key_usage"] & _SIGN_CERTIFICATES)


def _is_self_signed(der: bytes) -> bool:
    """Whether issuer and subject are the same, which is what Apple looks at first. Raises DerError."""
    fields = find_fields(der)
    return der[fields.issuer : fields.validity] == der[fields.subject : fields.public_key]
