# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far an address reaches, in whichever form it comes."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.addresses import Reach, reach_of
from hypothesis import given
from hypothesis import strategies as st

PUBLIC = ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"]
PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.127.255.255",
    "192.0.0.8",
    "198.19.0.1",
    "::1",
    "fd00::1",
    "fc00::1",
    "fec0::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2002:c0a8:101:1::1",
]
NEVER = [
    "169.254.169.254",
    "169.254.0.1",
    "0.0.0.0",
    "0.1.2.3",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::7f00:1",
    "::8.8.8.8",
    "fe80::1",
    "febf::1",
    "ff02::1",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808",
    "2002:a9fe:a9fe::1",
    "2001:0:808:808::1",
]


@pytest.mark.parametrize(
    ("address", "reach"),
    [
        *((address, Reach.PUBLIC) for address in PUBLIC),
        *((address, Reach.PRIVATE) for address in PRIVATE),
        *((address, Reach.NEVER) for address in NEVER),
    ],
)
def test_every_address_has_a_reach(address: str, reach: Reach) -> None:
    assert reach_of(ip_address(address)) is reach


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_within_an_ipv6_address_reaches_as_far(address: IPv4Address) -> None:
    number = int(address)
    within = (f"::ffff:{address}", f"64:ff9b::{address}", f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1")
    assert {reach_of(IPv6Address(each)) for each in within} == {reach_of(address)}


@given(st.ip_addresses())
def test_what_python_knows_to_be_a_danger_is_not_public(address: IPv4Address | IPv6Address) -> None:
    danger = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    assert not danger or reach_of(address) is not Reach.PUBLIC
    assert not address.is_link_local or reach_of(address) is Reach.NEVER
