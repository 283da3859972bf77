# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates in PEM (RFC 7468) as people and programs leave them in files.

What OpenSSL reads under the label CERTIFICATE is read: text around the blocks, any line ends, blanks after the dashes,
no final newline. Beyond that, a byte order mark does not hide the first block, and each block of this label that is
lost says why. What has another label (such as OpenSSL's own TRUSTED CERTIFICATE) is passed over on purpose. A line that
does not begin with five dashes, as in indented, quoted or UTF-16 text, is text.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import NamedTuple

from ansible_collections.anchorage.pki.plugins.module_utils._x509.certificate_fields import find_fields
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import DerError

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# A line that begins so; whether it is the beginning of a line is looked at afterwards, which is ten times as fast.
_MARKER = re.compile(rb"-----(BEGIN|END) ([^\r\n]*)")
_DASHES = b"-----"
_JOINED = b"----------BEGIN "
_BLANKS = b" \t\r\n\v\f"
_CERTIFICATE = b"CERTIFICATE"
_MOST_PROBLEMS = 100


class PemContent(NamedTuple):
    """The DER of each certificate of a text, in order; a sentence for each block that is lost; and how many blocks are
    something else, such as a key, and passed over."""

    certificates: list[bytes]
    problems: list[str]
    skipped: int


class _Block(NamedTuple):
    """A block whose beginning was read: its label, and where its first line begins and ends."""

    label: bytes
    start: int
    end: int


def read_pem(data: bytes) -> PemContent:
    """The certificates in ``data``, or rather what has the fields of one. Takes any bytes and raises nothing."""
    data = data[len(_BYTE_ORDER_MARK) :] if data.startswith(_BYTE_ORDER_MARK) else data
    content = PemContent([], [], 0)
    skipped = 0
    label, start, body = b"", 0, 0  # of the block whose beginning was read last, if it still has no end
    for kind, name, position, end in _markers(data):
        if kind == b"BEGIN":
            if label:
                _report(content, data, start, label, "has no end")
            label, start, body = name, position, end
            continue
        if name != label:
            if _JOINED in name:
                _report(content, data, position, name.split(_DASHES)[0], "ends where another one begins in its line")
            elif label:
                _report(content, data, start, label, "has no end")
            else:
                _report(content, data, position, name, "has no beginning")
        elif name == _CERTIFICATE:
            try:
                content.certificates.append(_decode(data[body:position]))
            except DerError as error:
                _report(content, data, start, label, f"is not a certificate: {error}")
        else:
            skipped += 1
        label = b""
    if label:
        _report(content, data, start, label, "has no end")
    return content._replace(skipped=skipped)


def _markers(data: bytes) -> Iterator[tuple[bytes, bytes, int, int]]:
    """Each line that begins or ends a block: its first word, its label, and where it begins and ends."""
    for match in _MARKER.finditer(data):
        kind, line = match.groups()
        line = line.rstrip(_BLANKS)
        start = match.start()
        if line.endswith(_DASHES) and (start == 0 or data[start - 1] in b"\r\n"):
            yield kind, line[: -len(_DASHES)], start, match.end()


def _decode(body: bytes) -> bytes:
    try:
        der = binascii.a2b_base64(body)
        # It passes over whatever is no base64. All is well where that was nothing but the end of each line of 64.
        passed_over = len(body) - (len(der) + 2) // 3 * 4
        if body[:-1:65] + body[-1:] != b"\n" * passed_over:
            der = base64.b64decode(body.translate(None, _BLANKS), validate=True)
    except binascii.Error:
        raise DerError("its base64 is damaged") from None
    find_fields(der)
    return der


def _report(content: PemContent, data: bytes, start: int, label: bytes, complaint: str) -> None:
    """Add a problem to ``content``. Of a text that consists of problems, the first ones tell enough."""
    if len(content.problems) < _MOST_PROBLEMS:
        line = data.count(b"\n", 0, start) + 1
        content.problems.append(f"the {label[:40].decode('ascii', 'replace')} in line {line} {complaint}")
    elif len(content.problems) == _MOST_PROBLEMS:
        content.problems.append("there are more such blocks")
