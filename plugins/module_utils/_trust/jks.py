# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Java's own format of keystores, JKS, read without starting Java.

The certificates of such a file are not encrypted: a password only vouches for the whole. Source: the class
sun.security.provider.JavaKeyStore of OpenJDK, which says how its file is laid out.
"""

from __future__ import annotations

import struct

JKS_MAGIC = b"\xfe\xed\xfe\xed"
_PRIVATE_KEY, _CERTIFICATE = 1, 2
_TRAILING_DIGEST = 20


class _Reader:
    """Takes one field after the other from big-endian bytes. Raises struct.error where they end early."""

    def __init__(self, data: bytes) -> None:
        self._data, self._offset = data, 0

    def number(self, form: str) -> int:
        (value,) = struct.unpack_from(form, self._data, self._offset)
        self._offset += struct.calcsize(form)
        return int(value)

    def counted(self, form: str) -> bytes:
        length = self.number(form)
        (value,) = struct.unpack_from(f"{length}s", self._data, self._offset)
        self._offset += length
        return bytes(value)

    def certificate(self, version: int) -> bytes:
        if version > 1:
            self.counted(">H")  # the type, which is X.509
        return self.counted(">I")


def read_jks(data: bytes) -> dict[str, bytes] | None:
    """The DER of each trusted certificate of a JKS file by its alias; None where the file is no sound JKS."""
    if not data.startswith(JKS_MAGIC):
        return None
    reader = _Reader(data[len(JKS_MAGIC) : -_TRAILING_DIGEST])
    try:
        version, count = reader.number(">I"), reader.number(">I")
        return dict(entry for entry in (_entry(reader, version) for dummy in range(count)) if entry)
    except (struct.error, UnicodeDecodeError, ValueError):
        return None


def _entry(reader: _Reader, version: int) -> tuple[str, bytes] | None:
    """The next entry's alias and certificate; None for one with a private key."""
    tag, alias = reader.number(">I"), reader.counted(">H").decode()
    reader.number(">Q")  # when it was made
    if tag == _CERTIFICATE:
        return alias, reader.certificate(version)
    if tag != _PRIVATE_KEY:
        raise ValueError(f"unknown entry {tag}")
    reader.counted(">I")
    for dummy in range(reader.number(">I")):
        reader.certificate(version)
    return None
