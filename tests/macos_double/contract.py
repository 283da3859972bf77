# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection relies on in Apple's libraries: a case for each fact in ``FACTS.md``.

A case is a function that fails by an assertion. Some end the process, as the fact says, which is asked of the double
alone. Others need trust settings: ``state`` has those that were arranged, and is None where none can be, which is on a
real Mac; they then make do with what the Mac has, or are left out by ``NotArranged``.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import byref, c_int32, c_int64, c_void_p
from typing import NamedTuple

from ansible_collections.anchorage.pki.tests.macos_double.bindings import INT32, INT64, UTF8, Bindings
from ansible_collections.anchorage.pki.tests.macos_double.double import ALWAYS, BASIC, MAIL, SSL, DoubledMac

USER, ADMIN, SYSTEM = range(3)
NOT_TRUSTED = -67843
PARAM, INVALID_TRUST_SETTINGS, NO_TRUST_SETTINGS, ITEM_NOT_FOUND = -50, -25262, -25263, -25300
UNTOUCHED = 0x5EED
NAME = "app.test"


class NotArranged(Exception):
    """The case needs trust settings that only the double can be given."""


class Refused(Exception):
    """A real Mac does not let this process write, with this status: that is no success, and no failure either."""


class State(NamedTuple):
    """What a case works with: certificates, and the double, unless it is a real Mac."""

    ders: list[bytes]  # all self-signed but for the last, of which the first is the issuer
    double: DoubledMac | None
    leaves: list[bytes]  # of the last: a server's of the name NAME, a client's, and a server's that has expired

    @property
    def intermediate(self) -> bytes:
        """A certificate that is not self-signed."""
        return self.ders[-1]

    @property
    def arranged(self) -> DoubledMac:
        if self.double is None:
            raise NotArranged
        return self.double


Run = Callable[[Bindings, State], None]


class Case(NamedTuple):
    """A case, the fact that it is about, and how it ends: it RETURNS, it ABORTS the process, or it WAITS for ever."""

    fact: str
    run: Run
    end: str


RETURNS, ABORTS, WAITS = "returns", "aborts", "waits"
CASES: list[Case] = []


def case(fact: str, end: str = RETURNS) -> Callable[[Run], Run]:
    """A decorator that makes a function the case of a fact, and leaves it as it is."""

    def register(function: Run) -> Run:
        CASES.append(Case(fact, function, end))
        return function

    return register


@case("release-null", end=ABORTS)
def release_null(mac: Bindings, _state: State) -> None:
    mac.CFRelease(None)


@case("release-once", end=ABORTS)
def release_once(mac: Bindings, _state: State) -> None:
    data = mac.data(b"content")
    mac.release(data, data)


@case("one-type", end=ABORTS)
def one_type(mac: Bindings, _state: State) -> None:
    mac.CFArrayGetCount(mac.data(b"content"))


@case("index-in-bounds", end=ABORTS)
def index_in_bounds(mac: Bindings, _state: State) -> None:
    mac.CFArrayGetValueAtIndex(mac.array(mac.data(b"content")), 1)


@case("containers-retain")
def containers_retain(mac: Bindings, _state: State) -> None:
    key, value = mac.string("key"), mac.data(b"content")
    array, dictionary = mac.array(value), mac.dictionary(key, value)
    mac.release(value)
    assert mac.bytes_of(mac.CFArrayGetValueAtIndex(array, 0)) == b"content"
    mac.release(array)
    assert mac.bytes_of(mac.CFDictionaryGetValue(dictionary, key)) == b"content"
    mac.release(dictionary, key)


@case("get-borrows")
def get_borrows(mac: Bindings, _state: State) -> None:
    value = mac.data(b"content")
    array = mac.array(value)
    assert mac.CFArrayGetValueAtIndex(array, 0) == value
    mac.release(value, array)


@case("keys-by-value")
def keys_by_value(mac: Bindings, _state: State) -> None:
    key, other, value = mac.string("key"), mac.string("other"), mac.number(1)
    dictionary = mac.dictionary(key, value)
    same = mac.string("key " * 100 + "key")  # no short text, of which Apple's library may have one object
    long_dictionary = mac.dictionary(same, value)
    equal = mac.string("key " * 100 + "key")
    assert mac.CFDictionaryGetValue(long_dictionary, equal) == value
    assert mac.CFDictionaryGetValue(dictionary, other) is None
    mac.release(dictionary, long_dictionary, key, other, same, equal, value)


@case("equal-by-value")
def equal_by_value(mac: Bindings, _state: State) -> None:
    one, same, other, text = mac.data(b"content"), mac.data(b"content"), mac.data(b"contenT"), mac.string("content")
    assert mac.CFEqual(one, same)
    assert not mac.CFEqual(one, other)
    assert not mac.CFEqual(one, text)
    mac.release(one, same, other, text)


