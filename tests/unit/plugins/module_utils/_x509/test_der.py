# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the few rules of DER."""

from __future__ import annotations

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import (
    SEQUENCE,
    DerError,
    children,
    content_of,
    enter,
    is_whole_der,
)
from ansible_collections.anchorage.pki.plugins.module_utils._x509.distinguished_names import read_identifier
from cryptography.x509 import ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (b"\x04\x00", (2, 2)),
        (b"\x04\x03abc", (2, 5)),
        (b"\x04\x81\x80" + bytes(128), (3, 131)),
        (b"\x04\x82\x01\x00" + bytes(256), (4, 260)),
        (b"\x04\x83\x00\x01\x00" + bytes(256), (5, 261)),
        (b"\x04\x84\x00\x00\x01\x00" + bytes(256), (6, 262)),
    ],
)
def test_finds_the_content_for_each_form_of_length(data: bytes, content: tuple[int, int]) -> None:
    assert content_of(data, 0) == content


@pytest.mark.parametrize(
    "data", [b"", b"\x04", b"\x04\x82", b"\x04\x82\x01", b"\x04\x80", b"\x04\x85\1\2\3\4\5", b"\x04\xff"]
)
def test_refuses_other_lengths(data: bytes) -> None:
    with pytest.raises(DerError):
        content_of(data, 0)


def test_refuses_another_tag_by_the_name_of_what_is_missing() -> None:
    with pytest.raises(DerError, match="it has no issuer where a certificate has one"):
        enter(b"\x04\x00", 0, SEQUENCE, "issuer")


def test_lists_children() -> None:
    data = b"\x30\x07\x02\x01\x05\x04\x02ab"
    assert [(tag, data[start:end]) for tag, start, end in children(data, 2, 9)] == [(2, b"\x05"), (4, b"ab")]


@pytest.mark.parametrize("data", [b"\x02\x02\x05", b"\x02"], ids=["content", "header"])
def test_refuses_a_child_that_is_cut_off(data: bytes) -> None:
    with pytest.raises(DerError, match="it ends too early"):
        list(children(data, 0, len(data)))


@pytest.mark.parametrize("identifier", ["2.5.4.3", "1.2.840.113549.1.9.1", "0.9.2342.19200300.100.1.25", "2.999.1"])
def test_reads_object_identifiers(identifier: str) -> None:
    content = _encode([int(number) for number in ObjectIdentifier(identifier).dotted_string.split(".")])
    assert read_identifier(content) == identifier


@pytest.mark.parametrize("content", [b"", b"\x80", b"\x55\x84", b"\xff" * 2200 + b"\x01"])
def test_refuses_an_identifier_without_an_end(content: bytes) -> None:
    with pytest.raises(DerError):
        read_identifier(content)


@given(st.binary(max_size=40))
def test_raises_nothing_else(data: bytes) -> None:
    try:
        list(children(data, 0, len(data)))
        read_identifier(data)
    except DerError:
        pass


def _encode(numbers: list[int]) -> bytes:
    return b"".join(_base_128(number) for number in [40 * numbers[0] + numbers[1], *numbers[2:]])


def _base_128(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.insert(0, number & 0x7F | 0x80)
    return bytes(digits)


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (b"\x30\x00", True),
        (b"\x30\x81\x80" + bytes(128), True),
        (b"", False),
        (b"\x30", False),
        (b"\x30\x80", False),  # BER's indefinite length
        (b"\x30\x02\x00", False),
        (b"\x30\x00\x00", False),
        (b"\x31\x00", False),
    ],
)
def test_tells_one_whole_sequence_from_all_else(data: bytes, whole: bool) -> None:
    assert is_whole_der(data) is whole
