# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The second part of the contract: who may write trust settings and keychains, and what a write does.

No case of it runs on a real Mac as it is: each one changes what the machine trusts. But for one, which tries a write of
the administrator's settings that would be taken back, and which macOS refuses wherever nobody confirms it.
"""

from __future__ import annotations

import os
from ctypes import byref, c_uint32, c_void_p

from ansible_collections.anchorage.pki.tests.macos_double.bindings import Bindings
from ansible_collections.anchorage.pki.tests.macos_double.contract import (
    ADMIN,
    CASES,
    ITEM_NOT_FOUND,
    NO_TRUST_SETTINGS,
    PARAM,
    SYSTEM,
    USER,
    WAITS,
    NotArranged,
    Refused,
    State,
    case,
)
from ansible_collections.anchorage.pki.tests.macos_double.double import BASIC, DoubledMac

WRITE_PERMISSION, INTERNAL_COMPONENT, NO_SUCH_KEYCHAIN, DUPLICATE_ITEM = -61, -2070, -25294, -25299
INTERACTION_NOT_ALLOWED, DATA_NOT_MODIFIABLE = -25308, -25317
USER_CANCELED, AUTHENTICATION_FAILED = -128, -25293
AUTHORIZATION_DENIED, AUTHORIZATION_CANCELED, AUTHORIZATION_INTERACTION = -60005, -60006, -60007
REFUSALS = (AUTHORIZATION_DENIED, AUTHORIZATION_CANCELED, AUTHORIZATION_INTERACTION, INTERNAL_COMPONENT)
TRUST_ROOT, TRUST_AS_ROOT, DENY = 1, 2, 3
SYSTEM_KEYCHAIN, LOGIN_KEYCHAIN = (
    b"/Library/Keychains/System.keychain",
    b"/Users/me/Library/Keychains/login.keychain-db",
)
FIRST = len(CASES)


def set_settings(mac: Bindings, der: bytes, domain: int, settings: int | None = None) -> int:
    certificate = mac.certificate(der)
    status = mac.SecTrustSettingsSetTrustSettings(certificate, domain, settings)
    mac.release(certificate)
    return status  # type: ignore[no-any-return]


def set_result(mac: Bindings, der: bytes, result: int) -> int:
    key, value = mac.string("kSecTrustSettingsResult"), mac.number(result)
    settings = mac.dictionary(key, value)
    status = set_settings(mac, der, ADMIN, settings)
    mac.release(settings, key, value)
    return status


def remove_settings(mac: Bindings, der: bytes, domain: int) -> int:
    certificate = mac.certificate(der)
    status = mac.SecTrustSettingsRemoveTrustSettings(certificate, domain)
    mac.release(certificate)
    return status  # type: ignore[no-any-return]


def add_to_keychain(mac: Bindings, der: bytes, path: bytes) -> int:
    certificate, keychain = mac.certificate(der), c_void_p()
    assert mac.SecKeychainOpen(path, byref(keychain)) == 0
    status = mac.SecCertificateAddToKeychain(certificate, keychain)
    mac.release(certificate, keychain.value)
    return status  # type: ignore[no-any-return]


def writable(state: State) -> DoubledMac:
    """A Mac on which root may write all that can be written, without a person."""
    state.arranged.host(version="15.1.0", sip="off")
    return state.arranged


def refused(mac: Bindings, state: State, status: int, **host: str) -> None:
    """Assert that a write to the admin domain gives a status and changes nothing."""
    double = state.arranged
    double.host(**host)
    before = double.entries
    assert set_settings(mac, state.ders[0], ADMIN) == status
    assert double.entries == before


def try_to_write(mac: Bindings, der: bytes) -> None:
    """Write to the admin domain of a real Mac, and take that back; only where it can be, should it be allowed."""
    is_guarded, has_entries = mac.csr_check(1 << 1) != 0, export_status(mac, ADMIN) == 0
    if not is_guarded and not has_entries:
        raise NotArranged  # macOS would ask somebody before it removes the only entry
    try:
        status = set_settings(mac, der, ADMIN)
        if status in REFUSALS:
            raise Refused(status)
        assert status == 0
    finally:
        removed = remove_settings(mac, der, ADMIN)  # of what is not there, nobody is asked
    assert removed == 0


def export_status(mac: Bindings, domain: int) -> int:
    """What macOS says to an export of a domain's settings."""
    found = c_void_p()
    status = mac.SecTrustSettingsCreateExternalRepresentation(domain, byref(found))
    if found.value is not None:
        mac.release(found.value)
    return status  # type: ignore[no-any-return]


def done(mac: Bindings, state: State, **host: str) -> None:
    """Assert that a write to the admin domain succeeds, and changes what it says."""
    state.arranged.host(**host)
    assert set_settings(mac, state.ders[0], ADMIN) == 0
    assert ("admin", state.ders[0], "") in state.arranged.entries


