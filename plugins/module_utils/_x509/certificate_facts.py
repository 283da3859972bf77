# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts of a trusted certificate, in the form that the lookup and the module return."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any, TypeVar

from ansible_collections.anchorage.pki.plugins.module_utils._x509.certificate_fields import Fields, find_fields
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import (
    BOOLEAN,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    UTC_TIME,
    DerError,
    children,
    content_of,
    enter,
)
from ansible_collections.anchorage.pki.plugins.module_utils._x509.distinguished_names import read_name
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import to_pem

_EXTENSIONS = 0xA3
_BASIC_CONSTRAINTS = b"\x55\x1d\x13"  # the object identifier 2.5.29.19
_MOMENT = re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z")

T = TypeVar("T")


def describe(der: bytes, sources: Sequence[str]) -> dict[str, Any]:
    """The facts of the certificate ``der``, which was found at ``sources``, in plain types.

    Each fact is read independently: one that cannot be read is None.
    Raises DerError for anything but a certificate.
    """
    fields = find_fields(der)
    validity_start, dummy = content_of(der, fields.validity)
    self_signed = der[fields.issuer : fields.validity] == der[fields.subject : fields.public_key]
    subject = _or_none(read_name, der, fields.subject)
    return {
        "subject": subject,
        "issuer": subject if self_signed else _or_none(read_name, der, fields.issuer),
        "not_before": _or_none(_read_time, der, validity_start),
        "not_after": _or_none(_read_end, der, validity_start),
        "serial_number": _read_serial_number(der, fields.serial_number),
        "sha256": hashlib.sha256(der).hexdigest(),
        "spki_sha256": hashlib.sha256(der[fields.public_key : fields.rest]).hexdigest(),
        "is_ca": _or_none(_is_ca, der, fields),
        "self_signed": self_signed,
        "sources": list(sources),
        "pem": to_pem(der),
    }


def is_valid_at(der: bytes, now: datetime) -> bool:
    """Whether ``now`` (aware) lies within the validity of a certificate. Raises DerError where that cannot be read."""
    start, dummy = content_of(der, find_fields(der).validity)
    first, last = _read_time(der, start), _read_end(der, start)
    return datetime.fromisoformat(first) <= now <= datetime.fromisoformat(last)


def _or_none(read: Callable[[bytes, Any], T], der: bytes, place: Any) -> T | None:
    try:
        return read(der, place)
    except DerError:
        return None


def _read_end(der: bytes, validity_start: int) -> str:
    dummy, second = content_of(der, validity_start)
    return _read_time(der, second)


def _read_time(der: bytes, position: int) -> str:
    """A UTCTime or GeneralizedTime (RFC 5280, section 4.1.2.5) as ISO 8601 in UTC."""
    start, end = content_of(der, position)
    text = der[start:end]
    if der[position] == UTC_TIME:
        text = (b"19" if text[:1] >= b"5" else b"20") + text
    parts = _MOMENT.fullmatch(text)
    if not parts:
        raise DerError("it has a date that cannot be read")
    year, month, day, hour, minute, second = map(int, parts.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc).isoformat()
    except ValueError as error:
        raise DerError(f"it has a date that does not exist: {error}") from None


def _read_serial_number(der: bytes, position: int) -> str:
    start, end = content_of(der, position)
    return f"{int.from_bytes(der[start:end], 'big', signed=True):x}"


def _is_ca(der: bytes, fields: Fields) -> bool:
    """Whether the basic constraints say so (RFC 5280, section 4.2.1.9). A certificate without any does not."""
    for tag, start, dummy in children(der, fields.rest, fields.end):
        if tag == _EXTENSIONS:
            inner, end = enter(der, start, SEQUENCE, "list of extensions")
            return any(_says_ca(der, first, last) for dummy, first, last in children(der, inner, end))
    return False


def _says_ca(der: bytes, start: int, end: int) -> bool:
    """Whether the extension between ``start`` and ``end`` is basic constraints that begin with a true ``cA``."""
    identifier_start, identifier_end = enter(der, start, OBJECT_IDENTIFIER, "extension type")
    if der[identifier_start:identifier_end] != _BASIC_CONSTRAINTS:
        return False
    # The flag "critical" may come before the value.
    values = [first for tag, first, dummy in children(der, identifier_end, end) if tag == OCTET_STRING]
    if not values:
        raise DerError("it has an extension without a value")
    inner, inner_end = enter(der, values[0], SEQUENCE, "basic constraints")
    first_child = next(children(der, inner, inner_end), None)
    return first_child is not None and first_child[0] == BOOLEAN and der[first_child[1]] != 0
