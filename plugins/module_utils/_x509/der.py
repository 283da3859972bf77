# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The few rules of DER (ITU-T X.690) that it takes to read a certificate: tags of one byte, definite lengths.

An element is given by the position of its tag; its content by where that begins and ends. These functions are called
thousands of times for a trust store, hence plain tuples and no objects.
"""

from __future__ import annotations

from collections.abc import Iterator

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, OBJECT_IDENTIFIER = 0x01, 0x02, 0x03, 0x04, 0x06
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
SEQUENCE, SET = 0x30, 0x31

_LONG_LENGTH = 0x80
_TWO_DIGITS = 0x82
_MOST_DIGITS = 4


class DerError(ValueError):
    """The bytes are not what they should be. The message is a sentence without its end, about "it"."""


def content_of(data: bytes, position: int) -> tuple[int, int]:
    """Where the content of the element at ``position`` begins and ends. Raises DerError.

    The end may lie after that of ``data``: the caller compares it with what the element is part of.
    """
    try:
        length = data[position + 1]
        if length < _LONG_LENGTH:
            return position + 2, position + 2 + length
        if length == _TWO_DIGITS:  # of nearly every long element in a certificate, so worth a branch of its own
            return position + 4, position + 4 + (data[position + 2] << 8 | data[position + 3])
    except IndexError:
        raise DerError("it ends too early") from None
    start = position + 2 + length - _LONG_LENGTH
    if not position + 2 < start <= position + 2 + _MOST_DIGITS:
        raise DerError("it has a length that DER does not allow")
    return start, start + int.from_bytes(data[position + 2 : start], "big")


def enter(data: bytes, position: int, tag: int, what: str) -> tuple[int, int]:
    """The content of the element at ``position``, which must have this tag. Raises DerError that names ``what``."""
    if data[position : position + 1] != bytes([tag]):
        raise DerError(f"it has no {what} where a certificate has one")
    return content_of(data, position)


def children(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Tag and content of each element between ``start`` and ``end``. Raises DerError."""
    position = start
    while position < end:
        inner, following = content_of(data, position)
        if following > min(end, len(data)):
            raise DerError("it ends too early")
        yield data[position], inner, following
        position = following


def is_whole_der(data: bytes) -> bool:
    """Whether ``data`` is one SEQUENCE, with nothing missing and nothing after it."""
    try:
        return data[:1] == bytes([SEQUENCE]) and content_of(data, 0)[1] == len(data)
    except DerError:
        return False
