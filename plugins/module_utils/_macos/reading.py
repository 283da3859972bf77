# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading all trust settings of a Mac as plain values, in the process that has loaded Apple's libraries."""

from __future__ import annotations

import binascii

from ansible_collections.anchorage.pki.plugins.module_utils._macos.core_foundation import UnexpectedValue
from ansible_collections.anchorage.pki.plugins.module_utils._macos.security import Security, StatusError


def read_trust_settings(security: Security, domains: list[int]) -> list[dict[str, object]]:
    """For each domain its ``failure``, None where there is none, and its ``certificates``.

    Of a certificate: its ``der`` in base64, the ``failure`` of its settings or None, and its ``settings``, as
    :meth:`Security.trust_settings` has them. A failure has a ``code`` and a ``message``, either of which may be None.
    """
    return [_read_domain(security, domain) for domain in domains]


def _read_domain(security: Security, domain: int) -> dict[str, object]:
    try:
        found = [read_certificate(security, certificate, domain) for certificate in security.certificates(domain)]
    except (StatusError, UnexpectedValue) as error:
        return {"failure": failure_of(error), "certificates": []}
    return {"failure": None, "certificates": found}


def read_certificate(security: Security, certificate: int, domain: int) -> dict[str, object]:
    """What a domain has of one certificate, as in the answer above."""
    der = binascii.b2a_base64(security.der(certificate), newline=False).decode()
    try:
        return {"der": der, "failure": None, "settings": security.trust_settings(certificate, domain)}
    except (StatusError, UnexpectedValue) as error:
        return {"der": der, "failure": failure_of(error), "settings": []}


def failure_of(error: StatusError | UnexpectedValue) -> dict[str, object]:
    """What went wrong, as in the answer above."""
    if isinstance(error, StatusError):
        return {"code": error.code, "message": error.message}
    return {"code": None, "message": str(error)}
