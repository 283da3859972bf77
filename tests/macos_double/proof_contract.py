# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of the contract about what surrounds a write: exports, items of keychains, and evaluations as its proof.

All of it needs settings of its own, which only the double can be given.
"""

from __future__ import annotations

import hashlib
import plistlib
from ctypes import byref, c_void_p

from ansible_collections.anchorage.pki.tests.macos_double.bindings import Bindings
from ansible_collections.anchorage.pki.tests.macos_double.contract import (
    ADMIN,
    INVALID_TRUST_SETTINGS,
    ITEM_NOT_FOUND,
    NAME,
    NO_TRUST_SETTINGS,
    NOT_TRUSTED,
    PARAM,
    SYSTEM,
    State,
    case,
)
from ansible_collections.anchorage.pki.tests.macos_double.double import ALWAYS, BASIC, SSL
from ansible_collections.anchorage.pki.tests.macos_double.writing_contract import (
    AUTHENTICATION_FAILED,
    CASES,
    DATA_NOT_MODIFIABLE,
    LOGIN_KEYCHAIN,
    SYSTEM_KEYCHAIN,
    locked,
    writable,
)

FIRST = len(CASES)
INCOMPLETE_CHAIN, NAME_MISMATCH, OTHER_USE, EXPIRED = -25318, -67602, -67609, -67818


def trusted(mac: Bindings, der: bytes, network: bool = False) -> bool:
    """What an evaluation by the basic policy says of a certificate."""
    certificate, policy, trust = mac.certificate(der), mac.SecPolicyCreateBasicX509(), c_void_p()
    assert mac.SecTrustCreateWithCertificates(certificate, policy, byref(trust)) == 0
    if not network:
        assert mac.SecTrustSetNetworkFetchAllowed(trust, 0) == 0
    verdict = mac.SecTrustEvaluateWithError(trust, None)
    mac.release(certificate, policy, trust.value)
    return verdict  # type: ignore[no-any-return]


@case("trust-param-checked")
def trust_param_checked(mac: Bindings, state: State) -> None:
    certificate, policy = mac.certificate(state.arranged and state.ders[0]), mac.SecPolicyCreateBasicX509()
    assert mac.SecTrustCreateWithCertificates(None, policy, byref(c_void_p())) == PARAM
    assert mac.SecTrustCreateWithCertificates(certificate, policy, None) == PARAM
    mac.release(certificate, policy)


@case("evaluation-by-settings")
def evaluation_by_settings(mac: Bindings, state: State) -> None:
    state.arranged.trust("admin", state.ders[0])
    state.arranged.trust("admin", state.ders[1], "result=3")
    assert [trusted(mac, der) for der in state.ders[:3]] == [True, False, False]


@case("evaluation-by-policy")
def evaluation_by_policy(mac: Bindings, state: State) -> None:
    state.arranged.trust("admin", state.ders[0], f"policy={SSL};result=3", f"policy={BASIC};result=1")
    state.arranged.trust("admin", state.ders[1], f"policy={SSL};result=1")
    assert [trusted(mac, der) for der in state.ders[:2]] == [True, False]


@case("evaluation-order")
def evaluation_order(mac: Bindings, state: State) -> None:
    state.arranged.trust("admin", state.ders[0], "result=3")
    state.arranged.trust("user", state.ders[0], "result=1")
    assert not trusted(mac, state.ders[0])
    state.arranged.host(version="10.15.7")
    assert trusted(mac, state.ders[0])


@case("evaluation-fetches")
def evaluation_fetches(mac: Bindings, state: State) -> None:
    for network in (True, False):
        trusted(mac, state.ders[0], network)
    calls = [call for call in state.arranged.calls if call.startswith("SecTrustEvaluate")]
    assert calls == ["SecTrustEvaluateWithError network", "SecTrustEvaluateWithError -"]


def served(mac: Bindings, *ders: bytes, name: str = NAME) -> int:
    """The code with which an evaluation as a server of that name refuses the first certificate of a chain; 0 for none.

    Where it says no code, -1.
    """
    host, references, trust = mac.string(name), [mac.certificate(der) for der in ders], c_void_p()
    policy, chain, error = mac.SecPolicyCreateSSL(1, host), mac.array(*references), c_void_p()
    assert mac.SecTrustCreateWithCertificates(chain, policy, byref(trust)) == 0
    assert mac.SecTrustSetNetworkFetchAllowed(trust, 0) == 0
    verdict = mac.SecTrustEvaluateWithError(trust, byref(error))
    code = 0 if verdict else mac.CFErrorGetCode(error) if error else -1
    mac.release(*(each for each in (host, *references, policy, chain, trust.value, error.value) if each))
    return code


def issued(state: State, settings: str = f"policy={SSL};result=1") -> tuple[bytes, bytes]:
    """A server's leaf with its issuer, the root of which the administrator trusts."""
    state.arranged.trust("admin", state.ders[0], settings)
    return state.leaves[0], state.intermediate


