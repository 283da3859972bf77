# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Distinguished names in the text form of RFC 4514, read from the DER of a certificate."""

from __future__ import annotations

import functools

from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import (
    BIT_STRING,
    OBJECT_IDENTIFIER,
    SEQUENCE,
    DerError,
    children,
    content_of,
    enter,
)

_LONGEST_IDENTIFIER = 64  # bytes; those in use have less than 20, and reading takes the square of the length

# RFC 4514, section 3. Any other attribute type is written as its object identifier.
_SHORT_NAMES = {
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
}
_WIDE_ENCODINGS = {0x1C: "utf-32-be", 0x1E: "utf-16-be"}  # UniversalString and BMPString
_ESCAPED = str.maketrans({character: f"\\{character}" for character in '\\"+,;<>'} | {"\0": "\\00"})


def read_name(der: bytes, position: int) -> str:
    """The name at ``position``, its most specific part first (RFC 4514, section 2.1). Raises DerError."""
    start, end = enter(der, position, SEQUENCE, "name")
    parts = [
        "+".join(_attribute(der, first, last) for dummy, first, last in children(der, part_start, part_end))
        for dummy, part_start, part_end in children(der, start, end)
    ]
    return ",".join(reversed(parts))


def _attribute(der: bytes, start: int, end: int) -> str:
    type_start, type_end = enter(der, start, OBJECT_IDENTIFIER, "attribute type")
    value_start, value_end = content_of(der, type_end)
    if value_end > end:
        raise DerError("it has a name that ends too early")
    identifier = read_identifier(der[type_start:type_end])
    value = _value(der[type_end], der[value_start:value_end])
    return f"{_SHORT_NAMES.get(identifier, identifier)}={value}"


def _value(tag: int, content: bytes) -> str:
    if tag == BIT_STRING:
        return f"#{content.hex()}"
    try:
        text = content.decode(_WIDE_ENCODINGS.get(tag, "utf-8"))
    except UnicodeDecodeError:
        text = content.decode("latin-1")  # what authorities of old put into a TeletexString
    return _escape(text)


def _escape(text: str) -> str:
    """The text with what RFC 4514, section 2.4 has escaped."""
    escaped = text.translate(_ESCAPED)
    if text.startswith(("#", " ")):
        escaped = f"\\{escaped}"
    if len(text) > 1 and text.endswith(" "):
        escaped = f"{escaped[:-1]}\\ "
    return escaped


@functools.lru_cache(maxsize=256)  # the same few stand in each name of each certificate
def read_identifier(content: bytes) -> str:
    """An object identifier in dotted decimals (X.690, section 8.19). Raises DerError."""
    if len(content) > _LONGEST_IDENTIFIER:
        raise DerError("it has an object identifier that is too long")
    if not content or content[-1] & 0x80:
        raise DerError("it has an object identifier that is cut off")
    numbers, number = [], 0
    for byte in content:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(str(number) for number in [first, numbers[0] - 40 * first, *numbers[1:]])
