# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Name constraints: what they permit, and what they say where they do not."""

from __future__ import annotations

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.constraints import (
    DEFAULT_DOMAINS,
    DEFAULT_NETWORKS,
    NameConstraints,
    check_names,
    parse_constraints,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import parse_name, parse_names
from cryptography import x509

DEFAULTS = NameConstraints(DEFAULT_DOMAINS, DEFAULT_NETWORKS)


@pytest.mark.parametrize(
    "text",
    [
        "localhost",
        "app.localhost",
        "*.app.localhost",
        "printer.local",
        "nas.home.arpa",
        "127.0.0.1",
        "10.255.255.255",
        "172.31.0.1",
        "192.168.1.1",
        "::1",
        "fd12::1",
        "ops@app.internal",
        "ops@internal",
        "https://app.test/",
        "https://test/",
    ],
)
def test_the_defaults_permit_what_is_nobodys_on_the_internet(text: str) -> None:
    assert DEFAULTS.permits(parse_name(text))
    check_names(parse_names([text]), DEFAULTS)


@pytest.mark.parametrize(
    ("text", "option", "listed"),
    [
        ("example.com", "permitted_domains", "localhost, local, test, internal, home.arpa"),
        ("server01", "permitted_domains", "localhost"),
        ("*.example.com", "permitted_domains", "localhost"),
        ("mytest", "permitted_domains", "localhost"),
        ("arpa", "permitted_domains", "localhost"),
        ("ops@example.com", "permitted_domains", "localhost"),
        ("https://example.com/app.test", "permitted_domains", "localhost"),
        ("8.8.8.8", "permitted_networks", "127.0.0.0/8"),
        ("172.32.0.1", "permitted_networks", "127.0.0.0/8"),
        ("2001:db8::1", "permitted_networks", "fc00::/7"),
    ],
)
def test_a_name_outside_names_the_option_that_permits_it(text: str, option: str, listed: str) -> None:
    with pytest.raises(PkiError, match=r"^names: ") as caught:
        check_names(parse_names(["app.test", text]), DEFAULTS)
    message = str(caught.value)
    assert text in message
    assert "app.test," not in message
    assert f"whose {option} include them" in message
    assert f"{option}: " in message
    assert listed in message


def test_all_names_outside_are_told_at_once() -> None:
    with pytest.raises(PkiError) as caught:
        check_names(parse_names(["a.example.com", "8.8.8.8", "b.example.com"]), DEFAULTS)
    assert "a.example.com, 8.8.8.8, b.example.com would be rejected" in str(caught.value)
    assert "permitted_domains and permitted_networks include them" in str(caught.value)


def test_without_networks_the_message_says_none() -> None:
    with pytest.raises(PkiError, match=r"permitted_networks: none"):
        check_names(parse_names(["10.0.0.1"]), parse_constraints(["test"], []))


def test_an_unconstrained_authority_permits_everything() -> None:
    check_names(parse_names(["example.com", "8.8.8.8"]), None)


def test_constraints_are_read_as_names_are() -> None:
    constraints = parse_constraints([" .Corp.Example ", "blåbær.example", "corp.example"], ["10.0.0.0/8", "fd00::/8 "])
    assert constraints == NameConstraints(("corp.example", "xn--blbr-roah.example"), ("10.0.0.0/8", "fd00::/8"))


@pytest.mark.parametrize(
    ("domains", "networks", "words"),
    [
        ([], [], "permitted_domains: name at least one domain"),
        (["*.corp.example"], [], "permitted_domains: '*.corp.example' is not a DNS name"),
        (["10.0.0.0"], [], "permitted_domains: '10.0.0.0' looks like an IP address"),
        ([""], [], "permitted_domains: '' is not a DNS name"),
        (["test"], ["10.0.0.1/8"], "permitted_networks: '10.0.0.1/8' is not a network"),
        (["test"], ["corp.example"], "permitted_networks: 'corp.example' is not a network"),
    ],
)
def test_what_is_no_subtree_is_refused_in_the_words_of_its_option(domains, networks, words: str) -> None:
    with pytest.raises(PkiError) as caught:
        parse_constraints(domains, networks)
    assert str(caught.value).startswith(words)
    assert "names:" not in str(caught.value)


def test_the_extension_covers_every_kind_of_name() -> None:
    extension = parse_constraints(["corp.example"], ["10.0.0.0/8", "fd00::/8"]).extension()
    permitted = [(type(name).__name__, str(name.value)) for name in extension.permitted_subtrees or ()]
    assert permitted == [
        ("DNSName", "corp.example"),
        ("IPAddress", "10.0.0.0/8"),
        ("IPAddress", "fd00::/8"),
        ("RFC822Name", "corp.example"),
        ("RFC822Name", ".corp.example"),
        ("UniformResourceIdentifier", "corp.example"),
        ("UniformResourceIdentifier", ".corp.example"),
    ]
    assert extension.excluded_subtrees is None


@pytest.mark.parametrize(
    ("networks", "excluded"),
    [([], ["0.0.0.0/0", "::/0"]), (["10.0.0.0/8"], ["::/0"]), (["fd00::/8"], ["0.0.0.0/0"])],
)
def test_a_kind_of_address_without_a_network_is_excluded_whole(networks: list[str], excluded: list[str]) -> None:
    subtrees = parse_constraints(["test"], networks).extension().excluded_subtrees or []
    assert [str(subtree.value) for subtree in subtrees] == excluded
    assert all(isinstance(subtree, x509.IPAddress) for subtree in subtrees)
