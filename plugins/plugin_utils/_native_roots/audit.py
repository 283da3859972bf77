# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roots of several machines, compared with one another and with Mozilla's set.

Certificates are compared by their DER, and where they differ, by their public key: to a client, an authority that was
renewed with the same key is the same authority.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, NamedTuple

#: A certificate as the lookup and the module native_roots_info give it.
Certificate = Mapping[str, Any]

#: What else is compared. No machine may have one of these names.
CONTROLLER = "the controller"
MOZILLA = "Mozilla's set"
_FACTS = ("subject", "not_after", "sha256", "spki_sha256")


class Machine(NamedTuple):
    """The roots of a machine, None where they are unknown, and what could not be read, as sentences."""

    certificates: Sequence[Certificate] | None
    errors: Sequence[str] = ()

    @property
    def was_read(self) -> bool:
        """Whether its roots are known, at least in part. Errors and not a single root mean that nothing was read."""
        return self.certificates is not None and bool(self.certificates or not self.errors)


@dataclass
class _Trust:
    """Who trusts what: each certificate by its fingerprint, and the names of those that have it or its key."""

    certificates: dict[str, Certificate] = field(default_factory=dict)
    holders: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    key_holders: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, name: str, certificates: Iterable[Certificate]) -> None:
        for certificate in certificates:
            self.certificates.setdefault(certificate["sha256"], certificate)
            self.holders[certificate["sha256"]].add(name)
            self.key_holders[certificate["spki_sha256"]].add(name)

    def findings(self, chosen: Mapping[str, Iterable[str]]) -> list[dict[str, Any]]:
        """The findings for certificates, by fingerprint, and the machines concerned, if any."""
        found = [self._finding(sha256, sorted(machines)) for sha256, machines in chosen.items() if machines]
        return sorted(found, key=lambda finding: (finding["machines"], finding["subject"] or "", finding["sha256"]))

    def _finding(self, sha256: str, machines: list[str]) -> dict[str, Any]:
        """A certificate, the machines concerned, and who trusts its key by another certificate."""
        certificate = self.certificates[sha256]
        same_key = self.key_holders[certificate["spki_sha256"]] - self.holders[sha256]
        return {**{name: certificate[name] for name in _FACTS}, "machines": machines, "same_key": sorted(same_key)}


def compare_roots(machines: Mapping[str, Machine], mozilla: Sequence[Certificate], now: datetime) -> dict[str, Any]:
    """The differences between the roots of ``machines``, none of them called MOZILLA, and ``mozilla`` (empty: unknown).

    ``now`` is aware. Returns plain types: ``machines`` (name to number of roots), ``not_read`` (names), ``errors``
    (name to what could not be read, where there is something), ``mozilla`` (number or None), and lists of findings:
    ``expired``; ``unique``, trusted by one machine and neither by another nor by Mozilla; ``missing``, trusted by more
    than half of the machines and not by these; ``not_in_mozilla`` and ``missing_from_mozilla``.
    """
    trust = _Trust()
    read = {name: machine.certificates or () for name, machine in machines.items() if machine.was_read}
    for name, certificates in read.items():
        trust.add(name, certificates)
    return {
        "machines": {name: len(certificates) for name, certificates in read.items()},
        "not_read": sorted(machines.keys() - read.keys()),
        "errors": {name: list(machine.errors) for name, machine in machines.items() if machine.errors},
        "mozilla": len(mozilla) or None,
        **_compare(trust, frozenset(read), mozilla, now),
    }


def _compare(
    trust: _Trust, machines: frozenset[str], mozilla: Sequence[Certificate], now: datetime
) -> dict[str, list[dict[str, Any]]]:
    official = {certificate["sha256"] for certificate in mozilla}
    trust.add(MOZILLA, mozilla)
    holders = {sha256: names - {MOZILLA} for sha256, names in trust.holders.items()}
    trusted = {sha256: names for sha256, names in holders.items() if names}
    own = {sha256: names for sha256, names in trusted.items() if sha256 not in official}
    certificates = trust.certificates
    common = {sha256: names for sha256, names in trusted.items() if len(names) > len(machines) / 2}
    chosen: dict[str, Mapping[str, Iterable[str]]] = {
        "expired": {sha256: names for sha256, names in trusted.items() if _has_expired(certificates[sha256], now)},
        "unique": {sha256: names for sha256, names in own.items() if len(names) == 1},
        "missing": {sha256: machines - names for sha256, names in common.items()},
        "not_in_mozilla": own,
        "missing_from_mozilla": {sha256: machines - holders[sha256] for sha256 in official},
    }
    if not mozilla:
        chosen["not_in_mozilla"] = {}
        if len(machines) == 1:  # nothing to compare it with
            chosen["unique"] = {}
    return {kind: trust.findings(machines_by_sha256) for kind, machines_by_sha256 in chosen.items()}


def _has_expired(certificate: Certificate, now: datetime) -> bool:
    """Compared as texts, whose order is that of time: all are in UTC, and a host may send any text."""
    end = certificate["not_after"]
    return end is not None and end < now.astimezone(timezone.utc).isoformat()
