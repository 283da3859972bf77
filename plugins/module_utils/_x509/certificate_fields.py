# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fields of a certificate (RFC 5280, section 4.1), located in its DER without a library.

Roots that predate today's rules are accepted: real trust stores hold what libraries refuse, such as serial number 0.
"""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import (
    BIT_STRING,
    INTEGER,
    SEQUENCE,
    DerError,
    content_of,
)

_VERSION = b"\xa0"


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


# Of the certificate, its three parts, and the fields of the first part from the serial number on.
_TAGS = (SEQUENCE, SEQUENCE, SEQUENCE, BIT_STRING, INTEGER, *[SEQUENCE] * 5)


def find_fields(der: bytes) -> Fields:
    """The fields of the certificate ``der``.

    Raises DerError for anything else: keys, requests, revocation lists, and a certificate with bytes after its end.
    """
    signed, end = content_of(der, 0)
    if end != len(der):
        raise DerError("there are bytes after its end" if end < len(der) else "it ends too early")
    first, signed_end = content_of(der, signed)
    algorithm_end = content_of(der, signed_end)[1]
    if content_of(der, algorithm_end)[1] != end:
        raise DerError("its signature does not end where it does")
    serial_number = content_of(der, first)[1] if der[first : first + 1] == _VERSION else first
    algorithm = content_of(der, serial_number)[1]
    issuer = content_of(der, algorithm)[1]
    validity = content_of(der, issuer)[1]
    subject = content_of(der, validity)[1]
    public_key = content_of(der, subject)[1]
    rest = content_of(der, public_key)[1]
    if rest > signed_end:  # no field before this one can end after it
        raise DerError("it ends too early")
    # Compared at once, since this runs for each certificate of each file of a trust store.
    found = (
        *(der[0], der[signed], der[signed_end], der[algorithm_end], der[serial_number]),
        *(der[algorithm], der[issuer], der[validity], der[subject], der[public_key]),
    )
    if found != _TAGS:
        raise DerError("it does not have the fields of one")
    return Fields(serial_number, algorithm, issuer, validity, subject, public_key, rest, signed_end)
