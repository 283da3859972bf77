# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apple's Security framework by ctypes: what evaluates trust, and what changes trust settings and keychains.

Only the program of :mod:`program` imports this, as it does :mod:`security`. Each method that makes a call raises
StatusError where that fails. Sources: SecTrustSettings.h, SecTrust.h, SecItem.h, AuthSession.h; csr.h and audit.h of
xnu.
"""

from __future__ import annotations

import ctypes

from ansible_collections.anchorage.pki.plugins.module_utils._macos.core_foundation import Owned, load_framework
from ansible_collections.anchorage.pki.plugins.module_utils._macos.security import Security, StatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_REFERENCE = ctypes.c_void_p
_RESULT = ctypes.POINTER(ctypes.c_void_p)
_STATUS = ctypes.c_int32
_NUMBER = ctypes.c_uint32

_SIGNATURES: dict[str, tuple[object, list[object]]] = {
    "SecCertificateAddToKeychain": (_STATUS, [_REFERENCE, _REFERENCE]),
    "SecCertificateCreateWithData": (_REFERENCE, [_REFERENCE, _REFERENCE]),
    "SecItemCopyMatching": (_STATUS, [_REFERENCE, _RESULT]),
    "SecItemDelete": (_STATUS, [_REFERENCE]),
    "SecKeychainOpen": (_STATUS, [ctypes.c_char_p, _RESULT]),
    "SecPolicyCreateBasicX509": (_REFERENCE, []),
    "SecPolicyCreateSSL": (_REFERENCE, [ctypes.c_uint8, _REFERENCE]),
    "SecTrustCreateWithCertificates": (_STATUS, [_REFERENCE, _REFERENCE, _RESULT]),
    "SecTrustEvaluateWithError": (ctypes.c_bool, [_REFERENCE, _RESULT]),
    "SecTrustSetNetworkFetchAllowed": (_STATUS, [_REFERENCE, ctypes.c_uint8]),
    "SecTrustSettingsCreateExternalRepresentation": (_STATUS, [_NUMBER, _RESULT]),
    "SecTrustSettingsImportExternalRepresentation": (_STATUS, [_NUMBER, _REFERENCE]),
    "SecTrustSettingsRemoveTrustSettings": (_STATUS, [_REFERENCE, _NUMBER]),
    "SecTrustSettingsSetTrustSettings": (_STATUS, [_REFERENCE, _NUMBER, _REFERENCE]),
    "SessionGetInfo": (_STATUS, [_NUMBER, ctypes.POINTER(_NUMBER), ctypes.POINTER(_NUMBER)]),
    "csr_check": (ctypes.c_int, [_NUMBER]),
    "getaudit_addr": (ctypes.c_int, [ctypes.POINTER(_NUMBER), ctypes.c_int]),
}

_OWN_SESSION = 2**32 - 1  # callerSecuritySession
_HAS_GRAPHICS = 0x10  # sessionHasGraphicAccess
_UNRESTRICTED_FILES = 1 << 1  # CSR_ALLOW_UNRESTRICTED_FS
_AUDIT_INFORMATION = 12  # numbers of 32 bits in a struct auditinfo_addr, of which the first is ai_auid
_TRUST_ROOT = 1  # kSecTrustSettingsResultTrustRoot
#: Also in codes.py, which takes its time to be sent and compiled.
ITEM_NOT_FOUND = -25300
_DUPLICATE_ITEM = -25299
_NOT_TRUSTED = -67843


class Changing:
    """The further functions of a library of Security. Certificates are references, as :meth:`certificate` has them."""

    def __init__(self, security: Security) -> None:
        self._security, self._values = security, security.values
        self._library = load_framework(security.path, _SIGNATURES)

    def session(self) -> dict[str, object]:
        """Whether this session has a screen (``graphic``), the number of the ``user`` who logged in to it, whoever this
        process runs as, None where macOS does not give it, and whether System Integrity Protection guards files
        (``protected``)."""
        attributes, identifier, information = _NUMBER(), _NUMBER(), (_NUMBER * _AUDIT_INFORMATION)()
        self._require(self._library.SessionGetInfo(_OWN_SESSION, ctypes.byref(identifier), ctypes.byref(attributes)))
        guarded = self._library.csr_check(_UNRESTRICTED_FILES) != 0
        is_known = self._library.getaudit_addr(information, ctypes.sizeof(information)) == 0
        graphic = bool(attributes.value & _HAS_GRAPHICS)
        return {"graphic": graphic, "user": information[0] if is_known else None, "protected": guarded}

    def certificate(self, der: bytes) -> Owned:
        """A certificate for a block; None where the bytes are none."""
        with self._values.owned(self._values.create_data(der)) as data:
            return self._values.owned(self._library.SecCertificateCreateWithData(None, data))

    def refusal(self, certificates: list[int], server: str | None = None) -> StatusError | None:
        """Why an evaluation without the network does not trust the first of the certificates, which the others help to
        lead to a root; None where it does. With the name of a ``server``, as its leaf by the policy for SSL, else by
        the basic X.509 policy."""
        chain, error = self._values.create_array([self._values.retained(each) for each in certificates]), _REFERENCE()
        with self._values.owned(chain), self._values.owned(self._policy(server)) as policy:
            created = self._security.copied(self._library.SecTrustCreateWithCertificates, chain, policy)
        with self._values.owned(created) as trust:
            self._require(self._library.SecTrustSetNetworkFetchAllowed(trust, False))
            if self._library.SecTrustEvaluateWithError(trust, ctypes.byref(error)):
                return None
        with self._values.owned(error.value) as why:
            return StatusError(*self._values.error(why)) if why else StatusError(_NOT_TRUSTED, None)

    def _policy(self, server: str | None) -> int:
        """The policy to evaluate by, which the caller releases."""
        if server is None:
            return self._library.SecPolicyCreateBasicX509()
        with self._values.owned(self._values.create_string(server)) as name:
            return self._library.SecPolicyCreateSSL(True, name)

    def export(self, domain: int) -> bytes:
        """All trust settings of a domain as a property list."""
        function = self._library.SecTrustSettingsCreateExternalRepresentation
        with self._values.owned(self._security.copied(function, domain)) as data:
            return self._values.data(data) if data else b""

    def restore(self, domain: int, export: bytes) -> None:
        """Put an export in the place of all trust settings of its domain."""
        with self._values.owned(self._values.create_data(export)) as data:
            self._require(self._library.SecTrustSettingsImportExternalRepresentation(domain, data))

    def trust(self, certificate: int, domain: int) -> None:
        """Trust a certificate as a root by the policies for TLS servers and for X.509, whatever its settings were."""
        rows = [
            self._settings("sslServer", self._library.SecPolicyCreateSSL(True, None)),
            self._settings("basicX509", self._library.SecPolicyCreateBasicX509()),
        ]
        with self._values.owned(self._values.create_array(rows)) as settings:
            self._require(self._library.SecTrustSettingsSetTrustSettings(certificate, domain, settings))

    def _settings(self, name: str, policy: int) -> int:
        """A dictionary of trust settings, which the caller releases, as it no longer does the policy."""
        values = self._values
        keys = [values.create_string(f"kSecTrustSettings{key}") for key in ("Policy", "PolicyName", "Result")]
        return values.create_dictionary(keys, [policy, values.create_string(name), values.create_number(_TRUST_ROOT)])

    def forget(self, certificate: int, domain: int) -> None:
        """Remove a certificate's trust settings from a domain."""
        self._require(self._library.SecTrustSettingsRemoveTrustSettings(certificate, domain))

    def add(self, certificate: int, keychain: str) -> None:
        """Put a certificate into the keychain of a path, where it is not there already."""
        with self._keychain(keychain) as opened:
            code = self._library.SecCertificateAddToKeychain(certificate, opened)
            if code != _DUPLICATE_ITEM:
                self._require(code)

    def holds(self, der: bytes, keychain: str) -> bool:
        """Whether the keychain of a path has a certificate."""
        with self._certificates(keychain) as found:
            return any(self._security.der(each) == der for each in self._elements(found))

    def delete(self, der: bytes, keychain: str) -> None:
        """Delete a certificate from the keychain of a path, if it is there: of one made of its bytes nothing is."""
        with self._certificates(keychain) as found:
            for each in self._elements(found):
                if self._security.der(each) == der:
                    self._delete(each)

    def _delete(self, certificate: int) -> None:
        retained = self._values.retained(certificate)
        items = self._values.create_array([retained])
        with self._values.owned(items), self._query({"kSecMatchItemList": items}) as query:
            code = self._library.SecItemDelete(query)
        if code != ITEM_NOT_FOUND:
            self._require(code)

    def _elements(self, array: int | None) -> Iterator[int]:
        return self._values.elements(array) if array else iter(())

    def _keychain(self, path: str) -> Owned:
        return self._values.owned(self._security.copied(self._library.SecKeychainOpen, path.encode()))

    def _certificates(self, keychain: str) -> Owned:
        """All certificates of a keychain as an array for a block; None where there are none."""
        with self._keychain(keychain) as opened:
            retained = self._values.retained(opened) if opened else 0
            with self._values.owned(self._values.create_array([retained])) as searched:
                query = {
                    "kSecMatchSearchList": searched,
                    "kSecMatchLimit": self._security.constant("kSecMatchLimitAll"),
                    "kSecReturnRef": self._values.constant("kCFBooleanTrue"),
                }
                with self._query(query) as asked:
                    try:
                        return self._values.owned(self._security.copied(self._library.SecItemCopyMatching, asked))
                    except StatusError as error:
                        if error.code != ITEM_NOT_FOUND:
                            raise
                        return self._values.owned(None)

    def _query(self, values: dict[str, int | None]) -> Owned:
        """A query for certificates, for a block."""
        constant, retained = self._security.constant, self._values.retained
        pairs = {"kSecClass": constant("kSecClassCertificate"), **values}
        keys = [retained(constant(key)) for key in pairs]
        return self._values.owned(self._values.create_dictionary(keys, [retained(each) for each in pairs.values()]))

    def _require(self, code: int) -> None:
        """Raises StatusError for another status than success."""
        self._security.require(code)