@case("evaluation-of-chain")
def evaluation_of_chain(mac: Bindings, state: State) -> None:
    assert served(mac, *issued(state)) == 0


@case("chain-from-keychains")
def chain_from_keychains(mac: Bindings, state: State) -> None:
    leaf, issuer = issued(state)
    assert served(mac, leaf, issuer, state.ders[0]) == 0
    assert served(mac, leaf, issuer) == 0


@case("chain-incomplete-code")
def chain_incomplete_code(mac: Bindings, state: State) -> None:
    leaf, _issuer = issued(state)
    assert served(mac, leaf) == INCOMPLETE_CHAIN


@case("evaluation-says-why")
def evaluation_says_why(mac: Bindings, state: State) -> None:
    assert served(mac, *issued(state, f"policy={BASIC};result=1")) == NOT_TRUSTED


@case("evaluation-error-owned")
def evaluation_error_owned(mac: Bindings, state: State) -> None:
    assert served(mac, *issued(state, "result=3")) == NOT_TRUSTED


@case("evaluation-at-its-time")
def evaluation_at_its_time(mac: Bindings, state: State) -> None:
    _leaf, issuer = issued(state)
    assert served(mac, state.leaves[2], issuer) == EXPIRED


@case("ssl-is-for-servers")
def ssl_is_for_servers(mac: Bindings, state: State) -> None:
    _leaf, issuer = issued(state)
    assert served(mac, state.leaves[1], issuer) == OTHER_USE


@case("ssl-has-the-name")
def ssl_has_the_name(mac: Bindings, state: State) -> None:
    leaf, issuer = issued(state)
    assert served(mac, leaf, issuer, name=f"other.{NAME}") == NAME_MISMATCH


@case("csr-says-sip")
def csr_says_sip(mac: Bindings, state: State) -> None:
    assert mac.csr_check(2) != 0
    state.arranged.host(sip="off")
    assert mac.csr_check(2) == 0


def export(mac: Bindings, domain: int) -> tuple[int, bytes]:
    """The status of a domain's export, and the export."""
    found = c_void_p()
    status = mac.SecTrustSettingsCreateExternalRepresentation(domain, byref(found))
    if status:
        assert found.value is None
        return status, b""
    content = mac.bytes_of(found.value)
    mac.release(found.value)
    return status, content


def restore(mac: Bindings, domain: int, content: bytes) -> int:
    data = mac.data(content)
    status = mac.SecTrustSettingsImportExternalRepresentation(domain, data)
    mac.release(data)
    return status  # type: ignore[no-any-return]


@case("export-param-checked")
def export_param_checked(mac: Bindings, state: State) -> None:
    assert state.arranged
    assert mac.SecTrustSettingsCreateExternalRepresentation(9, byref(c_void_p())) == PARAM
    assert mac.SecTrustSettingsCreateExternalRepresentation(ADMIN, None) == PARAM


@case("export-of-nothing-code")
def export_of_nothing_code(mac: Bindings, state: State) -> None:
    state.arranged.trust("user", state.ders[0])
    assert export(mac, ADMIN) == (NO_TRUST_SETTINGS, b"")


@case("export-by-sha1")
def export_by_sha1(mac: Bindings, state: State) -> None:
    for der in state.ders[:2]:
        state.arranged.trust("admin", der, *ALWAYS)
    status, content = export(mac, ADMIN)
    assert status == 0
    names = {hashlib.sha1(der).hexdigest().upper() for der in state.ders[:2]}  # noqa: S324
    assert set(plistlib.loads(content)["trustList"]) == names


@case("import-replaces")
def import_replaces(mac: Bindings, state: State) -> None:
    double = writable(state)
    double.trust("user", state.ders[0])
    double.trust("admin", state.ders[1], *ALWAYS)
    before, content = double.entries, export(mac, ADMIN)[1]
    double.trust("admin", state.ders[2])
    assert restore(mac, ADMIN, content) == 0
    assert double.entries == before


