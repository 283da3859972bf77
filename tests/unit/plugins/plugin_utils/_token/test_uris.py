# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a key on a token is, as a URI."""

from __future__ import annotations

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.uris import KeyUri, parse_uri

MODULE = "module-path=/usr/lib/token.so"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"pkcs11:token=lab?{MODULE}", KeyUri(token="lab", module_path="/usr/lib/token.so")),
        (
            f"pkcs11:token=The%20lab;serial=07%2F;object=root%3B1;id=%01%FF;type=private?{MODULE}",
            KeyUri(token="The lab", serial="07/", object="root;1", id="01ff", module_path="/usr/lib/token.so"),
        ),
        (
            f"pkcs11:model=m;manufacturer=n?pin-source=file:/etc/pin&{MODULE}",
            KeyUri(model="m", manufacturer="n", module_path="/usr/lib/token.so", pin_source="/etc/pin"),
        ),
        (
            f"pkcs11:token=lab?{MODULE}&pin-source=file:///etc/pin",
            KeyUri(token="lab", module_path="/usr/lib/token.so", pin_source="/etc/pin"),
        ),
        (
            f"pkcs11:token=lab?{MODULE}&pin-source=/etc/pin",
            KeyUri(token="lab", module_path="/usr/lib/token.so", pin_source="/etc/pin"),
        ),
    ],
)
def test_a_uri_is_read_and_written_alike(text: str, expected: KeyUri) -> None:
    assert parse_uri(text, "root_key_uri") == expected
    assert parse_uri(str(expected), "key.uri") == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no PKCS#11 URI, which begins with pkcs11:"),
        ("/root/key.pem", "is no PKCS#11 URI"),
        ("pkcs11:token=lab", "give the path of the token's PKCS#11 module"),
        ("pkcs11:token=lab?module-path=token.so", "give the path of the token's PKCS#11 module"),
        (f"pkcs11:object=root?{MODULE}", "names no token"),
        (f"pkcs11:token=lab;tokn=x?{MODULE}", "has an attribute 'tokn'; known there are token, serial"),
        (f"pkcs11:token=lab;object?{MODULE}", "has an attribute 'object'"),
        (f"pkcs11:token=lab;token=x?{MODULE}", "names token twice"),
        (f"pkcs11:token=lab;type=cert?{MODULE}", "is about no private key"),
        (f"pkcs11:token=%FF?{MODULE}", "no text in UTF-8"),
        (f"pkcs11:token=a%0Ab?{MODULE}", "token holds a character that cannot be seen"),
        (f"pkcs11:token=lab?{MODULE}&pin-source=%7C/bin/pin", "pin-source is no path"),
        (f"pkcs11:token=lab?{MODULE}&pin-source=pin", "pin-source is no path"),
        (f"pkcs11:token=lab?module-name=token&{MODULE}", "has an attribute 'module-name'"),
    ],
)
def test_a_uri_that_names_nothing_is_refused(text: str, words: str) -> None:
    with pytest.raises(PkiError) as caught:
        parse_uri(text, "root_key_uri")
    assert str(caught.value).startswith("root_key_uri: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [f"pkcs11:token=lab?pin-value=731905&{MODULE}", f"pkcs11:token=lab;pin-value=731905?{MODULE}"],
)
def test_a_pin_in_a_uri_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(PkiError, match=r"holds a PIN \(pin-value\).*token_pin.*pin-source") as caught:
        parse_uri(text, "root_key_uri")
    assert "731905" not in str(caught.value)


def test_a_key_is_within_what_names_its_token_or_itself() -> None:
    key = KeyUri(token="lab", serial="7", object="root", id="01", module_path="/usr/lib/token.so")
    assert key.names_key
    assert not key.token_alone().names_key
    for wanted in (KeyUri(token="lab"), KeyUri(serial="7", object="root"), KeyUri(id="01"), key.token_alone()):
        assert key.is_within(wanted)
    for other in (KeyUri(token="lab2"), KeyUri(token="lab", id="02"), KeyUri(token="lab", model="m")):
        assert not key.is_within(other)
