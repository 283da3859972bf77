# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is taken of a request that somebody brings, and what is refused."""

from __future__ import annotations

import base64

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.brought_requests import (
    LARGEST_REQUEST,
    parse_brought,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import NameKind
from ansible_collections.anchorage.pki.tests.unit.brought import make_request


@pytest.mark.parametrize("kind", ["rsa", "ec", "p521", "ed25519"])
def test_a_key_that_clients_take_is_taken(kind: str) -> None:
    request = parse_brought(make_request(kind, "DNS:Printer.TEST", "IP:10.0.0.9").encode(), "csr_content")
    assert [name.value for name in request.names] == ["printer.test", "10.0.0.9"]
    assert request.others == ()


def test_the_common_name_is_what_is_asked_for_where_there_is_no_other_name() -> None:
    assert [name.value for name in parse_brought(make_request(subject="/CN=a.test").encode(), "x").names] == ["a.test"]
    named = parse_brought(make_request("ec", "DNS:b.test", subject="/CN=a.test").encode(), "x")
    assert [name.value for name in named.names] == ["b.test"]
    assert parse_brought(make_request(subject="/").encode(), "x").names == ()


def test_names_that_no_leaf_can_have_are_told_apart() -> None:
    request = parse_brought(make_request("ec", "DNS:a_b.test", "DNS:a.test", "otherName:1.2.3;UTF8:x").encode(), "x")
    assert [name.value for name in request.names] == ["a.test"]
    assert request.others[0] == "DNSName 'a_b.test'"
    assert request.others[1].startswith("OtherName")


@pytest.mark.parametrize(
    ("asked", "kind"),
    [("DNS:10.0.0.9", NameKind.IP), ("DNS:ops@a.test", None), ("email:a.test", None), ("URI:a", None)],
)
def test_a_name_stays_of_its_kind_but_for_addresses_that_devices_write_as_dns(
    asked: str, kind: NameKind | None
) -> None:
    request = parse_brought(make_request("ec", asked).encode(), "x")
    assert [name.kind for name in request.names] == ([kind] if kind else [])
    assert len(request.others) == (0 if kind else 1)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("short", "an RSA key of 1024 bits, which clients refuse"),
        ("unusual curve", "a key on the curve secp256k1"),
        ("ed448", "a key of a kind that is next to never used"),
        ("exponent", "the public exponent 3"),
        ("pss", "in a form that few programs read"),
    ],
)
def test_a_key_that_clients_refuse_is_refused(kind: str, words: str) -> None:
    with pytest.raises(PkiError, match=words):
        parse_brought(make_request(kind).encode(), "csr_path /x")


def test_a_curve_that_is_written_out_is_refused() -> None:
    """By releases of the library that read it, and by those that do not."""
    with pytest.raises(PkiError, match=r"in a form that few programs read|does not know|not a certificate signing"):
        parse_brought(make_request("written out").encode(), "csr_path /x")


@pytest.mark.parametrize("digest", ["-sha1", "-md5"])
def test_a_broken_digest_is_refused(digest: str) -> None:
    with pytest.raises(PkiError, match=r"^csr_path /x: the request is signed with MD5 or SHA-1"):
        parse_brought(make_request("rsa", options=(digest,)).encode(), "csr_path /x")


def test_a_request_that_another_key_signed_is_refused() -> None:
    der = bytearray(base64.b64decode("".join(make_request("rsa").splitlines()[1:-1])))
    der[-5] ^= 1
    text = base64.encodebytes(der).decode()
    forged = f"-----BEGIN CERTIFICATE REQUEST-----\n{text}-----END CERTIFICATE REQUEST-----\n"
    with pytest.raises(PkiError, match="is not signed with its own key"):
        parse_brought(forged.encode(), "csr_path /x")


def test_windows_and_chatty_programs_are_understood() -> None:
    request = make_request("ec", "DNS:a.test")
    for text in (
        request.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
        request.replace("\n", "\r\n"),
        f"Certificate Request:\n    Data:\n{request}",
    ):
        assert [name.value for name in parse_brought(text.encode(), "x").names] == ["a.test"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a certificate signing request in PEM"),
        (b"\x30\x82\x00\x01", "openssl req -inform DER"),
        (b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "is not a certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "but a certificate, a key or the like"),
        (b"-----BEGIN A-----\n-----BEGIN B-----\n", "has 2 blocks in PEM. Give the request alone"),
        (b"x" * (LARGEST_REQUEST + 1), "is larger than"),
    ],
)
def test_what_is_no_request_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(PkiError, match=words):
        parse_brought(content, "csr_path /x")