@case("import-checked")
def import_checked(mac: Bindings, state: State) -> None:
    double = writable(state)
    double.trust("admin", state.ders[0])
    before = double.entries
    assert restore(mac, ADMIN, b"<plist/>") == INVALID_TRUST_SETTINGS
    assert double.entries == before


@case("import-fixed")
def import_fixed(mac: Bindings, state: State) -> None:
    writable(state)
    assert restore(mac, SYSTEM, b"<plist/>") == DATA_NOT_MODIFIABLE


def keychain(mac: Bindings, path: bytes) -> int | None:
    found = c_void_p()
    assert mac.SecKeychainOpen(path, byref(found)) == 0
    return found.value


def matching(mac: Bindings, path: bytes | None, *more: int | None) -> tuple[int, int | None]:
    """The status of a query for certificates, and what it finds, which the caller releases."""
    pairs = [mac.constant("kSecClass"), mac.constant("kSecClassCertificate"), *more]
    searched = keychain(mac, path) if path else None
    among = mac.array(searched) if searched else None
    pairs += [mac.constant("kSecMatchSearchList"), among] if among else []
    query, found = mac.dictionary(*pairs), c_void_p()
    status = mac.SecItemCopyMatching(query, byref(found))
    mac.release(query, *(each for each in (among, searched) if each))
    return status, found.value


def every(mac: Bindings) -> tuple[int | None, ...]:
    return mac.constant("kSecMatchLimit"), mac.constant("kSecMatchLimitAll")


@case("query-has-class")
def query_has_class(mac: Bindings, state: State) -> None:
    state.arranged.trust("admin", state.ders[0])
    query, found = mac.dictionary(mac.constant("kSecReturnRef"), mac.constant("kCFBooleanTrue")), c_void_p()
    assert mac.SecItemCopyMatching(query, byref(found)) == PARAM
    mac.release(query)


@case("query-by-keychain")
def query_by_keychain(mac: Bindings, state: State) -> None:
    state.arranged.trust("admin", state.ders[0])
    state.arranged.trust("user", state.ders[1], keychain="login")
    for path, count in ((SYSTEM_KEYCHAIN, 1), (LOGIN_KEYCHAIN, 1), (None, 2)):
        status, found = matching(mac, path, *every(mac))
        assert status == 0
        assert found
        assert mac.CFArrayGetCount(found) == count
        mac.release(found)


@case("query-finds-one")
def query_finds_one(mac: Bindings, state: State) -> None:
    for der in state.ders[:2]:
        state.arranged.trust("admin", der)
    status, found = matching(mac, None)
    assert status == 0
    assert found
    assert mac.CFGetTypeID(found) == mac.SecCertificateGetTypeID()
    mac.release(found)


@case("query-finds-nothing-code")
def query_finds_nothing_code(mac: Bindings, state: State) -> None:
    assert state.arranged
    assert matching(mac, SYSTEM_KEYCHAIN, *every(mac)) == (ITEM_NOT_FOUND, None)


@case("delete-found-alone")
def delete_found_alone(mac: Bindings, state: State) -> None:
    double = writable(state)
    for name in ("system", "login"):
        double.trust("admin", state.ders[0], keychain=name)
    assert delete_all(mac, SYSTEM_KEYCHAIN) == 0
    assert double.items == [("login", state.ders[0])]


@case("locked-keychain-keeps-items")
def locked_keychain_keeps_items(mac: Bindings, state: State) -> None:
    double = locked(state, "wrong")
    double.trust("user", state.ders[0], keychain="login")
    assert delete_all(mac, LOGIN_KEYCHAIN) == AUTHENTICATION_FAILED
    assert double.items == [("login", state.ders[0])]
    double.host(person="allow")
    assert delete_all(mac, LOGIN_KEYCHAIN) == 0
    assert double.items == []


def delete_all(mac: Bindings, keychain: bytes) -> int:
    """The status of a deletion of all certificates in a keychain."""
    status, found = matching(mac, keychain, *every(mac))
    assert status == 0
    assert found
    query = mac.dictionary(
        *(mac.constant("kSecClass"), mac.constant("kSecClassCertificate")),
        *(mac.constant("kSecMatchItemList"), found),
    )
    status = mac.SecItemDelete(query)
    mac.release(query, found)
    return status


PROOF = CASES[FIRST:]
