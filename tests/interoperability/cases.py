# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chains that verifiers are asked about: what the collection issues, and what nobody may accept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Profile
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import SubjectAlternativeName, parse_name
from interoperability.pki import EXPIRED, Chain, Pki

ALL_KINDS = ("app.test", "*.app.internal", "127.0.0.1", "::1", "ops@app.test", "https://app.home.arpa/path")


class Fault(Enum):
    """Why a chain must be refused."""

    OUTSIDE = "a name outside the name constraints"
    EXPIRED = "expired"
    NO_AUTHORITY = "signed by a leaf"
    PATH_LENGTH = "an authority below the issuing authority"
    PURPOSE = "another purpose"
    NAME = "another name"
    UNTRUSTED = "another root"


@dataclass(frozen=True)
class Case:
    """A chain, and what a verifier is asked about it: does this peer have the name, and may it serve the purpose?"""

    label: str
    make: Callable[[Pki], Chain]
    name: SubjectAlternativeName
    purpose: Profile = Profile.SERVER
    fault: Fault | None = None
    names: tuple[str, ...] = ()

    @property
    def holds_a_uri(self) -> bool:
        return any("://" in name for name in self.names)


def case(
    label: str,
    *names: str,
    ask: str = "",
    profile: Profile = Profile.SERVER,
    purpose: Profile | None = None,
    fault: Fault | None = None,
) -> Case:
    """A leaf for ``names``, asked for the first of them and for what its profile says, unless told otherwise."""
    return Case(
        label=label,
        make=lambda pki: pki.chain(*names, profile=profile),
        name=parse_name(ask or names[0]),
        purpose=purpose or profile,
        fault=fault,
        names=names,
    )


GOOD = [
    case("DNS", "app.test"),
    case("DNS, one label", "localhost"),
    case("DNS, the second of two names", "app.test", "www.home.arpa", ask="www.home.arpa"),
    case("DNS, international", "b\u00fccher.internal"),
    case("wildcard", "*.app.test", ask="www.app.test"),
    case("IPv4, empty subject", "10.1.2.3"),
    case("IPv6, empty subject", "fd00::1"),
    case("e-mail, empty subject", "ops@app.test", profile=Profile.CLIENT),
    case("URI, empty subject", "https://app.test/path", profile=Profile.CLIENT),
    case("URI of a workload", "spiffe://cluster.internal/ns/web", profile=Profile.PEER, purpose=Profile.CLIENT),
    *(case(f"all kinds, asked for {name}", *ALL_KINDS, ask=name) for name in ("app.test", "127.0.0.1", "::1")),
    case("all kinds, asked for the e-mail address", *ALL_KINDS, ask="ops@app.test", profile=Profile.CLIENT),
    case("client", "app.test", profile=Profile.CLIENT),
    case("peer as a server", "app.test", profile=Profile.PEER, purpose=Profile.SERVER),
    case("peer as a client", "app.test", profile=Profile.PEER, purpose=Profile.CLIENT),
]

CN_OUTSIDE = Case("CN outside, no other name", Pki.nameless, parse_name("evil.example.com"), fault=Fault.OUTSIDE)
OUTSIDE = [
    case("DNS outside", "evil.example.com", fault=Fault.OUTSIDE),
    case("DNS outside, asked for the one inside", "app.test", "evil.example.com", fault=Fault.OUTSIDE),
    case("DNS outside by its last letters alone", "fastest", fault=Fault.OUTSIDE),
    case("wildcard outside", "*.example.com", ask="www.example.com", fault=Fault.OUTSIDE),
    case("IPv4 outside", "8.8.8.8", fault=Fault.OUTSIDE),
    case("IPv6 outside", "2001:db8::1", fault=Fault.OUTSIDE),
    case("e-mail outside", "ops@example.com", profile=Profile.CLIENT, fault=Fault.OUTSIDE),
    case("e-mail outside beside DNS inside", "app.test", "ops@example.com", fault=Fault.OUTSIDE),
    case("URI outside", "https://evil.example.com/", profile=Profile.CLIENT, fault=Fault.OUTSIDE),
    case("URI outside beside DNS inside", "app.test", "https://evil.example.com/", fault=Fault.OUTSIDE),
    CN_OUTSIDE,
]

BAD = [
    *OUTSIDE,
    Case("expired", lambda pki: pki.chain("app.test", validity=EXPIRED), parse_name("app.test"), fault=Fault.EXPIRED),
    Case(
        "signed by a leaf",
        lambda pki: pki.below(pki.chain("app.test"), "www.app.test"),
        parse_name("www.app.test"),
        fault=Fault.NO_AUTHORITY,
    ),
    Case(
        "below a subordinate",
        lambda pki: pki.below_a_subordinate("app.test"),
        parse_name("app.test"),
        fault=Fault.PATH_LENGTH,
    ),
    Case("of another root", Pki.foreign, parse_name("app.test"), fault=Fault.UNTRUSTED),
    case("client as a server", "app.test", profile=Profile.CLIENT, purpose=Profile.SERVER, fault=Fault.PURPOSE),
    case("server as a client", "app.test", profile=Profile.SERVER, purpose=Profile.CLIENT, fault=Fault.PURPOSE),
    case("DNS, asked for another", "app.test", ask="www.app.test", fault=Fault.NAME),
    case("wildcard, asked for two labels", "*.app.test", ask="a.b.app.test", fault=Fault.NAME),
    case("IPv4, asked for another", "10.1.2.3", ask="10.1.2.4", fault=Fault.NAME),
    case("IPv6, asked for another", "fd00::1", ask="fd00::2", fault=Fault.NAME),
]

# How a root is replaced: hosts that trust the former one alone accept the leaves of the next.
CROSS_SIGNED = Case("below a next root that this one has cross-signed", Pki.below_a_next_root, parse_name("app.test"))

# Issued with the root's key, by an issuing authority that carries no constraints: only those of the root are left.
CONSTRAINED_BY_ROOT_ALONE = Case(
    "constrained by the root alone",
    lambda pki: pki.below_an_unconstrained_issuer("evil.example.com"),
    parse_name("evil.example.com"),
    fault=Fault.OUTSIDE,
)
