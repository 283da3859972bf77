# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apple's Security framework by ctypes: what reads certificates, policies and trust settings, with Python's values.

Only the program of :mod:`program` imports this, in a process of its own, as it does CoreFoundation.
"""

from __future__ import annotations

import ctypes

from ansible_collections.anchorage.pki.plugins.module_utils._macos.core_foundation import (
    CoreFoundation,
    UnexpectedValue,
    load_framework,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_REFERENCE = ctypes.c_void_p
_RESULT = ctypes.POINTER(ctypes.c_void_p)
_STATUS = ctypes.c_int32
_DOMAIN = ctypes.c_uint32

_SIGNATURES: dict[str, tuple[object, list[object]]] = {
    "SecCertificateCopyData": (_REFERENCE, [_REFERENCE]),
    "SecCopyErrorMessageString": (_REFERENCE, [_STATUS, _REFERENCE]),
    "SecPolicyCopyProperties": (_REFERENCE, [_REFERENCE]),
    "SecPolicyGetTypeID": (ctypes.c_ulong, []),
    "SecTrustSettingsCopyCertificates": (_STATUS, [_DOMAIN, _RESULT]),
    "SecTrustSettingsCopyTrustSettings": (_STATUS, [_REFERENCE, _DOMAIN, _RESULT]),
}

#: The keys of a dictionary of trust settings are literals in SecTrustSettings.h, which no library exports.
_KEY = "kSecTrustSettings"


class StatusError(Exception):
    """A call gave another status than success."""

    def __init__(self, code: int, message: str | None) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


class Security:
    """The library, loaded from ``path``, on top of CoreFoundation."""

    def __init__(self, path: str, core_foundation: CoreFoundation) -> None:
        self._library = load_framework(path, _SIGNATURES)
        self.path, self.values = path, core_foundation
        self._policy = self._library.SecPolicyGetTypeID()

    def certificates(self, domain: int) -> Iterator[int]:
        """The certificates with trust settings in a domain, each as a reference until the next. Raises StatusError."""
        with self.values.owned(self.copied(self._library.SecTrustSettingsCopyCertificates, domain)) as found:
            if found:
                yield from self.values.elements(found)

    def der(self, certificate: int) -> bytes:
        """A certificate's DER. Raises UnexpectedValue."""
        with self.values.owned(self._library.SecCertificateCopyData(certificate)) as data:
            if not data:
                raise UnexpectedValue("a certificate has no data")
            return self.values.data(data)

    def trust_settings(self, certificate: int, domain: int) -> list[dict[str, str | int | None]]:
        """A certificate's trust settings in a domain, in order: of each dictionary what a user may have set in it.

        ``policy`` is an object identifier, ``policy_name`` a text, ``key_usage`` and ``result`` are numbers, and each
        of them is None where it is not set; ``is_limited`` says whether it is for one host or one application alone.
        Raises StatusError, UnexpectedValue.
        """
        with self.values.owned(
            self.copied(self._library.SecTrustSettingsCopyTrustSettings, certificate, domain)
        ) as found:
            return [self._settings(one) for one in self.values.elements(found)] if found else []

    def _settings(self, dictionary: int) -> dict[str, str | int | None]:
        policy = self.values.value(dictionary, f"{_KEY}Policy")
        policy_name = self.values.value(dictionary, f"{_KEY}PolicyName")
        key_usage = self.values.value(dictionary, f"{_KEY}KeyUsage")
        result = self.values.value(dictionary, f"{_KEY}Result")
        limits = [self.values.value(dictionary, f"{_KEY}{name}") for name in ("PolicyString", "Application")]
        return {
            "policy": self._policy_oid(policy) if policy else None,
            "policy_name": self.values.text(policy_name) if policy_name else None,
            "key_usage": self.values.number(key_usage) if key_usage else None,
            "result": self.values.number(result) if result else None,
            "is_limited": any(limits),
        }

    def _policy_oid(self, policy: int) -> str:
        if self.values.type_of(policy) != self._policy:
            raise UnexpectedValue("there is another object where a policy was expected")
        with self.values.owned(self._library.SecPolicyCopyProperties(policy)) as properties:
            identifier = self.values.value(properties, "SecPolicyOid") if properties else None
            return self.values.text(identifier) if identifier else ""

    def copied(self, function: Callable[..., int], *arguments: object) -> int | None:
        """What a function gives by its last argument, which the caller releases. Raises StatusError."""
        found = ctypes.c_void_p()
        self.require(function(*arguments, ctypes.byref(found)))
        return found.value

    def require(self, code: int) -> None:
        """Raises StatusError for another status than success."""
        if code:
            raise StatusError(code, self._message(code))

    def constant(self, name: str) -> int | None:
        """An object that the library exports."""
        return ctypes.c_void_p.in_dll(self._library, name).value

    def _message(self, code: int) -> str | None:
        with self.values.owned(self._library.SecCopyErrorMessageString(code, None)) as text:
            return self.values.text(text) if text else None
