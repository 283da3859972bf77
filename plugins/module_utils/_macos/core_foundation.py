# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apple's CoreFoundation by ctypes: the few types in which Security takes and gives values, as Python's.

Only the program of :mod:`program` imports this, in a process of its own: no process that has loaded CoreFoundation may
fork. Whatever a function with "create" or "copy" in its name gives is released by whoever called it (Apple's "Memory
Management Programming Guide for Core Foundation").
"""

from __future__ import annotations

import ctypes

TYPE_CHECKING = False  # as typing.TYPE_CHECKING; each import is a good part of the time that the program takes
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_INDEX = ctypes.c_long
_REFERENCE = ctypes.c_void_p
_VALUES = ctypes.POINTER(ctypes.c_void_p)
_BOOLEAN = ctypes.c_uint8
_TYPE = ctypes.c_ulong
_ENCODING = ctypes.c_uint32

_UTF8 = 0x08000100  # kCFStringEncodingUTF8
_INT64 = 4  # kCFNumberSInt64Type
_LONGEST_TEXT = 16 * 1024  # bytes

_SIGNATURES: dict[str, tuple[object, list[object]]] = {
    "CFArrayCreate": (_REFERENCE, [_REFERENCE, _VALUES, _INDEX, _REFERENCE]),
    "CFArrayGetCount": (_INDEX, [_REFERENCE]),
    "CFArrayGetTypeID": (_TYPE, []),
    "CFArrayGetValueAtIndex": (_REFERENCE, [_REFERENCE, _INDEX]),
    "CFDataCreate": (_REFERENCE, [_REFERENCE, ctypes.c_char_p, _INDEX]),
    "CFDataGetBytePtr": (_REFERENCE, [_REFERENCE]),
    "CFDataGetLength": (_INDEX, [_REFERENCE]),
    "CFDataGetTypeID": (_TYPE, []),
    "CFDictionaryCreate": (_REFERENCE, [_REFERENCE, _VALUES, _VALUES, _INDEX, _REFERENCE, _REFERENCE]),
    "CFDictionaryGetTypeID": (_TYPE, []),
    "CFDictionaryGetValue": (_REFERENCE, [_REFERENCE, _REFERENCE]),
    "CFErrorCopyDescription": (_REFERENCE, [_REFERENCE]),
    "CFErrorGetCode": (_INDEX, [_REFERENCE]),
    "CFGetTypeID": (_TYPE, [_REFERENCE]),
    "CFNumberCreate": (_REFERENCE, [_REFERENCE, _INDEX, _REFERENCE]),
    "CFNumberGetTypeID": (_TYPE, []),
    "CFNumberGetValue": (_BOOLEAN, [_REFERENCE, _INDEX, _REFERENCE]),
    "CFRelease": (None, [_REFERENCE]),
    "CFRetain": (_REFERENCE, [_REFERENCE]),
    "CFStringCreateWithCString": (_REFERENCE, [_REFERENCE, ctypes.c_char_p, _ENCODING]),
    "CFStringGetCString": (_BOOLEAN, [_REFERENCE, ctypes.c_char_p, _INDEX, _ENCODING]),
    "CFStringGetTypeID": (_TYPE, []),
}


class UnexpectedValue(Exception):
    """A value is of another type than Apple documents; says which one."""


def load_framework(path: str, signatures: dict[str, tuple[object, list[object]]]) -> ctypes.CDLL:
    """The library at ``path`` with the types of its functions, each as result and arguments.

    Since macOS 11 the file exists in the cache of the dynamic loader alone, which finds it by this path all the same.
    Raises OSError where there is no such library, AttributeError where it lacks a function.
    """
    library = ctypes.CDLL(path)
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Owned:
    """What was created or copied, if anything was: its reference for a block, at whose end it is released."""

    def __init__(self, release: Callable[[int], None], reference: int | None) -> None:
        self._release, self._reference = release, reference

    def __enter__(self) -> int | None:
        return self._reference

    def __exit__(self, *_error: object) -> None:
        if self._reference:
            self._release(self._reference)


class CoreFoundation:
    """The library, loaded from ``path``. References are integers, and those it is given are never None."""

    def __init__(self, path: str) -> None:
        self._library = load_framework(path, _SIGNATURES)
        self._array, self._data = self._library.CFArrayGetTypeID(), self._library.CFDataGetTypeID()
        self._dictionary, self._number = self._library.CFDictionaryGetTypeID(), self._library.CFNumberGetTypeID()
        self._string = self._library.CFStringGetTypeID()

    def owned(self, reference: int | None) -> Owned:
        """What was created or copied, for a block."""
        return Owned(self._library.CFRelease, reference)

    def create_string(self, text: str) -> int:
        """Text as a CFString, which the caller releases."""
        return self._library.CFStringCreateWithCString(None, text.encode(), _UTF8)

    def create_data(self, content: bytes) -> int:
        """Bytes as a CFData, which the caller releases."""
        return self._library.CFDataCreate(None, content, len(content))

    def create_number(self, number: int) -> int:
        """A whole number as a CFNumber, which the caller releases."""
        return self._library.CFNumberCreate(None, _INT64, ctypes.byref(ctypes.c_int64(number)))

    def create_array(self, values: list[int]) -> int:
        """A CFArray, which the caller releases, and which owns the values from now on in the caller's place."""
        callbacks = self._callbacks("kCFTypeArrayCallBacks")
        array = self._library.CFArrayCreate(None, _vector(values), len(values), callbacks)
        self._hand_over(values)
        return array

    def create_dictionary(self, keys: list[int], values: list[int]) -> int:
        """A CFDictionary, which the caller releases, and which owns keys and values in the caller's place."""
        callbacks = [self._callbacks(f"kCFTypeDictionary{kind}CallBacks") for kind in ("Key", "Value")]
        dictionary = self._library.CFDictionaryCreate(None, _vector(keys), _vector(values), len(keys), *callbacks)
        self._hand_over(keys + values)
        return dictionary

    def constant(self, name: str) -> int | None:
        """An object that the library exports."""
        return ctypes.c_void_p.in_dll(self._library, name).value

    def retained(self, reference: int | None) -> int:
        """An object that the caller shall own, too, and releases."""
        return self._library.CFRetain(reference)

    def elements(self, array: int) -> Iterator[int]:
        """The elements of a CFArray; they are the array's own. Raises UnexpectedValue."""
        self._require(array, self._array, "array")
        for index in range(self._library.CFArrayGetCount(array)):
            yield self._library.CFArrayGetValueAtIndex(array, index)

    def value(self, dictionary: int, key: str) -> int | None:
        """The value of a CFDictionary for a key; it is the dictionary's own. Raises UnexpectedValue."""
        self._require(dictionary, self._dictionary, "dictionary")
        with self.owned(self.create_string(key)) as name:
            return self._library.CFDictionaryGetValue(dictionary, name)

    def data(self, reference: int) -> bytes:
        """The bytes of a CFData. Raises UnexpectedValue."""
        self._require(reference, self._data, "data")
        length = self._library.CFDataGetLength(reference)
        return ctypes.string_at(self._library.CFDataGetBytePtr(reference), length) if length else b""

    def text(self, reference: int) -> str:
        """The text of a CFString. Raises UnexpectedValue, also for one that is too long."""
        self._require(reference, self._string, "string")
        buffer = ctypes.create_string_buffer(_LONGEST_TEXT)
        if not self._library.CFStringGetCString(reference, buffer, _LONGEST_TEXT, _UTF8):
            raise UnexpectedValue(f"a string is longer than {_LONGEST_TEXT} bytes")
        return buffer.value.decode(errors="replace")

    def number(self, reference: int) -> int:
        """A whole CFNumber. Raises UnexpectedValue, also for one that is none or too large."""
        self._require(reference, self._number, "number")
        found = ctypes.c_int64()
        if not self._library.CFNumberGetValue(reference, _INT64, ctypes.byref(found)):
            raise UnexpectedValue("a number is not whole, or has more than 64 bits")
        return found.value

    def error(self, reference: int) -> tuple[int, str | None]:
        """The code of a CFError, and its description. Raises UnexpectedValue."""
        with self.owned(self._library.CFErrorCopyDescription(reference)) as text:
            return self._library.CFErrorGetCode(reference), self.text(text) if text else None

    def type_of(self, reference: int) -> int:
        """The number of an object's type."""
        return self._library.CFGetTypeID(reference)

    def _callbacks(self, name: str) -> int:
        """The address of one of the library's tables of callbacks."""
        return ctypes.addressof(ctypes.c_long.in_dll(self._library, name))

    def _hand_over(self, references: list[int]) -> None:
        for reference in references:
            self._library.CFRelease(reference)

    def _require(self, reference: int, wanted: int, name: str) -> None:
        if self.type_of(reference) != wanted:
            raise UnexpectedValue(f"there is another object where a {name} was expected")


def _vector(references: list[int]) -> object:
    """References as a C array."""
    return (ctypes.c_void_p * len(references))(*references)
