# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PKCS #12 keystores as Java writes them today, read without starting Java.

Since JDK 18, the cacerts of a JDK has no password: its certificates lie there in plain DER. A keystore that is
encrypted is for keytool to read. Sources: RFC 7292; the class sun.security.pkcs12.PKCS12KeyStore of OpenJDK.
"""

from __future__ import annotations

import codecs

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import (
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    children,
)

BMP_STRING = 0x1E
PLAIN_DATA = bytes.fromhex("2a864886f70d010701")  # 1.2.840.113549.1.7.1
CERTIFICATE_BAG = bytes.fromhex("2a864886f70d010c0a0103")  # 1.2.840.113549.1.12.10.1.3
FRIENDLY_NAME = bytes.fromhex("2a864886f70d010914")  # 1.2.840.113549.1.9.20
TRUSTED_KEY_USAGE = bytes.fromhex("6086480186f966adca7b0101")  # 2.16.840.1.113894.746875.1.1, by which Java trusts
# Looked up here since Python loads it from a file, which another user, as whom this may run, may be unable to read.
UTF_16 = codecs.lookup("utf-16-be")


class Element(NamedTuple):
    """One value of DER: its tag, and the bytes of its content."""

    tag: int
    content: bytes


def read_pkcs12(data: bytes) -> dict[str, bytes] | None:
    """The DER of each certificate that Java trusts by alias; None where that takes a password, or is no PKCS #12."""
    try:
        entries: dict[str, bytes] = {}
        for part in elements(payload(elements(only(data))[1])):
            entries.update(_trusted(elements(payload(part))))
        return entries
    except (IndexError, ValueError):
        return None


def payload(content_info: Element) -> bytes:
    """The sequence in a ContentInfo of plain data. Raises ValueError for an encrypted one."""
    kind, wrapped = elements(content_info.content)
    if kind != Element(OBJECT_IDENTIFIER, PLAIN_DATA):
        raise ValueError("encrypted")
    return only(only(wrapped.content, OCTET_STRING))


def _trusted(bags: list[Element]) -> dict[str, bytes]:
    entries = {}
    for bag in bags:
        kind, value, *rest = elements(bag.content)
        attributes = attributes_of(rest[0].content) if rest else {}
        if kind.content == CERTIFICATE_BAG and TRUSTED_KEY_USAGE in attributes:
            certificate = elements(only(value.content))[1]
            alias, _length = UTF_16.decode(only(attributes.get(FRIENDLY_NAME, b""), BMP_STRING))
            entries[alias] = only(certificate.content, OCTET_STRING)
    return entries


def attributes_of(data: bytes) -> dict[bytes, bytes]:
    """The content of each attribute's set of values by the attribute's identifier."""
    pairs = [elements(attribute.content) for attribute in elements(data)]
    return {identifier.content: values.content for identifier, values in pairs}


def only(data: bytes, tag: int = SEQUENCE) -> bytes:
    """The content of the single element in ``data``."""
    found = elements(data)
    if len(found) != 1 or found[0].tag != tag:
        raise ValueError("not what was expected")
    return found[0].content


def elements(data: bytes) -> list[Element]:
    """The elements that ``data`` consists of. Raises DerError."""
    return [Element(tag, data[start:end]) for tag, start, end in children(data, 0, len(data))]
