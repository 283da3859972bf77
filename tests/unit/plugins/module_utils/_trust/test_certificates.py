# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the reading of files that hold certificates among other things."""

from __future__ import annotations

import itertools
import shutil
import subprocess

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust.certificates import (
    certificates_in,
    holds,
    holds_only,
    withholds_servers,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.other_sources import is_damaged
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_root, pem_of

ROOT, OTHER = make_root("Lab root"), make_root("Other root")
PEM, DER = pem_of(ROOT), der_of(ROOT)
DAMAGED = b"-----BEGIN CERTIFICATE-----\n???\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (DER, [DER]),
        (PEM, [DER]),
        (b"text\n" + PEM.replace(b"\n", b"\r\n"), [DER]),
        (PEM + pem_of(OTHER), [DER, der_of(OTHER)]),
        (PEM.rstrip() + pem_of(OTHER), [DER, der_of(OTHER)]),
        (DAMAGED + PEM, [DER]),
    ],
    ids=["nothing", "DER", "PEM", "text and CRLF", "two", "joined without a line end", "a damaged one"],
)
def test_every_readable_certificate_is_found(content: bytes, expected: list[bytes]) -> None:
    assert certificates_in(content) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (PEM, True),
        (DER, True),
        (PEM + PEM, False),
        (PEM + pem_of(OTHER), False),
        (PEM + b"-----BEGIN PRIVATE KEY-----", False),
        (pem_of(OTHER), False),
    ],
    ids=["PEM", "DER", "twice", "two", "a key", "another"],
)
def test_a_file_may_go_only_when_nothing_else_is_in_it(content: bytes, expected: bool) -> None:
    assert holds_only(content, DER) is expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [(PEM, False), (DER, False), (b"text", False), (DAMAGED, True), (PEM[:100], True)],
    ids=["PEM", "DER", "text", "no base64", "cut off"],
)
def test_damage_is_what_openssl_stumbles_over(content: bytes, expected: bool) -> None:
    assert is_damaged(content) is expected


@pytest.mark.parametrize("rest", range(3))
@pytest.mark.parametrize("line", [b"\n", b"\r\n", b" \t\n\v\f\r", b""], ids=["LF", "CRLF", "blanks", "one line"])
def test_a_certificate_is_found_however_its_lines_are_broken(rest: int, line: bytes) -> None:
    root = next(each for each in map(make_root, map(str, itertools.count())) if len(der_of(each)) % 3 == rest)
    first, *body, last = pem_of(root).splitlines()
    content = pem_of(OTHER) + first + line + line.join(body) + line + last
    assert holds(content, der_of(root))
    assert not holds(content, DER)


def test_text_may_begin_with_a_digit() -> None:
    assert certificates_in(b"0 roots of ours\n" + PEM) == [DER]


def trusted(*options: str) -> bytes:
    """The root in OpenSSL's own format, as openssl writes it."""
    command = ["openssl", "x509", "-trustout", *options]
    return subprocess.run(command, input=pem_of(ROOT), capture_output=True, check=True).stdout


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
@pytest.mark.parametrize(
    ("options", "withheld"),
    [
        ([], False),
        (["-setalias", "root"], False),
        (["-addreject", "emailProtection"], False),
        (["-addtrust", "serverAuth"], False),
        (["-addtrust", "emailProtection", "-addtrust", "serverAuth", "-setalias", "root"], False),
        (["-addtrust", "emailProtection"], True),
        (["-addreject", "serverAuth"], True),
    ],
)
def test_a_trusted_certificate_says_what_it_is_trusted_for(options: list[str], withheld: bool) -> None:
    content = trusted(*options)
    assert b"BEGIN TRUSTED CERTIFICATE" in content
    assert certificates_in(content) == [der_of(ROOT)]
    assert withholds_servers(content, der_of(ROOT)) is withheld
    assert not withholds_servers(content, der_of(make_root()))