@case("data-copies")
def data_copies(mac: Bindings, _state: State) -> None:
    content = ctypes.create_string_buffer(b"content")
    data = mac.CFDataCreate(None, ctypes.cast(content, ctypes.c_char_p), 7)
    content[0] = b"C"
    assert mac.bytes_of(data) == b"content"
    mac.release(data)


@case("string-is-utf8")
def string_is_utf8(mac: Bindings, _state: State) -> None:
    assert mac.CFStringCreateWithCString(None, b"\xff\xfe", UTF8) is None
    string = mac.string("\u00e4\u20ac\U0001f511")
    assert mac.text_of(string) == "\u00e4\u20ac\U0001f511"
    mac.release(string)


@case("string-fits-or-false")
def string_fits_or_false(mac: Bindings, _state: State) -> None:
    string, buffer = mac.string("content"), ctypes.create_string_buffer(8)
    assert not mac.CFStringGetCString(string, buffer, 7, UTF8)
    assert mac.CFStringGetCString(string, buffer, 8, UTF8)
    assert buffer.value == b"content"
    mac.release(string)


@case("number-fits-or-false")
def number_fits_or_false(mac: Bindings, _state: State) -> None:
    large, negative, short, long = mac.number(2**32 - 1), mac.number(-1), c_int32(), c_int64()
    assert not mac.CFNumberGetValue(large, INT32, byref(short))
    assert mac.CFNumberGetValue(large, INT64, byref(long))
    assert long.value == 2**32 - 1
    assert mac.CFNumberGetValue(negative, INT32, byref(short))
    assert short.value == -1
    mac.release(large, negative)


@case("error-has-code")
def error_has_code(mac: Bindings, _state: State) -> None:
    error = make_error(mac)
    assert mac.CFErrorGetCode(error) == NOT_TRUSTED
    mac.release(error)


@case("error-description-copied")
def error_description_copied(mac: Bindings, _state: State) -> None:
    error = make_error(mac)
    text = mac.CFErrorCopyDescription(error)
    mac.release(error)
    assert mac.text_of(text) == "not trusted"
    mac.release(text)


def make_error(mac: Bindings) -> int:
    about, words = mac.constant("kCFErrorLocalizedDescriptionKey"), mac.string("not trusted")
    information = mac.dictionary(about, words)
    error = mac.CFErrorCreate(None, mac.constant("kCFErrorDomainOSStatus"), NOT_TRUSTED, information)
    mac.release(words, information)
    return error  # type: ignore[no-any-return]


@case("certificate-is-der")
def certificate_is_der(mac: Bindings, state: State) -> None:
    whole = state.ders[0]
    for damaged in (b"", b"garbage", whole[:-1], whole + b"\0"):
        assert mac.certificate(damaged) is None


@case("certificate-data-same")
def certificate_data_same(mac: Bindings, state: State) -> None:
    certificate = mac.certificate(state.ders[0])
    data = mac.SecCertificateCopyData(certificate)
    mac.release(certificate)
    assert mac.bytes_of(data) == state.ders[0]
    mac.release(data)


@case("policy-oid-ssl")
def policy_oid_ssl(mac: Bindings, _state: State) -> None:
    policy = mac.SecPolicyCreateSSL(1, None)
    assert mac.policy_oid(policy) == SSL
    mac.release(policy)


@case("policy-oid-basic")
def policy_oid_basic(mac: Bindings, _state: State) -> None:
    policy = mac.SecPolicyCreateBasicX509()
    assert mac.policy_oid(policy) == BASIC
    mac.release(policy)


@case("message-known")
def message_known(mac: Bindings, _state: State) -> None:
    message = mac.SecCopyErrorMessageString(ITEM_NOT_FOUND, None)
    assert " " in mac.text_of(message)
    assert not mac.text_of(message).startswith("OSStatus")
    mac.release(message)


def listed(mac: Bindings, domain: int) -> tuple[int, list[bytes] | int | None]:
    """The status of a list of certificates, and these; or what is where they would have been put."""
    found = c_void_p(UNTOUCHED)
    status = mac.SecTrustSettingsCopyCertificates(domain, byref(found))
    if status or found.value in (None, UNTOUCHED):
        return status, found.value
    ders = []
    for index in range(mac.CFArrayGetCount(found.value)):
        data = mac.SecCertificateCopyData(mac.CFArrayGetValueAtIndex(found.value, index))
        ders.append(mac.bytes_of(data))
        mac.release(data)
    mac.release(found.value)
    return status, ders


def settings(mac: Bindings, der: bytes, domain: int) -> tuple[int, int | None]:
    """The status of a certificate's settings, and the array of them, which the caller releases."""
    found, certificate = c_void_p(UNTOUCHED), mac.certificate(der)
    status = mac.SecTrustSettingsCopyTrustSettings(certificate, domain, byref(found))
    mac.release(certificate)
    return status, found.value


