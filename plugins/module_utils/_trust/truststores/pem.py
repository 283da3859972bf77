# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Truststore files in PEM: certificates one after the other, and what people wrote between them, which stays."""

from __future__ import annotations

import re

from ansible_collections.anchorage.pki.plugins.module_utils._trust.truststores.parts import NotTruststoreError, Part
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import DerError, is_whole_der
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import decode_body, to_pem

# Up to the next line of dashes and no further: a file of nothing but such lines would take minutes.
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----([^-]*(?:-(?!----)[^-]*)*)-----END \1-----[ \t]*(?:\r?\n|\Z)")
_LABELS = (b"CERTIFICATE", b"X509 CERTIFICATE")


def read(content: bytes) -> list[Part]:
    """The parts of a file. Raises NotTruststoreError."""
    parts, position = [], 0
    for match in _BLOCK.finditer(content):
        if content[position : match.start()]:
            parts.append(Part(content[position : match.start()]))
        parts.append(Part(match.group(), _certificate(*match.groups())))
        position = match.end()
    rest = content[position:]
    if b"-----BEGIN " in b"".join([rest, *(part.content for part in parts if not part.der)]):
        raise NotTruststoreError("has a block of PEM without its end")
    if content.strip() and not parts:
        raise NotTruststoreError("has no certificate in PEM")
    return [*parts, Part(rest)] if rest else parts


def _certificate(label: bytes, body: bytes) -> bytes:
    if label not in _LABELS:
        raise NotTruststoreError(f"holds a {label.decode()}")
    try:
        der = decode_body(body)
    except DerError:
        der = b""
    if not is_whole_der(der):
        raise NotTruststoreError("has a certificate that is damaged")
    return der


def part_of(_alias: str, der: bytes) -> Part:
    """A certificate as a part of a file."""
    return Part(to_pem(der).encode(), der)


def written(parts: list[Part], _password: str) -> bytes:
    """The file of these parts."""
    contents = [part.content for part in parts]
    ended = [each if each.endswith(b"\n") else each + b"\n" for each in contents[:-1]]
    return b"".join([*ended, *contents[-1:]])


def is_sealed(_content: bytes, _password: str) -> bool:
    """Nothing seals PEM."""
    return True
