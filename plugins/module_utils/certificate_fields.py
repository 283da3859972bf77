# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fields of a certificate (RFC 5280, section 4.1), found in its DER without any library.

Roots that are older than today's rules are found as well: trust stores all over the world hold what libraries refuse,
such as the serial number 0.
"""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.anchorage.pki.plugins.module_utils.der import BIT_STRING, INTEGER, SEQUENCE, DerError, enter

_VERSION = 0xA0


class Fields(NamedTuple):
    """Where the fields of a certificate begin in its DER; each ends where the next one begins.

    ``rest`` is what follows the public key: unique identifiers and extensions.
    """

    serial_number: int
    algorithm: int
    issuer: int
    validity: int
    subject: int
    public_key: int
    rest: int
    end: int


def find_fields(der: bytes) -> Fields:
    """The fields of the certificate ``der``.

    Raises DerError for anything else: keys, requests, revocation lists, and a certificate with bytes after its end.
    """
    signed, end = enter(der, 0, SEQUENCE, "sequence")
    if end != len(der):
        raise DerError("there are bytes after its end" if end < len(der) else "it ends too early")
    first, signed_end = enter(der, signed, SEQUENCE, "content")
    dummy, algorithm_end = enter(der, signed_end, SEQUENCE, "signature algorithm")
    dummy, signature_end = enter(der, algorithm_end, BIT_STRING, "signature")
    if signature_end != end:
        raise DerError("there is something after its signature" if signature_end < end else "it ends too early")
    if der[first] == _VERSION:
        dummy, first = enter(der, first, _VERSION, "version")
    dummy, algorithm = enter(der, first, INTEGER, "serial number")
    dummy, issuer = enter(der, algorithm, SEQUENCE, "signature algorithm")
    dummy, validity = enter(der, issuer, SEQUENCE, "issuer")
    dummy, subject = enter(der, validity, SEQUENCE, "validity")
    dummy, public_key = enter(der, subject, SEQUENCE, "subject")
    dummy, rest = enter(der, public_key, SEQUENCE, "public key")
    if rest > signed_end:  # no field before this one can end after it
        raise DerError("it ends too early")
    return Fields(first, algorithm, issuer, validity, subject, public_key, rest, signed_end)