@case("param-checked")
def param_checked(mac: Bindings, state: State) -> None:
    certificate = mac.certificate(state.ders[0])
    assert mac.SecTrustSettingsCopyCertificates(ADMIN, None) == PARAM
    assert listed(mac, 9) == (PARAM, UNTOUCHED)
    assert mac.SecTrustSettingsCopyTrustSettings(None, ADMIN, byref(c_void_p())) == PARAM
    assert mac.SecTrustSettingsCopyTrustSettings(certificate, ADMIN, None) == PARAM
    assert settings(mac, state.ders[0], 9) == (PARAM, UNTOUCHED)
    mac.release(certificate)


@case("domains-apart")
def domains_apart(mac: Bindings, state: State) -> None:
    state.arranged.trust("admin", state.ders[0])
    state.arranged.trust("user", state.ders[1])
    assert listed(mac, ADMIN) == (0, [state.ders[0]])
    assert listed(mac, USER) == (0, [state.ders[1]])
    assert settings(mac, state.ders[0], USER) == (ITEM_NOT_FOUND, UNTOUCHED)


@case("listed-when-in-keychain")
def listed_when_in_keychain(mac: Bindings, state: State) -> None:
    state.arranged.trust("admin", state.ders[0])
    state.arranged.trust("admin", state.ders[1], keychain=None)
    assert listed(mac, ADMIN) == (0, [state.ders[0]])


@case("empty-domain-code")
def empty_domain_code(mac: Bindings, state: State) -> None:
    for domain in (USER, ADMIN):
        status, dummy = listed(mac, domain)
        assert status == NO_TRUST_SETTINGS or (status == 0 and state.double is None)


@case("out-untouched-list")
def out_untouched_list(mac: Bindings, state: State) -> None:
    if state.double:
        state.double.trust("admin", state.ders[0])
        state.double.order("SecTrustSettingsCopyCertificates", "admin", -36, 1)
        assert listed(mac, ADMIN) == (-36, UNTOUCHED)
    for domain in (USER, ADMIN):
        status, found = listed(mac, domain)
        assert status == 0 or found == UNTOUCHED


@case("no-entry-code")
def no_entry_code(mac: Bindings, state: State) -> None:
    for domain in (USER, ADMIN, SYSTEM):
        status, dummy = settings(mac, state.ders[2], domain)
        assert status == ITEM_NOT_FOUND


@case("out-untouched-settings")
def out_untouched_settings(mac: Bindings, state: State) -> None:
    for domain in (USER, ADMIN, SYSTEM):
        assert settings(mac, state.ders[2], domain)[1] == UNTOUCHED


@case("damaged-entry-code")
def damaged_entry_code(mac: Bindings, state: State) -> None:
    state.arranged.trust("admin", state.ders[0], "damaged")
    assert listed(mac, ADMIN) == (0, [state.ders[0]])
    assert settings(mac, state.ders[0], ADMIN) == (INVALID_TRUST_SETTINGS, UNTOUCHED)


@case("no-settings-empty-array")
def no_settings_empty_array(mac: Bindings, state: State) -> None:
    if state.double:
        state.double.trust("system", state.ders[0], keychain="roots")
    status, ders = listed(mac, SYSTEM)
    assert status == 0
    assert isinstance(ders, list)
    empty = 0
    for der in ders:
        status, array = settings(mac, der, SYSTEM)
        assert status == 0
        empty += not mac.CFArrayGetCount(array)
        mac.release(array)
    assert empty


def values(mac: Bindings, array: int, name: str) -> list[int]:
    """What each dictionary of an array of settings has under a key."""
    key = mac.string(f"kSecTrustSettings{name}")
    count = mac.CFArrayGetCount(array)
    found = [mac.CFDictionaryGetValue(mac.CFArrayGetValueAtIndex(array, index), key) for index in range(count)]
    mac.release(key)
    return found


@case("settings-in-order")
def settings_in_order(mac: Bindings, state: State) -> None:
    state.arranged.trust("admin", state.ders[0], "result=3;usage=4294967295", f"policy={MAIL};result=1", "result=2")
    status, array = settings(mac, state.ders[0], ADMIN)
    assert status == 0
    numbers = []
    for reference in values(mac, array, "Result"):
        number = c_int64()
        assert mac.CFNumberGetValue(reference, INT64, byref(number))
        numbers.append(number.value)
    assert numbers == [3, 1, 2]
    mac.release(array)


@case("policy-is-object")
def policy_is_object(mac: Bindings, state: State) -> None:
    state.arranged.trust("admin", state.ders[0], *ALWAYS)
    status, array = settings(mac, state.ders[0], ADMIN)
    assert status == 0
    policies = values(mac, array, "Policy")
    assert [mac.CFGetTypeID(policy) for policy in policies] == [mac.SecPolicyGetTypeID()] * 2
    assert [mac.policy_oid(policy) for policy in policies] == [SSL, BASIC]
    assert [mac.text_of(name) for name in values(mac, array, "PolicyName")] == ["sslServer", "basicX509"]
    mac.release(array)
