# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates as they lie in files: single ones, bundles, and what administrators left in between.

PEM is read as generously as the most generous of the programs that feed a store does: p11-kit takes a block wherever it
begins, as in files that were joined without a line end. What is read strictly is for OpenSSL to confirm.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from contextlib import suppress

from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import SEQUENCE, DerError, content_of
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import decode_body
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_search import find_blocks

# The last is OpenSSL's own: a certificate, and after it what it is trusted for (openssl-x509(1)).
_TRUSTED = b"TRUSTED CERTIFICATE"
LABELS = (b"CERTIFICATE", b"X509 CERTIFICATE", _TRUSTED)
_WHITE_SPACE = b" \t\n\r\v\f"


def certificates_in(data: bytes) -> list[bytes]:
    """The DER of each readable certificate in ``data``, be it PEM with any text around, or a single DER."""
    if _is_der(data):
        return [data]
    return list(_decoded(body for label, body in find_blocks(data) if label in LABELS))


def holds(data: bytes, der: bytes) -> bool:
    """Whether this certificate is one of those in ``data``."""
    if _is_der(data):
        return data == der
    beginning = _in_base64(der)
    if beginning not in data.translate(None, _WHITE_SPACE):
        return False
    bodies = (body for label, body in find_blocks(data) if label in LABELS)
    return der in _decoded(body for body in bodies if body.translate(None, _WHITE_SPACE).startswith(beginning))


def is_single(data: bytes, der: bytes) -> bool:
    """Whether this certificate is the only one in ``data``."""
    return _may_hold(data, der) and certificates_in(data) == [der]


def holds_only(data: bytes, der: bytes) -> bool:
    """Whether ``data`` is this certificate and nothing else that somebody might miss."""
    return is_single(data, der) and data.count(b"-----BEGIN ") <= 1


def withholds_servers(data: bytes, der: bytes) -> bool:
    """Whether ``data`` holds this certificate as a TRUSTED one that is not trusted for TLS servers."""
    bodies = [body for label, body in find_blocks(data) if label == _TRUSTED]
    if not bodies:
        return False
    # Here, for the many hosts that have none.
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.trusted_certificates import withholds

    return any(withholds(body, der) for body in bodies)


def _is_der(data: bytes) -> bool:
    """Whether ``data`` begins like a certificate in DER: a sequence, the length of which does not fit one byte (X.690,
    section 8.1.3.5). Its first byte alone is a digit, as text may begin with."""
    return data[:1] == bytes([SEQUENCE]) and data[1:2] > b"\x80"


def _may_hold(data: bytes, der: bytes) -> bool:
    """A look that takes a tenth of the time, for the many files that hold other certificates.

    Each three bytes are four characters of Base64, whatever follows them, and PEM may have any white space between.
    """
    return _is_der(data) or _in_base64(der) in data.translate(None, _WHITE_SPACE)


def _in_base64(der: bytes) -> bytes:
    """How a certificate begins in PEM, in one line."""
    return base64.b64encode(der[: len(der) // 3 * 3])


def _decoded(bodies: Iterable[bytes]) -> Iterator[bytes]:
    """The certificate in each of the blocks that can be read."""
    for body in bodies:
        with suppress(DerError):
            yield _first_value(decode_body(body))


def _first_value(data: bytes) -> bytes:
    """The first of the DER values in ``data``. Raises DerError where it is no sequence, or not whole."""
    end = content_of(data, 0)[1]
    if data[0] != SEQUENCE or end > len(data):
        raise DerError("it ends too early")
    return data[:end]
