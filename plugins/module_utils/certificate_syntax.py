# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What counts as a certificate: what OpenSSL can parse, too.

OpenSSL refuses a whole bundle for one certificate in it that it cannot parse. So each field (RFC 5280, section 4.1) is
read as deeply as OpenSSL reads it then, down to the letters of the names. What an extension says, and whether the key
is one, is left to those who use it; nothing is asked of dates, serial number and signature but their form.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils.certificate_fields import Fields, find_fields
from ansible_collections.anchorage.pki.plugins.module_utils.der import (
    BIT_STRING,
    BOOLEAN,
    GENERALIZED_TIME,
    INTEGER,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    SET,
    UTC_TIME,
    DerError,
    children,
    content_of,
    enter,
)

_NULL, _UTF8_STRING, _NUMERIC_STRING, _PRINTABLE_STRING = 0x05, 0x0C, 0x12, 0x13
_TELETEX_STRING, _IA5_STRING, _UNIVERSAL_STRING, _BMP_STRING = 0x14, 0x16, 0x1C, 0x1E
_IN_NAMES = (
    *(_UTF8_STRING, _NUMERIC_STRING, _PRINTABLE_STRING, _TELETEX_STRING, _IA5_STRING),
    *(_UNIVERSAL_STRING, _BMP_STRING, BIT_STRING),
)
_TIMES = (UTC_TIME, GENERALIZED_TIME)
_ISSUER_IDENTIFIER, _SUBJECT_IDENTIFIER, _EXTENSIONS = 0x81, 0x82, 0xA3  # in this order, each of them optional
_IDENTIFIER = re.compile(rb"(?:(?!\x80)[\x80-\xff]*[\x00-\x7f])+")
_CLASS, _CONSTRUCTED, _NUMBER = 0xC0, 0x20, 0x1F  # the parts of a tag


def _pair(size: int, header: int) -> bytes:
    """Type and value in one element, from its length on. ``header`` is what lies before the length of the value."""
    return _byte(size + header + 1) + b".{%d}" % header + _byte(size) + b".{%d}" % size


def _byte(value: int) -> bytes:
    return re.escape(bytes([value]))


#: One or more of the extensions that nearly all roots have, such as key identifiers and basic constraints.
_USUAL_EXTENSIONS = (
    rb"(?:\x30(?:(?=.\x06\x03\x55\x1d[\x00-\x7f]\x04)(?:"
    + b"|".join(_pair(size, 6) for size in (4, 5, 22, 24))
    + rb")|(?=.\x06\x03\x55\x1d[\x00-\x7f]\x01\x01.\x04)(?:"
    + b"|".join(_pair(size, 9) for size in (4, 5, 8))
    + rb")))+"
)


def require_certificate(der: bytes) -> None:
    """Raise DerError unless ``der`` is a certificate from its first byte to its last."""
    signed_end = _glance(der)
    if signed_end == 0:
        fields = find_fields(der)
        signed_end = fields.end
        _walk_fields(der, fields)
        _walk_rest(der, fields.rest, signed_end)
    if signed_end != len(der):
        _walk_signature(der, signed_end)


def _glance(der: bytes) -> int:
    """How far this is a certificate like nearly all roots: 0 if its fields have to be walked through; the end of what
    is signed; or the end of all.

    A trust store is checked five times as fast by it. Raises DerError where rare extensions are malformed.
    """
    match = _usual().match(der)
    if not match:
        return 0
    dummy, serial_number, dummy, name, key, extensions, extension_list, signature = match.regs
    signed_end = 8 + (der[6] << 8 | der[7])
    if (
        len(der) - 4 != der[2] << 8 | der[3]
        or key[1] > signed_end
        or der[serial_number[0] - 1] != serial_number[1] - serial_number[0]
        or der[name[0] - 1] != name[1] - name[0]
        or not (der[name[0] : name[1]].isascii() or _is_text("utf-8", der[name[0] : name[1]]))
    ):
        return 0
    if (
        extensions[0] == -1
        or der[extensions[0] - 1] != signed_end - extensions[0]
        or der[extension_list[0] - 1] != signed_end - extension_list[0]
    ):
        _walk_rest(der, key[1], signed_end)
    elif extensions[1] != signed_end:
        _walk_extensions(der, extensions[1], signed_end)
    elif signature[0] != -1 and content_of(der, signature[0])[1] == len(der):
        return len(der)
    return signed_end


