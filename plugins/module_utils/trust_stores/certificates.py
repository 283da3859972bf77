# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates as they lie in files: single ones, bundles, and what administrators left in between."""

from __future__ import annotations

import base64
import binascii
import re

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_DER_SEQUENCE = b"\x30"


def certificates_in(data: bytes) -> list[bytes]:
    """The DER of each readable certificate in ``data``, be it PEM with any text around, or a single DER."""
    if data.startswith(_DER_SEQUENCE):
        return [data]
    decoded = (_decode(body) for label, body in _BLOCK.findall(data) if label == b"CERTIFICATE")
    return [der for der in decoded if der is not None]


def holds_only(data: bytes, der: bytes) -> bool:
    """Whether ``data`` is this certificate and nothing else that somebody might miss."""
    return certificates_in(data) == [der] and data.count(b"-----BEGIN ") <= 1


def is_damaged(data: bytes) -> bool:
    """Whether a certificate in PEM begins in ``data`` that cannot be read. OpenSSL stops reading a bundle there."""
    return data.count(b"-----BEGIN CERTIFICATE-----") > len(certificates_in(data))


def _decode(body: bytes) -> bytes | None:
    try:
        der = base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error:
        return None
    return der if der.startswith(_DER_SEQUENCE) else None
