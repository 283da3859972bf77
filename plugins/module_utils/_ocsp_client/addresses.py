# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far IP addresses reach, and hence whom a fetch may connect to.

A URL comes out of a certificate, and a redirect from anybody: neither may lead to what only this machine, or only its
network, can see.
"""

from __future__ import annotations

from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_network

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Union

    Address = Union[IPv4Address, IPv6Address]


class Reach(IntEnum):
    """From harmless to forbidden."""

    PUBLIC = 0
    #: This machine or its own networks. Responders of companies are there, and so is much that is no responder.
    PRIVATE = 1
    #: No responder has such an address: metadata services of clouds do, and nobody at all.
    NEVER = 2


# The first one that holds an address says how far it reaches; what none holds is public. A list of our own, since that
# of Python differs from one release to the next.
_NETWORKS = tuple(
    (ip_network(network), reach)
    for network, reach in (
        ("10.0.0.0/8", Reach.PRIVATE),  # RFC 1918, as the next two
        ("172.16.0.0/12", Reach.PRIVATE),
        ("192.168.0.0/16", Reach.PRIVATE),
        ("127.0.0.0/8", Reach.PRIVATE),  # loopback
        ("100.64.0.0/10", Reach.PRIVATE),  # of carriers and of overlay networks, RFC 6598
        ("192.0.0.0/24", Reach.PRIVATE),  # of protocols between this machine and its carrier, RFC 6890
        ("198.18.0.0/15", Reach.PRIVATE),  # of laboratories, RFC 2544
        ("0.0.0.0/8", Reach.NEVER),  # "this network", by which Linux reaches this machine
        ("169.254.0.0/16", Reach.NEVER),  # link-local, RFC 3927
        ("224.0.0.0/4", Reach.NEVER),  # multicast
        ("240.0.0.0/4", Reach.NEVER),  # reserved, and broadcast
        ("::1/128", Reach.PRIVATE),  # loopback
        ("fc00::/7", Reach.PRIVATE),  # unique local, RFC 4193
        ("fec0::/10", Reach.PRIVATE),  # site-local, deprecated
        ("::/96", Reach.NEVER),  # unspecified, and IPv4 addresses in a form that is deprecated
        ("fe80::/10", Reach.NEVER),  # link-local
        ("ff00::/8", Reach.NEVER),  # multicast
        ("64:ff9b:1::/48", Reach.NEVER),  # IPv4 addresses at a place that only their translator knows, RFC 8215
        ("2001::/32", Reach.NEVER),  # Teredo, which hides an IPv4 address, and is no longer in use
    )
)
# Of IPv6 addresses that lead to an IPv4 address: how many bits follow that one.
_EMBEDDING = (
    (ip_network("::ffff:0:0/96"), 0),  # IPv4-mapped
    (ip_network("64:ff9b::/96"), 0),  # translated, RFC 6052
    (ip_network("2002::/16"), 80),  # 6to4, RFC 3056
)
_IPV4 = 2**32 - 1


def reach_of(address: Address) -> Reach:
    """How far an address reaches. What leads to an IPv4 address reaches no further than that one."""
    own = next((reach for network, reach in _NETWORKS if address in network), Reach.PUBLIC)
    embedded = (
        reach_of(IPv4Address(int(address) >> following & _IPV4))
        for network, following in _EMBEDDING
        if address in network
    )
    return max(own, *embedded, Reach.PUBLIC)
