# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts of a staple (RFC 6960, section 4.2.1), read without a library.

Nothing is verified here: that was done on the controller, before the staple was sent.
"""

from __future__ import annotations

import re

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._host.moments import utc_seconds
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import (
    GENERALIZED_TIME,
    INTEGER,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    UTC_TIME,
    DerError,
    children,
    is_whole_der,
)

_ENUMERATED = 0x0A
_EXPLICIT_0 = 0xA0
_SUCCESSFUL = b"\x00"
_GOOD = 0x80
# Of the fields of a certificate that are sequences: algorithm, issuer, validity, subject, key (RFC 5280, section 4.1).
_VALIDITY = 2

_TIME = re.compile(rb"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})Z")

#: Tag, and where the content begins and ends.
_Element = tuple[int, int, int]


class StapleFacts(NamedTuple):
    """What a staple says. Times are seconds since 1970-01-01 UTC.

    ``certificate_id`` is issuerNameHash, issuerKeyHash and serialNumber of its CertID, in DER: the algorithm before
    them may be written in two ways. A request for the same certificate has these bytes in it, and no other one has,
    since two of the three are digests.

    ``end`` is until when clients take it: nextUpdate, or where one of the certificates that came with it ends earlier,
    as that of its signer may, until then.
    """

    certificate_id: bytes
    good: bool
    this_update: int
    end: int


def read_staple(der: bytes) -> StapleFacts:
    """The facts of the staple ``der``, which must hold one response and the time of its end. Raises DerError."""
    if not is_whole_der(der):
        raise DerError("it is truncated or not DER")
    (whole,) = children(der, 0, len(der))
    ((_tag, start, end),) = _fields(der, whole, _ENUMERATED)
    if der[start:end] != _SUCCESSFUL:
        raise DerError("it is no successful response")
    _status, answer = _fields(der, whole, _ENUMERATED, _EXPLICIT_0)
    (content,) = _fields(der, answer, SEQUENCE)
    _kind, basic = _fields(der, content, OBJECT_IDENTIFIER, OCTET_STRING)
    (signed,) = _fields(der, basic, SEQUENCE)
    (data,) = _fields(der, signed, SEQUENCE)
    lists = [element for element in children(der, data[1], data[2]) if element[0] == SEQUENCE]
    if len(lists) != 1:  # the other fields have tags of their own
        raise DerError("it does not have the fields of a response")
    responses = list(children(der, lists[0][1], lists[0][2]))
    if len(responses) != 1:
        raise DerError("it does not hold exactly one response")
    return _read_single(der, responses[0], _certificate_ends(der, signed))


def _certificate_ends(der: bytes, signed: _Element) -> list[int]:
    """When the certificates end that a BasicOCSPResponse has behind its signature."""
    lists = [element for element in children(der, signed[1], signed[2]) if element[0] == _EXPLICIT_0]
    ends = []
    for element in lists:
        (certificates,) = _fields(der, element, SEQUENCE)
        for certificate in children(der, certificates[1], certificates[2]):
            (content,) = _fields(der, certificate, SEQUENCE)
            fields = [field for field in children(der, content[1], content[2]) if field[0] == SEQUENCE]
            if len(fields) < _VALIDITY + 1:
                raise DerError("it has a certificate without the fields of one")
            _begin, end = _fields(der, fields[_VALIDITY], None, None)
            ends.append(_read_time(der, end))
    return ends


def _read_single(der: bytes, single: _Element, certificate_ends: list[int]) -> StapleFacts:
    certificate, status, this_update, end = _fields(der, single, SEQUENCE, None, GENERALIZED_TIME, _EXPLICIT_0)
    _algorithm, name, _key, serial = _fields(der, certificate, SEQUENCE, OCTET_STRING, OCTET_STRING, INTEGER)
    (next_update,) = _fields(der, end, GENERALIZED_TIME)
    # The content of the first digest begins two bytes after its tag, since it is shorter than 128 bytes.
    return StapleFacts(
        certificate_id=der[name[1] - 2 : serial[2]],
        good=status[0] == _GOOD,
        this_update=_read_time(der, this_update),
        end=min([_read_time(der, next_update), *certificate_ends]),
    )


def _fields(der: bytes, parent: _Element, *tags: int | None) -> list[_Element]:
    """The first elements in ``parent``, which must have these tags, None for any. Raises DerError."""
    found = list(children(der, parent[1], parent[2]))[: len(tags)]
    if len(found) < len(tags) or any(tag not in (None, element[0]) for tag, element in zip(tags, found)):
        raise DerError("it does not have the fields of a response")
    return found


def _read_time(der: bytes, element: _Element) -> int:
    """A GeneralizedTime as RFC 6960 has it, in UTC, without fractions of a second; or a UTCTime, as most certificates
    have (RFC 5280, section 4.1.2.5.1)."""
    text = der[element[1] : element[2]]
    if element[0] == UTC_TIME:
        text = (b"19" if text[:1] >= b"5" else b"20") + text
    found = _TIME.fullmatch(text)
    try:
        return utc_seconds(*map(int, found.groups() if found else ()))
    except (TypeError, ValueError):
        raise DerError("it has a date that cannot be read") from None
