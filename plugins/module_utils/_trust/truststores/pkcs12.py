# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Truststore files in PKCS #12 as Java trusts them, written without Java or OpenSSL.

Certificates are no secret, so that they lie in plain DER, as in the cacerts of a JDK; the password vouches for the
whole by a MAC. Sources: RFC 7292, appendix B for the key of the MAC; the class sun.security.pkcs12.PKCS12KeyStore of
OpenJDK for the attribute by which it trusts a certificate, which all others pass by.
"""

from __future__ import annotations

import hashlib
import hmac
import os

from ansible_collections.anchorage.pki.plugins.module_utils._trust.java.pkcs12 import (
    BMP_STRING,
    CERTIFICATE_BAG,
    FRIENDLY_NAME,
    PLAIN_DATA,
    TRUSTED_KEY_USAGE,
    UTF_16,
    Element,
    attributes_of,
    elements,
    only,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.truststores.parts import NotTruststoreError, Part
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import (
    INTEGER,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    SET,
)

_CONTEXT_0 = 0xA0
_NULL = b"\x05\x00"
_X509_CERTIFICATE = bytes.fromhex("2a864886f70d01091601")  # 1.2.840.113549.1.9.22.1
_ANY_PURPOSE = bytes.fromhex("551d2500")  # 2.5.29.37.0
_SHA256 = bytes.fromhex("608648016503040201")
_DIGESTS = {
    bytes.fromhex("2b0e03021a"): "sha1",
    _SHA256: "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}
# As JDK 17 and later have it. A file of others may ask for more, but not for hours.
_ROUNDS, _MOST_ROUNDS = 10_000, 2_000_000
_SALT_SIZE = 20
_FOR_A_MAC = 3


def read(content: bytes) -> list[Part]:
    """The parts of a file. Raises NotTruststoreError."""
    try:
        parts = []
        for section in elements(only(_wrapped(elements(only(content))[1]))):
            for bag in elements(only(_wrapped(section))):
                parts.append(_part(bag))
        return parts
    except (IndexError, UnicodeDecodeError, ValueError) as error:
        if isinstance(error, NotTruststoreError):
            raise
        raise NotTruststoreError("is no PKCS #12 file, or a damaged one") from None


def _wrapped(info: Element) -> bytes:
    """What a ContentInfo has in plain."""
    kind, *rest = elements(info.content)
    if kind != Element(OBJECT_IDENTIFIER, PLAIN_DATA):
        raise NotTruststoreError("is encrypted, which takes Java's keytool")
    return only(rest[0].content, OCTET_STRING)


def _part(bag: Element) -> Part:
    kind, value, *rest = elements(bag.content)
    if kind.content != CERTIFICATE_BAG:
        raise NotTruststoreError("holds a private key, or something else that is no certificate")
    certificate = elements(only(value.content))[1]
    name = attributes_of(rest[0].content).get(FRIENDLY_NAME) if rest else None
    alias = UTF_16.decode(only(name, BMP_STRING))[0] if name else ""
    return Part(_value(bag.tag, bag.content), only(certificate.content, OCTET_STRING), alias)


def part_of(alias: str, der: bytes) -> Part:
    """A certificate as a part of a file."""
    certificate = _sequence(_value(OBJECT_IDENTIFIER, _X509_CERTIFICATE), _value(_CONTEXT_0, _value(OCTET_STRING, der)))
    attributes = _value(
        SET,
        _attribute(FRIENDLY_NAME, _value(BMP_STRING, alias.encode("utf-16-be"))),
        _attribute(TRUSTED_KEY_USAGE, _value(OBJECT_IDENTIFIER, _ANY_PURPOSE)),
    )
    bag = _sequence(_value(OBJECT_IDENTIFIER, CERTIFICATE_BAG), _value(_CONTEXT_0, certificate), attributes)
    return Part(bag, der, alias)


def written(parts: list[Part], password: str) -> bytes:
    """The file of these parts."""
    safe = _sequence(_info(_sequence(*(part.content for part in parts))))
    return _sequence(_value(INTEGER, b"\x03"), _info(safe), _mac(safe, password) if password else b"")


def is_sealed(content: bytes, password: str) -> bool:
    """Whether it is with this password that the file was written, or without any where that is empty. A file without
    certificates is none that anything vouches for."""
    try:
        _version, info, *macs = elements(only(content))
        if not (password and macs):
            return not (password or macs)
        found, salt, *rounds = elements(macs[0].content)
        algorithm, digest = elements(found.content)
        name = _DIGESTS[elements(algorithm.content)[0].content]
        repeated = int.from_bytes(rounds[0].content, "big") if rounds else 1
        if repeated > _MOST_ROUNDS:
            return False
        return hmac.compare_digest(_code(_wrapped(info), password, name, salt.content, repeated), digest.content)
    except (IndexError, KeyError, ValueError):  # by a method that is not known here
        return False


def _mac(safe: bytes, password: str) -> bytes:
    salt = os.urandom(_SALT_SIZE)
    digest = _code(safe, password, "sha256", salt, _ROUNDS)
    found = _sequence(_sequence(_value(OBJECT_IDENTIFIER, _SHA256), _NULL), _value(OCTET_STRING, digest))
    rounds = _ROUNDS.to_bytes(_ROUNDS.bit_length() // 8 + 1, "big")
    return _sequence(found, _value(OCTET_STRING, salt), _value(INTEGER, rounds))


def _code(safe: bytes, password: str, digest: str, salt: bytes, rounds: int) -> bytes:
    """The MAC, by the key that RFC 7292, appendix B.2 derives: of the digest's own size, so that one block is all."""
    block = hashlib.new(digest).block_size
    secret = (password + "\0").encode("utf-16-be")
    key = bytes([_FOR_A_MAC]) * block + _filled(salt, block) + _filled(secret, block)
    for _round in range(rounds):
        key = hashlib.new(digest, key).digest()
    return hmac.new(key, safe, digest).digest()


def _filled(text: bytes, block: int) -> bytes:
    """The text again and again, up to the end of a block."""
    size = -(-len(text) // block) * block
    return (text * (size // max(1, len(text)) + 1))[:size]


def _attribute(identifier: bytes, value: bytes) -> bytes:
    return _sequence(_value(OBJECT_IDENTIFIER, identifier), _value(SET, value))


def _info(content: bytes) -> bytes:
    """A ContentInfo of plain data."""
    return _sequence(_value(OBJECT_IDENTIFIER, PLAIN_DATA), _value(_CONTEXT_0, _value(OCTET_STRING, content)))


def _sequence(*contents: bytes) -> bytes:
    return _value(SEQUENCE, *contents)


def _value(tag: int, *contents: bytes) -> bytes:
    """A value of DER."""
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + content
