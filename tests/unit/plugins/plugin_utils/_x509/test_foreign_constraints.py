# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Name constraints as others write them: which are within limits, and which names they refuse."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.constraints import NameConstraints
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.foreign_constraints import (
    limits_directory_names,
    refused_names,
    unlimited_kinds,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import parse_names
from cryptography import x509

LIMITS = NameConstraints(("corp.test", "localhost"), ("10.0.0.0/8", "fc00::/7"))


def network(text: str) -> x509.IPAddress:
    return x509.IPAddress(ipaddress.ip_network(text))


def permitted(*names: x509.GeneralName) -> x509.NameConstraints:
    return x509.NameConstraints(names, None)


def excluded(*names: x509.GeneralName) -> x509.NameConstraints:
    return x509.NameConstraints(None, names)


OTHERS = [network("10.0.0.0/8"), network("fc00::/7"), x509.RFC822Name("corp.test")]
OTHERS.append(x509.UniformResourceIdentifier(".corp.test"))


@pytest.mark.parametrize(
    ("constraints", "words"),
    [
        ([LIMITS.extension()], []),
        ([permitted(x509.DNSName("corp.test"), *OTHERS)], []),
        ([permitted(x509.DNSName(".a.corp.test"), x509.DNSName("LOCALHOST"), *OTHERS)], []),
        ([permitted(x509.DNSName("othercorp.test"), *OTHERS)], ["DNS names (othercorp.test)"]),
        ([permitted(x509.DNSName("test"), *OTHERS)], ["DNS names (test)"]),
        ([permitted(*OTHERS)], ["DNS names"]),
        ([excluded(x509.DNSName("")), permitted(*OTHERS)], []),
        ([permitted(x509.DNSName("corp.test")), permitted(*OTHERS)], []),
        (
            [permitted(x509.DNSName("corp.test"), network("0.0.0.0/0"), *OTHERS[1:])],
            ["IPv4 addresses (0.0.0.0/0)"],
        ),
        ([excluded(network("0.0.0.0/0")), permitted(x509.DNSName("corp.test"), *OTHERS[1:])], []),
        (
            [permitted(x509.DNSName("corp.test"), *OTHERS, x509.RFC822Name("a@example.com"))],
            ["e-mail addresses (a@example.com)"],
        ),
        ([], ["DNS names", "IPv4 addresses", "IPv6 addresses", "e-mail addresses", "URIs"]),
    ],
)
def test_what_is_wider_is_told_by_kind(constraints: list[x509.NameConstraints], words: list[str]) -> None:
    assert unlimited_kinds(constraints, LIMITS) == words
    assert unlimited_kinds(constraints, None) == []


@pytest.mark.parametrize(
    ("constraints", "names", "refused"),
    [
        (
            permitted(x509.DNSName("corp.test")),
            ["corp.test", "a.corp.test", "*.corp.test", "xcorp.test"],
            ["xcorp.test"],
        ),
        (permitted(x509.DNSName(".corp.test")), ["corp.test", "a.corp.test"], ["corp.test"]),
        (permitted(x509.DNSName("corp.test")), ["10.0.0.1"], []),
        (permitted(network("10.0.0.0/8")), ["10.0.0.1", "192.168.0.1", "::1"], ["192.168.0.1"]),
        (excluded(network("::/0")), ["10.0.0.1", "::1"], ["::1"]),
        (
            excluded(x509.DNSName("a.corp.test")),
            ["corp.test", "x.a.corp.test", "*.corp.test"],
            ["x.a.corp.test", "*.corp.test"],
        ),
        (permitted(x509.RFC822Name("corp.test")), ["me@corp.test", "me@a.corp.test"], ["me@a.corp.test"]),
        (permitted(x509.RFC822Name("me@corp.test")), ["me@corp.test", "you@corp.test"], ["you@corp.test"]),
        (
            permitted(x509.UniformResourceIdentifier(".corp.test")),
            ["https://a.corp.test/", "https://corp.test/"],
            ["https://corp.test/"],
        ),
    ],
)
def test_names_are_refused_as_the_strictest_verifier_does(
    constraints: x509.NameConstraints, names: list[str], refused: list[str]
) -> None:
    assert [str(name) for name in refused_names(parse_names(names), constraints)] == refused


def test_limits_on_subjects_are_noticed() -> None:
    assert limits_directory_names(permitted(x509.DirectoryName(x509.Name([]))))
    assert not limits_directory_names(LIMITS.extension())
