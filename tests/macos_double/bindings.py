# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All functions that the contract calls, as they are, in Apple's libraries or in the double's.

They are declared once more than in the collection: a wrong declaration there must not be hidden by the same one here.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_long, c_uint8, c_uint32, c_ulong, c_void_p
from typing import Any

UTF8, INT32, INT64 = 0x08000100, 3, 4

CORE_FOUNDATION: dict[str, tuple[Any, list[Any]]] = {
    "CFArrayCreate": (c_void_p, [c_void_p, POINTER(c_void_p), c_long, c_void_p]),
    "CFArrayGetCount": (c_long, [c_void_p]),
    "CFArrayGetValueAtIndex": (c_void_p, [c_void_p, c_long]),
    "CFDataCreate": (c_void_p, [c_void_p, c_char_p, c_long]),
    "CFDataGetBytePtr": (c_void_p, [c_void_p]),
    "CFDataGetLength": (c_long, [c_void_p]),
    "CFDictionaryCreate": (c_void_p, [c_void_p, POINTER(c_void_p), POINTER(c_void_p), c_long, c_void_p, c_void_p]),
    "CFDictionaryGetValue": (c_void_p, [c_void_p, c_void_p]),
    "CFErrorCopyDescription": (c_void_p, [c_void_p]),
    "CFErrorCreate": (c_void_p, [c_void_p, c_void_p, c_long, c_void_p]),
    "CFErrorGetCode": (c_long, [c_void_p]),
    "CFEqual": (c_uint8, [c_void_p, c_void_p]),
    "CFGetTypeID": (c_ulong, [c_void_p]),
    "CFNumberCreate": (c_void_p, [c_void_p, c_long, c_void_p]),
    "CFNumberGetValue": (c_uint8, [c_void_p, c_long, c_void_p]),
    "CFRelease": (None, [c_void_p]),
    "CFStringCreateWithCString": (c_void_p, [c_void_p, c_char_p, c_uint32]),
    "CFStringGetCString": (c_uint8, [c_void_p, c_char_p, c_long, c_uint32]),
}
SECURITY: dict[str, tuple[Any, list[Any]]] = {
    "csr_check": (c_int32, [c_uint32]),
    "getaudit_addr": (c_int32, [c_void_p, c_int32]),
    "SecCertificateAddToKeychain": (c_int32, [c_void_p, c_void_p]),
    "SecCertificateCopyData": (c_void_p, [c_void_p]),
    "SecCertificateGetTypeID": (c_ulong, []),
    "SecCertificateCreateWithData": (c_void_p, [c_void_p, c_void_p]),
    "SecCopyErrorMessageString": (c_void_p, [c_int32, c_void_p]),
    "SecItemCopyMatching": (c_int32, [c_void_p, POINTER(c_void_p)]),
    "SecItemDelete": (c_int32, [c_void_p]),
    "SecKeychainOpen": (c_int32, [c_char_p, POINTER(c_void_p)]),
    "SecPolicyCopyProperties": (c_void_p, [c_void_p]),
    "SecPolicyCreateBasicX509": (c_void_p, []),
    "SecPolicyCreateSSL": (c_void_p, [c_uint8, c_void_p]),
    "SecPolicyGetTypeID": (c_ulong, []),
    "SecTrustCreateWithCertificates": (c_int32, [c_void_p, c_void_p, POINTER(c_void_p)]),
    "SecTrustEvaluateWithError": (ctypes.c_bool, [c_void_p, POINTER(c_void_p)]),
    "SecTrustSetNetworkFetchAllowed": (c_int32, [c_void_p, c_uint8]),
    "SecTrustSettingsCopyCertificates": (c_int32, [c_uint32, POINTER(c_void_p)]),
    "SecTrustSettingsCopyTrustSettings": (c_int32, [c_void_p, c_uint32, POINTER(c_void_p)]),
    "SecTrustSettingsCreateExternalRepresentation": (c_int32, [c_uint32, POINTER(c_void_p)]),
    "SecTrustSettingsImportExternalRepresentation": (c_int32, [c_uint32, c_void_p]),
    "SecTrustSettingsRemoveTrustSettings": (c_int32, [c_void_p, c_uint32]),
    "SecTrustSettingsSetTrustSettings": (c_int32, [c_void_p, c_uint32, c_void_p]),
    "SessionGetInfo": (c_int32, [c_uint32, POINTER(c_uint32), POINTER(c_uint32)]),
}


class Bindings:
    """The functions as attributes, and shorter ways to make and to read values. References are integers."""

    def __init__(self, core_foundation: str, security: str) -> None:
        self.core_foundation = ctypes.CDLL(core_foundation)
        self.security = ctypes.CDLL(security)
        for library, signatures in ((self.core_foundation, CORE_FOUNDATION), (self.security, SECURITY)):
            for name, (result, arguments) in signatures.items():
                function = getattr(library, name)
                function.restype, function.argtypes = result, arguments
                setattr(self, name, function)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the contract declares no function {name}")

    def callbacks(self, name: str) -> int:
        """The address of one of CoreFoundation's tables of callbacks."""
        return ctypes.addressof(c_long.in_dll(self.core_foundation, name))

    def data(self, content: bytes) -> int:
        return self.CFDataCreate(None, content, len(content))

    def string(self, text: str) -> int:
        return self.CFStringCreateWithCString(None, text.encode(), UTF8)

    def number(self, value: int) -> int:
        return self.CFNumberCreate(None, INT64, byref(c_int64(value)))

    def array(self, *values: int) -> int:
        callbacks = self.callbacks("kCFTypeArrayCallBacks")
        return self.CFArrayCreate(None, (c_void_p * len(values))(*values), len(values), callbacks)

    def constant(self, name: str) -> int | None:
        """An object that one of the libraries exports."""
        library = self.core_foundation if name.startswith("kCF") else self.security
        return c_void_p.in_dll(library, name).value

    def dictionary(self, *pairs: int | None) -> int:
        """Of keys and values by turns."""
        callbacks = [self.callbacks(f"kCFTypeDictionary{kind}CallBacks") for kind in ("Key", "Value")]
        count = len(pairs) // 2
        keys, values = (c_void_p * count)(*pairs[::2]), (c_void_p * count)(*pairs[1::2])
        return self.CFDictionaryCreate(None, keys, values, count, *callbacks)

    def certificate(self, der: bytes) -> int:
        """A certificate, or None where that is not DER."""
        data = self.data(der)
        certificate = self.SecCertificateCreateWithData(None, data)
        self.CFRelease(data)
        return certificate

    def bytes_of(self, data: int) -> bytes:
        return ctypes.string_at(self.CFDataGetBytePtr(data), self.CFDataGetLength(data))

    def text_of(self, string: int) -> str:
        buffer = ctypes.create_string_buffer(1024)
        assert self.CFStringGetCString(string, buffer, len(buffer), UTF8)
        return buffer.value.decode()

    def policy_oid(self, policy: int) -> str:
        properties, key = self.SecPolicyCopyProperties(policy), self.string("SecPolicyOid")
        oid = self.text_of(self.CFDictionaryGetValue(properties, key))
        self.CFRelease(key)
        self.CFRelease(properties)
        return oid

    def release(self, *references: int) -> None:
        for reference in references:
            self.CFRelease(reference)