@functools.lru_cache(maxsize=1)  # not compiled by those who only import this: it takes 2 ms
def _usual() -> re.Pattern[bytes]:
    """The form of a usual certificate: one name for subject and issuer, the same few kinds of keys and extensions.

    Three lengths are for the caller to compare, each in the byte before a group: those of the serial number, of the
    name (which must be UTF-8, too), and of the extensions. The group in between ends where the key does.
    """
    algorithm = (
        rb"\x30(?:\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01[\x00-\x7f]\x05\x00"  # RSA
        rb"|\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03[\x00-\x7f])"  # ECDSA
    )
    serial_number = rb"\x02[\x01-\x14](\x00|(?!\x00[\x00-\x7f]|\xff[\x80-\xff]).{1,20}?)"
    attributes = b"|".join(_byte(size + 9) + b"." + _pair(size, 6) for size in range(2, 60))
    attribute = rb"\x31(?=.\x30.\x06\x03\x55\x04.[\x0c\x12-\x14\x16])(?:" + attributes + rb")"
    name = rb"(\x30(?:\x81.|[\x00-\x7f])((?:" + attribute + rb")+))"
    validity = rb"\x30\x1e\x17\x0d.{13}\x17\x0d.{13}"
    rsa = rb"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x82"
    elliptic_curve = rb"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06"
    key = (
        rb"\x30(?:\x82\x02\x22" + rsa + rb"\x02\x0f\x00.{526}"  # 4096 bits
        rb"|\x82\x01\x22" + rsa + rb"\x01\x0f\x00.{270}"  # 2048 bits
        rb"|\x82\x01\x20" + rsa + rb"\x01\x0d\x00.{268}"  # with the exponent 3
        rb"|\x76\x30\x10" + elliptic_curve + rb"\x05\x2b\x81\x04\x00\x22\x03\x62\x00.{97}"  # P-384
        rb"|\x59\x30\x13" + elliptic_curve + rb"\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00.{65})()"
    )
    extensions = rb"(?:\xa3(?:\x81.|[\x00-\x7f])(\x30(?:\x81.|[\x00-\x7f])(" + _USUAL_EXTENSIONS + rb")))?"
    signature = rb"(?:" + algorithm + rb"(\x03)(?:\x82..|\x81.|[\x00-\x7f])[\x00-\x07])?"
    front = rb"\x30\x82..\x30\x82..(?:\xa0\x03\x02\x01.)?" + serial_number + algorithm
    return re.compile(front + name + validity + rb"\2" + key + extensions + signature, re.DOTALL)


@functools.lru_cache(maxsize=1)
def _usual_extensions() -> re.Pattern[bytes]:
    return re.compile(_USUAL_EXTENSIONS, re.DOTALL)


def _walk_fields(der: bytes, fields: Fields) -> tuple[int, int]:
    """Where the public key ends, and what is signed. Raises DerError where a field up to there is malformed."""
    signed = content_of(der, content_of(der, 0)[0])[0]
    if fields.serial_number != signed:
        _walk_parts(der, content_of(der, signed), "version", [INTEGER])
    _walk_parts(der, (fields.serial_number, fields.algorithm), "serial number", [INTEGER])
    _check_algorithm(der[fields.algorithm : fields.issuer])
    _walk_name(der, fields.issuer)
    _walk_parts(der, content_of(der, fields.validity), "validity", _TIMES, _TIMES)
    if der[fields.subject : fields.public_key] != der[fields.issuer : fields.validity]:
        _walk_name(der, fields.subject)
    key = content_of(der, fields.public_key)
    _walk_parts(der, key, "public key", [SEQUENCE], [BIT_STRING])
    _check_algorithm(der[key[0] : content_of(der, key[0])[1]])
    return fields.rest, fields.end


def _walk_name(der: bytes, position: int) -> None:
    for tag, start, end in children(der, *content_of(der, position)):
        for attribute, first, last in children(der, start, end):
            if (tag, attribute) != (SET, SEQUENCE):
                raise DerError("it has a malformed name")
            _walk_parts(der, (first, last), "name", [OBJECT_IDENTIFIER], _IN_NAMES)


def _walk_rest(der: bytes, key_end: int, signed_end: int) -> None:
    """Raise DerError where what follows the public key is malformed."""
    former = 0
    for tag, start, end in children(der, key_end, signed_end):
        if tag not in (_ISSUER_IDENTIFIER, _SUBJECT_IDENTIFIER, _EXTENSIONS) or tag <= former:
            raise DerError("it has something after its public key that no certificate has")
        former = tag
        if tag == _EXTENSIONS:
            position, list_end = enter(der, start, SEQUENCE, "list of extensions")
            if list_end != end:
                raise DerError("it has a malformed list of extensions")
            _walk_extensions(der, position, end)
        elif not _is_bits(der, start, end):
            raise DerError("it has a malformed unique identifier")


