# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates as they lie in files: single ones, bundles, and what administrators left in between."""

from __future__ import annotations

import base64
import binascii
import re

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_BEGIN = re.compile(rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----")
# The last is OpenSSL's own: a certificate, and after it what it is trusted for (openssl-x509(1)).
_LABELS = (b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE")
_DER_SEQUENCE = 0x30
_WHITE_SPACE = b" \t\n\r\v\f"
_SERVER_AUTH = bytes.fromhex("06082b06010505070301")  # id-kp-serverAuth (RFC 5280, section 4.2.1.12)


def certificates_in(data: bytes) -> list[bytes]:
    """The DER of each readable certificate in ``data``, be it PEM with any text around, or a single DER."""
    if _is_der(data):
        return [data]
    decoded = (_decode(body) for label, body in _BLOCK.findall(data) if label in _LABELS)
    return [der for der in decoded if der is not None]


def holds(data: bytes, der: bytes) -> bool:
    """Whether this certificate is one of those in ``data``."""
    return _may_hold(data, der) and der in certificates_in(data)


def is_single(data: bytes, der: bytes) -> bool:
    """Whether this certificate is the only one in ``data``."""
    return _may_hold(data, der) and certificates_in(data) == [der]


def holds_only(data: bytes, der: bytes) -> bool:
    """Whether ``data`` is this certificate and nothing else that somebody might miss."""
    return is_single(data, der) and data.count(b"-----BEGIN ") <= 1


def is_damaged(data: bytes) -> bool:
    """Whether a certificate in PEM begins in ``data`` that cannot be read. OpenSSL stops reading a bundle there."""
    return len(_BEGIN.findall(data)) > len(certificates_in(data))


def withholds_servers(data: bytes, der: bytes) -> bool:
    """Whether ``data`` holds this certificate as a TRUSTED one that is not trusted for TLS servers.

    After it comes a sequence: the purposes that it is trusted for, if it is not for all, and those that it is not
    (openssl-x509(1), -addtrust and -addreject).
    """
    for label, body in _BLOCK.findall(data):
        value = _bytes_of(body) if label == b"TRUSTED CERTIFICATE" else b""
        settings = _contents(value[len(der) :]) if value.startswith(der) else b""
        trusted = _first_value(settings) if settings[:1] == bytes([_DER_SEQUENCE]) else b""
        if (trusted and _SERVER_AUTH not in trusted) or _SERVER_AUTH in settings[len(trusted) :]:
            return True
    return False


def _is_der(data: bytes) -> bool:
    """Whether ``data`` begins like a certificate in DER: a sequence, the length of which does not fit one byte (X.690,
    section 8.1.3.5). Its first byte alone is a digit, as text may begin with."""
    return data[:1] == bytes([_DER_SEQUENCE]) and data[1:2] > b"\x80"


def _may_hold(data: bytes, der: bytes) -> bool:
    """A look that takes a tenth of the time, for the many files that hold other certificates.

    Each three bytes are four characters of Base64, whatever follows them, and PEM may have any white space between.
    """
    return _is_der(data) or base64.b64encode(der[: len(der) // 3 * 3]) in data.translate(None, _WHITE_SPACE)


def _decode(body: bytes) -> bytes | None:
    der = _bytes_of(body)
    return _first_value(der) if der[:1] == bytes([_DER_SEQUENCE]) else None


def _bytes_of(body: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error:
        return b""


def _first_value(der: bytes) -> bytes:
    """The first of the DER values in ``der`` (X.690, section 8.1.3), without what follows it."""
    header, length = _header(der)
    return der[: header + length]


def _contents(der: bytes) -> bytes:
    header, length = _header(der)
    return der[header : header + length]


def _header(der: bytes) -> tuple[int, int]:
    """The lengths of the first value's header and contents."""
    length = der[1] if len(der) > 1 else 0
    if length < 0x80:
        return 2, length
    octets = length & 0x7F
    return 2 + octets, int.from_bytes(der[2 : 2 + octets], "big")
