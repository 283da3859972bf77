# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates in PEM (RFC 7468) as people and programs leave them in files.

:func:`read_pem` reads a trust store as OpenSSL does, under the label CERTIFICATE: text around the blocks, any line
ends, blanks after the dashes, no final newline. Beyond that, a byte order mark does not hide the first block, and a
reason is given for each block of this label that is lost. Other labels (such as OpenSSL's own TRUSTED CERTIFICATE) are
skipped on purpose. A line that does not begin with five dashes, as in indented, quoted or UTF-16 text, is text.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import NamedTuple

from ansible_collections.anchorage.pki.plugins.module_utils._x509.certificate_fields import find_fields
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import DerError
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import BLANKS, DAMAGED, decode_body

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# A line that begins so; whether it is the beginning of a line is looked at afterwards, which is ten times as fast.
_MARKER = re.compile(rb"-----(BEGIN|END) ([^\r\n]*)")
_DASHES = b"-----"
_JOINED = b"----------BEGIN "
_CERTIFICATE = b"CERTIFICATE"
_NO_END = "has no END line"
_JOINED_LINES = "has its END and the next BEGIN in one line"
_MOST_PROBLEMS = 100


class PemContent(NamedTuple):
    """The DER of each certificate of a text, in order; a sentence for each block that is lost; and how many blocks are
    something else, such as a key, and passed over."""

    certificates: list[bytes]
    problems: list[str]
    skipped: int


def read_pem(data: bytes) -> PemContent:
    """The certificates in ``data``, or rather what has the fields of one. Takes any bytes and raises nothing."""
    data = data[len(_BYTE_ORDER_MARK) :] if data.startswith(_BYTE_ORDER_MARK) else data
    content = PemContent([], [], 0)
    skipped = 0
    label, start, body = b"", 0, 0  # of the block whose beginning was read last, if it has not ended
    for kind, name, position, end in _markers(data):
        if kind == b"BEGIN":
            if label:
                _add_problem(content, data, start, label, _NO_END)
            label, start, body = name, position, end
            continue
        if name != label:
            if _JOINED in name:
                _add_problem(content, data, position, name.split(_DASHES)[0], _JOINED_LINES)
            elif label:
                _add_problem(content, data, start, label, _NO_END)
            else:
                _add_problem(content, data, position, name, "has no BEGIN line")
        elif name == _CERTIFICATE:
            try:
                content.certificates.append(_decode_certificate(data[body:position]))
            except DerError as error:
                _add_problem(content, data, start, label, f"is not a certificate: {error}")
        else:
            skipped += 1
        label = b""
    if label:
        _add_problem(content, data, start, label, _NO_END)
    return content._replace(skipped=skipped)


def _markers(data: bytes) -> Iterator[tuple[bytes, bytes, int, int]]:
    """Each line that begins or ends a block: its first word, its label, and where it begins and ends."""
    for match in _MARKER.finditer(data):
        kind, line = match.groups()
        line = line.rstrip(BLANKS)
        start = match.start()
        if line.endswith(_DASHES) and (start == 0 or data[start - 1] in b"\r\n"):
            yield kind, line[: -len(_DASHES)], start, match.end()


def _decode_certificate(body: bytes) -> bytes:
    try:
        der = binascii.a2b_base64(body)
    except binascii.Error:
        raise DerError(DAMAGED) from None
    # It skips whatever is not base64. All is well where that was nothing but the end of each line of 64.
    skipped = len(body) - (len(der) + 2) // 3 * 4
    if body[:-1:65] + body[-1:] != b"\n" * skipped:
        der = decode_body(body)
    find_fields(der)
    return der


def _add_problem(content: PemContent, data: bytes, start: int, label: bytes, complaint: str) -> None:
    """Add a problem to ``content``. Of a text full of problems, the first ones are enough."""
    if len(content.problems) < _MOST_PROBLEMS:
        line = data.count(b"\n", 0, start) + 1
        content.problems.append(f"the {label[:40].decode('ascii', 'replace')} in line {line} {complaint}")
    elif len(content.problems) == _MOST_PROBLEMS:
        content.problems.append("there are more such blocks")
