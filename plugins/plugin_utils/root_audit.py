# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roots of several machines held against one another and against Mozilla's set.

Certificates are compared by their DER, and where they differ, by their public key: an authority that was renewed with
its key is the same authority to a client.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

#: A certificate as the lookup and the module native_roots_info give it.
Certificate = Mapping[str, Any]

MOZILLA = "Mozilla"
_TOLD = ("subject", "not_after", "sha256", "spki_sha256")


@dataclass
class _Trust:
    """Who trusts what: each certificate by its fingerprint, and the names of those who have it or its key."""

    certificates: dict[str, Certificate] = field(default_factory=dict)
    holders: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    key_holders: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, name: str, certificates: Iterable[Certificate]) -> None:
        for certificate in certificates:
            self.certificates.setdefault(certificate["sha256"], certificate)
            self.holders[certificate["sha256"]].add(name)
            self.key_holders[certificate["spki_sha256"]].add(name)

    def finding(self, sha256: str, machines: Iterable[str]) -> dict[str, Any]:
        """A certificate, the machines it is about, and who trusts its key by another certificate."""
        certificate = self.certificates[sha256]
        same_key = self.key_holders[certificate["spki_sha256"]] - self.holders[sha256]
        return {
            **{name: certificate[name] for name in _TOLD},
            "machines": sorted(machines),
            "same_key": sorted(same_key),
        }


def compare_roots(
    machines: Mapping[str, Iterable[Certificate] | None],
    mozilla: Sequence[Certificate],
    now: datetime,
) -> dict[str, Any]:
    """The differences between the roots of ``machines`` (None: it could not be read) and ``mozilla`` (empty: unknown).

    ``now`` is aware. Returns plain types: ``machines`` (name to number of roots), ``unread`` (names), ``mozilla``
    (number or None), and lists of findings: ``expired``; ``alone``, which one machine trusts and nobody else does,
    Mozilla included; ``missing``, which more than half of the machines trust and these do not; ``beyond_mozilla`` and
    ``lacking_of_mozilla``.
    """
    trust = _Trust()
    sizes = {}
    for name, certificates in machines.items():
        if certificates is not None:
            held = list(certificates)
            sizes[name] = len(held)
            trust.add(name, held)
    read = frozenset(sizes)
    return {
        "machines": sizes,
        "unread": sorted(machines.keys() - read),
        "mozilla": len(mozilla) or None,
        **_compare(trust, read, mozilla, now),
    }


def _compare(
    trust: _Trust, machines: frozenset[str], mozilla: Sequence[Certificate], now: datetime
) -> dict[str, list[dict[str, Any]]]:
    official = {certificate["sha256"] for certificate in mozilla}
    trust.add(MOZILLA, mozilla)
    holders = {sha256: names - {MOZILLA} for sha256, names in trust.holders.items()}

    def findings(chosen: Mapping[str, Iterable[str]]) -> list[dict[str, Any]]:
        found = [trust.finding(sha256, names) for sha256, names in chosen.items()]
        return sorted(found, key=lambda finding: (finding["machines"], finding["subject"] or "", finding["sha256"]))

    ended = {sha256 for sha256, certificate in trust.certificates.items() if _has_ended(certificate, now)}
    return {
        "expired": findings({sha256: names for sha256, names in holders.items() if names and sha256 in ended}),
        "alone": findings(
            {sha256: names for sha256, names in holders.items() if len(names) == 1 and sha256 not in official}
            if len(machines) > 1 or mozilla
            else {}
        ),
        "missing": findings(
            {
                sha256: machines - names
                for sha256, names in holders.items()
                if len(machines) / 2 < len(names) < len(machines)
            }
        ),
        "beyond_mozilla": findings(
            {sha256: names for sha256, names in holders.items() if sha256 not in official}
            if mozilla is not None
            else {}
        ),
        "lacking_of_mozilla": findings(
            {sha256: machines - holders[sha256] for sha256 in official if machines - holders[sha256]}
        ),
    }


def _has_ended(certificate: Certificate, now: datetime) -> bool:
    end = certificate["not_after"]
    return end is not None and datetime.fromisoformat(end) < now