@case("admin-by-root-old")
def admin_by_root_old(mac: Bindings, state: State) -> None:
    done(mac, state, version="10.15.7")


@case("admin-code-11")
def admin_code_11(mac: Bindings, state: State) -> None:
    refused(mac, state, INTERNAL_COMPONENT, version="11.7.10")


@case("admin-code-12")
def admin_code_12(mac: Bindings, state: State) -> None:
    if state.double is None:
        try_to_write(mac, state.ders[0])
        return
    for version in ("12.7.6", "13.7.4", "13.7.5", "14.7.5", "15.1.0", "26.0.0"):
        refused(mac, state, AUTHORIZATION_INTERACTION, version=version)


@case("admin-without-sip")
def admin_without_sip(mac: Bindings, state: State) -> None:
    for version in ("12.7.6", "13.7.4", "13.7.5", "15.1.0", "26.0.0"):
        done(mac, state, version=version, sip="off")
    refused(mac, state, AUTHORIZATION_INTERACTION, root="off")


@case("allowance-works")
def allowance_works(mac: Bindings, state: State) -> None:
    for version in ("11.7.10", "12.7.6", "13.7.4", "14.7.4"):
        done(mac, state, version=version, allowed="on")


@case("allowance-ends")
def allowance_ends(mac: Bindings, state: State) -> None:
    for version in ("13.7.5", "14.7.5", "15.1.0", "26.0.0"):
        refused(mac, state, AUTHORIZATION_INTERACTION, version=version, allowed="on")


@case("user-needs-gui")
def user_needs_gui(mac: Bindings, state: State) -> None:
    double = writable(state)
    assert set_settings(mac, state.ders[0], USER) == AUTHORIZATION_INTERACTION
    assert double.entries == []
    double.host(gui="on")
    assert set_settings(mac, state.ders[0], USER) == 0
    assert double.entries == [("user", state.ders[0], "")]


@case("prompt-canceled-code")
def prompt_canceled_code(mac: Bindings, state: State) -> None:
    refused(mac, state, AUTHORIZATION_CANCELED, gui="on", person="cancel")


@case("prompt-wrong-password-code")
def prompt_wrong_password_code(mac: Bindings, state: State) -> None:
    refused(mac, state, AUTHORIZATION_DENIED, gui="on", person="wrong")


@case("prompt-waits", WAITS)
def prompt_waits(mac: Bindings, state: State) -> None:
    state.arranged.host(gui="on", person="nobody")
    set_settings(mac, state.ders[0], ADMIN)


@case("session-has-user")
def session_has_user(mac: Bindings, state: State) -> None:
    information = (c_uint32 * 12)()
    state.arranged.host(user="502")
    assert mac.getaudit_addr(information, 48) == 0
    assert information[0] == 502 != os.geteuid()


@case("session-user-may-be-unknown")
def session_user_may_be_unknown(mac: Bindings, state: State) -> None:
    information = (c_uint32 * 12)(*[7] * 12)
    state.arranged.order("getaudit_addr", "-", 1, 1)
    assert mac.getaudit_addr(information, 48) == -1
    assert set(information) == {7}


@case("session-says-gui")
def session_says_gui(mac: Bindings, state: State) -> None:
    for value, graphic in (("off", False), ("on", True)):
        state.arranged.host(gui=value)
        attributes = c_uint32()
        assert mac.SessionGetInfo(2**32 - 1, byref(c_uint32()), byref(attributes)) == 0
        assert bool(attributes.value & 0x10) is graphic


@case("write-param-checked")
def write_param_checked(mac: Bindings, state: State) -> None:
    writable(state)
    assert mac.SecTrustSettingsSetTrustSettings(None, ADMIN, None) == PARAM
    assert mac.SecTrustSettingsRemoveTrustSettings(None, ADMIN) == PARAM
    assert set_settings(mac, state.ders[0], 9) == PARAM
    assert remove_settings(mac, state.ders[0], 9) == PARAM


@case("system-is-fixed")
def system_is_fixed(mac: Bindings, state: State) -> None:
    double = writable(state)
    double.trust("system", state.ders[0], keychain="roots")
    assert set_settings(mac, state.ders[1], SYSTEM) == DATA_NOT_MODIFIABLE
    assert remove_settings(mac, state.ders[0], SYSTEM) == DATA_NOT_MODIFIABLE
    assert double.entries == [("system", state.ders[0], "")]


@case("any-use-is-self-signed")
def any_use_is_self_signed(mac: Bindings, state: State) -> None:
    double = writable(state)
    assert set_settings(mac, state.intermediate, ADMIN) == PARAM
    assert double.entries == []
    assert set_settings(mac, state.ders[0], ADMIN) == 0


@case("root-is-self-signed")
def root_is_self_signed(mac: Bindings, state: State) -> None:
    double = writable(state)
    assert set_result(mac, state.intermediate, TRUST_ROOT) == PARAM
    assert double.entries == []
    assert set_result(mac, state.ders[0], TRUST_ROOT) == 0
    assert set_result(mac, state.intermediate, DENY) == 0


