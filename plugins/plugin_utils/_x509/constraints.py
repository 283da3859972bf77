# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Name constraints (RFC 5280, section 4.2.1.10): the subtrees outside which an authority's certificates are void."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import (
    NameKind,
    SubjectAlternativeName,
    is_host_name,
    parse_host_name,
    shown,
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

DEFAULT_DOMAINS = ("localhost", "local", "test", "internal", "home.arpa")
DEFAULT_NETWORKS = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")


@dataclass(frozen=True)
class NameConstraints:
    """The permitted subtrees. ``domains`` hold for DNS names and for the hosts of e-mail addresses and URIs."""

    domains: tuple[str, ...]
    networks: tuple[str, ...]

    def permits(self, name: SubjectAlternativeName) -> bool:
        """Whether a verifier would accept ``name`` under these constraints."""
        if name.kind is NameKind.IP:
            address = ipaddress.ip_address(name.value)
            return any(address in ipaddress.ip_network(network) for network in self.networks)
        host = name.host.removeprefix("*.")
        return any(host == domain or host.endswith(f".{domain}") for domain in self.domains)

    def extension(self) -> x509.NameConstraints:
        """The extension's value. A kind of address without a permitted network is excluded whole: what a certificate
        does not mention, it does not constrain."""
        permitted: list[x509.GeneralName] = [x509.DNSName(domain) for domain in self.domains]
        networks = [ipaddress.ip_network(network) for network in self.networks]
        permitted += [x509.IPAddress(network) for network in networks]
        for domain in self.domains:
            # Here a bare domain is that one host and a leading dot is all below it, unlike in a DNS constraint.
            permitted += [x509.RFC822Name(domain), x509.RFC822Name(f".{domain}")]
            permitted += [x509.UniformResourceIdentifier(domain), x509.UniformResourceIdentifier(f".{domain}")]
        everything = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
        present = {network.version for network in networks}
        excluded = [x509.IPAddress(network) for network in everything if network.version not in present]
        return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=excluded or None)


def parse_constraints(domains: list[str], networks: list[str]) -> NameConstraints:
    """Read the permitted subtrees as a user writes them. Raises PkiError that names the option."""
    if not domains:
        raise PkiError("permitted_domains: name at least one domain.")
    return NameConstraints(
        tuple(dict.fromkeys(_parse_domain(domain) for domain in domains)),
        tuple(dict.fromkeys(str(_parse_network(network)) for network in networks)),
    )


def stored_constraints(domains: list[str], networks: list[str]) -> NameConstraints:
    """The permitted subtrees as a policy keeps them. Raises PkiError where they are none."""
    if not domains or not all(map(is_host_name, domains)):
        raise PkiError("permitted_domains: not all of them are domains.")
    return NameConstraints(tuple(domains), tuple(str(_parse_network(network)) for network in networks))


def constraints_of(certificate: x509.Certificate) -> NameConstraints | None:
    """The constraints that :meth:`NameConstraints.extension` made part of an authority's certificate."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return None
    permitted = extension.permitted_subtrees or []
    return NameConstraints(
        tuple(name.value for name in permitted if isinstance(name, x509.DNSName)),
        tuple(str(name.value) for name in permitted if isinstance(name, x509.IPAddress)),
    )


def lost_subtrees(former: NameConstraints | None, wanted: NameConstraints | None) -> list[str]:
    """What is permitted under ``former`` constraints and not under ``wanted`` ones."""
    if wanted is None:
        return []
    if former is None:
        return ["any name"]
    domains = [
        domain
        for domain in former.domains
        if not any(domain == each or domain.endswith(f".{each}") for each in wanted.domains)
    ]
    return [*domains, *(network for network in former.networks if not _is_within(network, wanted.networks))]


def _is_within(network: str, others: tuple[str, ...]) -> bool:
    inner, outer = ipaddress.ip_network(network), map(ipaddress.ip_network, others)
    return any(
        inner.version == each.version and inner.subnet_of(each)  # type: ignore[arg-type]
        for each in outer
    )


def outside_names(
    names: Iterable[SubjectAlternativeName], constraints: NameConstraints | None
) -> list[SubjectAlternativeName]:
    """Those of ``names`` that verifiers would reject under ``constraints``."""
    return [name for name in names if not constraints.permits(name)] if constraints else []


def check_names(names: Sequence[SubjectAlternativeName], constraints: NameConstraints | None) -> None:
    """Raise PkiError for every name at once that verifiers would reject under ``constraints``."""
    outside = outside_names(names, constraints)
    if constraints is None or not outside:
        return
    options = {"permitted_networks" if name.kind is NameKind.IP else "permitted_domains" for name in outside}
    permitted = {"permitted_domains": constraints.domains, "permitted_networks": constraints.networks}
    listed = "; ".join(f"{option}: {', '.join(permitted[option]) or 'none'}" for option in sorted(options))
    raise PkiError(
        f"names: {shown(outside)} would be rejected by every client, being outside the "
        f"authority's name constraints ({listed}). Use other names, or have the "
        f"playbook anchorage.pki.rotate_authority bring a root whose {' and '.join(sorted(options))} include them: an "
        "existing one cannot be widened."
    )


def _parse_domain(text: str) -> str:
    try:
        return parse_host_name(text.strip().removeprefix("."))
    except PkiError as error:
        raise PkiError(f"permitted_domains: {str(error).removeprefix('names: ')}") from error


def _parse_network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text.strip())
    except ValueError as error:
        raise PkiError(f"permitted_networks: {text!r} is not a network such as 10.0.0.0/8: {error}.") from error
