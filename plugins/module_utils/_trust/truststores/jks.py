# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Truststore files in Java's own format, JKS, written without Java. The password vouches for the whole file.

Source: the class sun.security.provider.JavaKeyStore of OpenJDK.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
import time

from ansible_collections.anchorage.pki.plugins.module_utils._trust.jks import JKS_MAGIC
from ansible_collections.anchorage.pki.plugins.module_utils._trust.truststores.parts import NotTruststoreError, Part

_VERSION, _CERTIFICATE, _PRIVATE_KEY = 2, 2, 1
_HEADER = struct.Struct(">4sII")
_DIGEST_SIZE = 20
_WHITENER = b"Mighty Aphrodite"
_TYPE = b"X.509"


def read(content: bytes) -> list[Part]:
    """The parts of a file. Raises NotTruststoreError."""
    try:
        magic, version, count = _HEADER.unpack_from(content)
        if (magic, version) != (JKS_MAGIC, _VERSION):
            raise NotTruststoreError("is no keystore of Java's format JKS")
        parts, position = [], _HEADER.size
        for _number in range(count):
            part = _entry(content, position)
            parts.append(part)
            position += len(part.content)
    except (struct.error, UnicodeDecodeError):
        raise NotTruststoreError("is a keystore that is damaged") from None
    if len(content) != position + _DIGEST_SIZE:
        raise NotTruststoreError("is a keystore that is damaged")
    return parts


def _entry(content: bytes, start: int) -> Part:
    tag, length = struct.unpack_from(">IH", content, start)
    if tag == _PRIVATE_KEY:
        raise NotTruststoreError("holds a private key")
    position = start + struct.calcsize(">IH")
    alias = content[position : position + length].decode()
    position += length + struct.calcsize(">Q")  # when it was made
    (length,) = struct.unpack_from(">H", content, position)
    position += struct.calcsize(">H") + length  # the type
    (length,) = struct.unpack_from(">I", content, position)
    position += struct.calcsize(">I")
    end = position + length
    if tag != _CERTIFICATE or end > len(content) - _DIGEST_SIZE:
        raise NotTruststoreError("is a keystore that is damaged")
    return Part(content[start:end], content[position:end], alias)


def part_of(alias: str, der: bytes) -> Part:
    """A certificate as a part of a file."""
    name, made = alias.encode(), int(time.time() * 1000)
    head = struct.pack(
        f">IH{len(name)}sQH{len(_TYPE)}sI", _CERTIFICATE, len(name), name, made, len(_TYPE), _TYPE, len(der)
    )
    return Part(head + der, der, alias)


def written(parts: list[Part], password: str) -> bytes:
    """The file of these parts."""
    body = b"".join([_HEADER.pack(JKS_MAGIC, _VERSION, len(parts)), *(part.content for part in parts)])
    return body + _digest(body, password)


def is_sealed(content: bytes, password: str) -> bool:
    """Whether it is with this password that the file was written."""
    return hmac.compare_digest(_digest(content[:-_DIGEST_SIZE], password), content[-_DIGEST_SIZE:])


def _digest(body: bytes, password: str) -> bytes:
    # The format's own, which nothing else can take the place of.
    return hashlib.sha1(password.encode("utf-16-be") + _WHITENER + body).digest()  # noqa: S324
