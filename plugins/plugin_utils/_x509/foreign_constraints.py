# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Name constraints that other authorities wrote (RFC 5280, section 4.2.1.10), which may have any shape.

Where they can be read in more than one way, as a domain with a leading dot, they count as the strictest verifier has
them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.constraints import NameConstraints
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import NameKind, SubjectAlternativeName


class Kind(str, Enum):
    """The kinds of names that constraints are about, each by itself: what one does not mention, it does not limit."""

    DNS = "DNS names"
    IPV4 = "IPv4 addresses"
    IPV6 = "IPv6 addresses"
    EMAIL = "e-mail addresses"
    URI = "URIs"
    DIRECTORY = "directory names"


_EVERYTHING = {Kind.IPV4: "0.0.0.0/0", Kind.IPV6: "::/0"}


def name_constraints(certificate: x509.Certificate) -> x509.NameConstraints | None:
    """Those of a certificate, None where it has none."""
    try:
        return certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return None


def unlimited_kinds(chain: Iterable[x509.NameConstraints], limits: NameConstraints | None) -> list[str]:
    """The kinds of names for which none of the constraints of a ``chain`` stays within ``limits``, in words, with what
    goes beyond them."""
    if limits is None:
        return []
    constraints = list(chain)
    found = []
    for kind in (kind for kind in Kind if kind is not Kind.DIRECTORY):
        beyond = [_beyond(each, kind, limits) for each in constraints]
        if [] not in beyond:
            wide = sorted({value for each in beyond for value in each or []})
            found.append(f"{kind.value} ({', '.join(wide)})" if wide else kind.value)
    return found


def limits_directory_names(constraints: x509.NameConstraints) -> bool:
    """Whether the subjects of certificates are limited, which a leaf names its host in."""
    return bool(_values(constraints.permitted_subtrees, Kind.DIRECTORY))


def refused_names(
    names: Sequence[SubjectAlternativeName], constraints: x509.NameConstraints
) -> list[SubjectAlternativeName]:
    """Those of ``names`` that verifiers would reject under these constraints."""
    return [name for name in names if _is_refused(name, constraints)]


def _beyond(constraints: x509.NameConstraints, kind: Kind, limits: NameConstraints) -> list[str] | None:
    """What of a kind is permitted beyond ``limits``; None where the kind is not limited at all."""
    permitted = _values(constraints.permitted_subtrees, kind)
    if not permitted:
        return [] if _is_excluded_whole(constraints, kind) else None
    if kind in _EVERYTHING:
        return [str(value) for value in permitted if not _is_within(value, limits.networks)]
    return [value for value in permitted if not _is_below(_host(value), limits.domains)]


def _is_refused(name: SubjectAlternativeName, constraints: x509.NameConstraints) -> bool:
    kind = _kind_of(name)
    matches = _address_matches if kind in _EVERYTHING else _host_matches
    permitted = _values(constraints.permitted_subtrees, kind)
    excluded = _values(constraints.excluded_subtrees, kind)
    if permitted and not any(matches(name, value, False) for value in permitted):
        return True
    return any(matches(name, value, True) for value in excluded)


def _kind_of(name: SubjectAlternativeName) -> Kind:
    if name.kind is NameKind.IP:
        return Kind.IPV4 if ipaddress.ip_address(name.value).version == 4 else Kind.IPV6
    return {NameKind.DNS: Kind.DNS, NameKind.EMAIL: Kind.EMAIL, NameKind.URI: Kind.URI}[name.kind]


def _address_matches(name: SubjectAlternativeName, network: Any, _is_excluded: bool) -> bool:
    return ipaddress.ip_address(name.value) in network


def _host_matches(name: SubjectAlternativeName, value: str, is_excluded: bool) -> bool:
    """Whether a subtree holds for a host: for a DNS name, a domain and all below it; for other names that host alone,
    or with a leading dot all below it. What is excluded counts in either way."""
    host, domain = name.host.removeprefix("*.").lower(), _host(value)
    if "@" in value and not is_excluded:
        return name.value.lower() == value.lower()
    is_below, is_dotted = host.endswith(f".{domain}") or not domain, value.startswith(".")
    if is_excluded:
        is_wild = name.host.startswith("*.") and domain.endswith(f".{host}")
        return is_below or host == domain or is_wild
    if is_dotted:
        return is_below
    return host == domain or (is_below and name.kind is NameKind.DNS)


def _values(subtrees: Iterable[x509.GeneralName] | None, kind: Kind) -> list[Any]:
    is_of: dict[Kind, Callable[[Any], bool]] = {
        Kind.DNS: lambda name: isinstance(name, x509.DNSName),
        Kind.IPV4: lambda name: isinstance(name, x509.IPAddress) and name.value.version == 4,
        Kind.IPV6: lambda name: isinstance(name, x509.IPAddress) and name.value.version == 6,
        Kind.EMAIL: lambda name: isinstance(name, x509.RFC822Name),
        Kind.URI: lambda name: isinstance(name, x509.UniformResourceIdentifier),
        Kind.DIRECTORY: lambda name: isinstance(name, x509.DirectoryName),
    }
    return [name.value for name in subtrees or [] if is_of[kind](name)]


def _is_excluded_whole(constraints: x509.NameConstraints, kind: Kind) -> bool:
    excluded = _values(constraints.excluded_subtrees, kind)
    if kind in _EVERYTHING:
        return ipaddress.ip_network(_EVERYTHING[kind]) in excluded
    return not all(excluded)


def _host(value: str) -> str:
    """The domain in a subtree: of a mailbox, of hosts, or of all below one."""
    return value.rpartition("@")[2].removeprefix(".").lower()


def _is_below(domain: str, domains: Iterable[str]) -> bool:
    return any(domain == each or domain.endswith(f".{each}") for each in domains)


def _is_within(network: Any, networks: Iterable[str]) -> bool:
    others = map(ipaddress.ip_network, networks)
    return any(network.version == each.version and network.subnet_of(each) for each in others)