@case("as-root-is-not")
def as_root_is_not(mac: Bindings, state: State) -> None:
    double = writable(state)
    assert set_result(mac, state.ders[0], TRUST_AS_ROOT) == PARAM
    assert double.entries == []
    assert set_result(mac, state.intermediate, TRUST_AS_ROOT) == 0


@case("set-replaces")
def set_replaces(mac: Bindings, state: State) -> None:
    double = writable(state)
    double.trust("admin", state.ders[1], f"policy={BASIC};result=1")
    assert set_settings(mac, state.ders[0], ADMIN) == 0
    assert set_result(mac, state.ders[0], DENY) == 0
    assert double.entries == [
        ("admin", state.ders[1], f"policy={BASIC};result=1"),
        ("admin", state.ders[0], "result=3"),
    ]


@case("remove-from-nothing-code")
def remove_from_nothing_code(mac: Bindings, state: State) -> None:
    writable(state)
    assert remove_settings(mac, state.ders[0], ADMIN) == NO_TRUST_SETTINGS


@case("remove-absent-code")
def remove_absent_code(mac: Bindings, state: State) -> None:
    double = writable(state)
    double.trust("admin", state.ders[1])
    assert remove_settings(mac, state.ders[0], ADMIN) == ITEM_NOT_FOUND
    assert double.entries == [("admin", state.ders[1], "")]


@case("last-entry-asks", WAITS)
def last_entry_asks(mac: Bindings, state: State) -> None:
    double = writable(state)
    double.host(person="nobody")
    for der in state.ders[:2]:
        double.trust("admin", der)
    assert remove_settings(mac, state.ders[0], ADMIN) == 0
    assert double.entries == [("admin", state.ders[1], "")]
    remove_settings(mac, state.ders[1], ADMIN)


@case("unreadable-is-begun-anew")
def unreadable_is_begun_anew(mac: Bindings, state: State) -> None:
    double = writable(state)
    double.trust("admin", state.ders[1])
    double.order("erase", "admin", "on", 1)
    assert set_settings(mac, state.ders[0], ADMIN) == 0
    assert double.entries == [("admin", state.ders[0], "")]


@case("keychain-must-exist")
def keychain_must_exist(mac: Bindings, state: State) -> None:
    writable(state)
    assert add_to_keychain(mac, state.ders[0], b"/none.keychain") == NO_SUCH_KEYCHAIN


@case("keychain-duplicate-code")
def keychain_duplicate_code(mac: Bindings, state: State) -> None:
    double = writable(state)
    assert add_to_keychain(mac, state.ders[0], SYSTEM_KEYCHAIN) == 0
    assert add_to_keychain(mac, state.ders[0], SYSTEM_KEYCHAIN) == DUPLICATE_ITEM
    assert add_to_keychain(mac, state.ders[0], LOGIN_KEYCHAIN) == 0
    assert double.items == [("system", state.ders[0]), ("login", state.ders[0])]


@case("system-keychain-is-of-root")
def system_keychain_is_of_root(mac: Bindings, state: State) -> None:
    double = writable(state)
    double.host(root="off")
    assert add_to_keychain(mac, state.ders[0], SYSTEM_KEYCHAIN) == WRITE_PERMISSION
    assert double.items == []


@case("locked-keychain-code")
def locked_keychain_code(mac: Bindings, state: State) -> None:
    double = writable(state)
    double.host(root="off", locked="on")
    assert add_to_keychain(mac, state.ders[0], LOGIN_KEYCHAIN) == INTERACTION_NOT_ALLOWED
    assert double.items == []


def locked(state: State, person: str) -> DoubledMac:
    """A Mac with a locked login keychain, and a person at its screen."""
    double = writable(state)
    double.host(root="off", gui="on", locked="on", person=person)
    return double


@case("locked-keychain-waits", WAITS)
def locked_keychain_waits(mac: Bindings, state: State) -> None:
    double = locked(state, "allow")
    assert add_to_keychain(mac, state.ders[0], LOGIN_KEYCHAIN) == 0
    double.host(locked="on", person="nobody")
    add_to_keychain(mac, state.ders[1], LOGIN_KEYCHAIN)


@case("keychain-canceled-code")
def keychain_canceled_code(mac: Bindings, state: State) -> None:
    double = locked(state, "cancel")
    assert add_to_keychain(mac, state.ders[0], LOGIN_KEYCHAIN) == USER_CANCELED
    assert double.items == []


@case("keychain-wrong-password-code")
def keychain_wrong_password_code(mac: Bindings, state: State) -> None:
    double = locked(state, "wrong")
    assert add_to_keychain(mac, state.ders[0], LOGIN_KEYCHAIN) == AUTHENTICATION_FAILED
    assert double.items == []


WRITING = CASES[FIRST:]