def _walk_signature(der: bytes, position: int) -> None:
    """Raise DerError where the algorithm at ``position``, and the signature after it, are malformed."""
    signature = content_of(der, position)[1]
    _check_algorithm(der[position:signature])
    start, end = content_of(der, signature)
    if der[signature] != BIT_STRING or end != len(der) or not _is_bits(der, start, end):
        raise DerError("it has a malformed signature")


def _walk_extensions(der: bytes, position: int, end: int) -> None:
    usual = _usual_extensions()
    while position < end:
        match = usual.match(der, position, end)
        position = match.end() if match else _walk_extension(der, position, end)


def _walk_extension(der: bytes, position: int, list_end: int) -> int:
    """Where the extension at ``position`` ends. Raises DerError where it is malformed."""
    identifier, end = enter(der, position, SEQUENCE, "extension")
    start, after = enter(der, identifier, OBJECT_IDENTIFIER, "extension type")
    value = after
    if der[value : value + 1] == bytes([BOOLEAN]):  # whether it is critical
        flag, value = content_of(der, value)
        if value != flag + 1:
            raise DerError("it has a malformed extension")
    last = enter(der, value, OCTET_STRING, "value of an extension")[1]
    if last != end or end > list_end or not _IDENTIFIER.fullmatch(der, start, after):
        raise DerError("it has a malformed extension")
    return end


def _is_bits(der: bytes, start: int, end: int) -> bool:
    """Whether this is the content of a BIT STRING (X.690, section 8.6)."""
    return start < end and der[start] <= 7


def _walk_parts(der: bytes, content: tuple[int, int], what: str, *kinds: Collection[int]) -> None:
    """Raise DerError that names ``what`` unless its ``content`` has one part for each of ``kinds``, the tags it may
    have, and each part is well-formed."""
    parts = list(children(der, *content))
    if len(parts) != len(kinds) or any(part[0] not in tags for part, tags in zip(parts, kinds)):
        raise DerError(f"it has a malformed {what}")
    for tag, start, end in parts:
        _check_content(tag, der[start:end], what)


@functools.lru_cache(maxsize=64)  # there are few of them, each in hundreds of certificates
def _check_algorithm(algorithm: bytes) -> None:
    """Raise DerError unless this is an algorithm's identifier and, if there are any, its parameters."""
    parts = list(children(algorithm, *content_of(algorithm, 0)))
    if algorithm[0] != SEQUENCE or len(parts) not in (1, 2) or parts[0][0] != OBJECT_IDENTIFIER:
        raise DerError("it has a malformed algorithm")
    for tag, start, end in parts:
        primitive = not tag & _CONSTRUCTED or tag in (SEQUENCE, SET)
        if tag & _NUMBER in (0, _NUMBER) or not (tag & _CLASS or primitive):
            raise DerError("it has a malformed algorithm")
        _check_content(tag, algorithm[start:end], "algorithm")


def _check_content(tag: int, content: bytes, what: str) -> None:
    """Raise DerError that names ``what`` where the content of an element is not what its tag says."""
    is_sound = _SOUND.get(tag)
    if is_sound and not is_sound(content):
        raise DerError(f"it has a malformed {what}")


def _is_text(encoding: str, content: bytes) -> bool:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return encoding != "utf-16-be" or len(text) * 2 == len(content)  # a BMPString knows no pairs of surrogates


#: What the content of an element must be, where not anything will do (X.690, section 8).
_SOUND: dict[int, Callable[[bytes], Any]] = {
    BOOLEAN: lambda content: len(content) == 1,
    INTEGER: re.compile(rb".|(?!\x00[\x00-\x7f]|\xff[\x80-\xff])..+", re.DOTALL).fullmatch,
    BIT_STRING: lambda content: _is_bits(content, 0, len(content)),
    _NULL: lambda content: not content,
    OBJECT_IDENTIFIER: _IDENTIFIER.fullmatch,
    UTC_TIME: lambda content: len(content) >= len("YYMMDDHHMMSSZ"),
    GENERALIZED_TIME: lambda content: len(content) >= len("YYYYMMDDHHMMSSZ"),
    _UTF8_STRING: functools.partial(_is_text, "utf-8"),
    _UNIVERSAL_STRING: functools.partial(_is_text, "utf-32-be"),
    _BMP_STRING: functools.partial(_is_text, "utf-16-be"),
}
