# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A single certificate in PEM (RFC 7468), written and read back; what people leave in files is read by pem.py."""

from __future__ import annotations

import base64
import binascii

from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import DerError

BLANKS = b" \t\r\n\v\f"
_LINE_LENGTH = 64  # characters of base64, RFC 7468 section 2
_CERTIFICATE = "CERTIFICATE"
_FIRST_LINE, _LAST_LINE = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
DAMAGED = "its base64 is damaged"


def decode_body(body: bytes) -> bytes:
    """The bytes in a block. Raises DerError for what is not base64."""
    try:
        return base64.b64decode(body.translate(None, BLANKS), validate=True)
    except binascii.Error:
        raise DerError(DAMAGED) from None


def from_pem(text: str) -> bytes:
    """The DER of the one certificate that ``text`` consists of, unparsed. Raises DerError for anything else."""
    data = text.strip().encode(errors="replace")
    if not data.startswith(_FIRST_LINE) or not data.endswith(_LAST_LINE):
        raise DerError("it is not one certificate in PEM")
    return decode_body(data[len(_FIRST_LINE) : -len(_LAST_LINE)])


def to_pem(der: bytes, label: str = _CERTIFICATE) -> str:
    """A certificate in PEM, or what else the ``label`` says, with a final newline."""
    text = base64.b64encode(der).decode("ascii")
    lines = [text[start : start + _LINE_LENGTH] for start in range(0, len(text), _LINE_LENGTH)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])
